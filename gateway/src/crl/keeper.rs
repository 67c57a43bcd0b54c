//! The keeper: what is loaded, from which file, and what is published of it.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, sleep};
use std::time::Duration;

use super::Authority;
use super::denied::{self, Authorities, Changed, Denial, DenialError, Denials, Selector};
use super::file::Stamp;
use super::load::{LoadError, load};
use super::status::{AuthorityStatus, FileStatus};
use crate::config::{Problem, Span};
use crate::device::refusal;
use crate::device::revocation::{Crl, DenyList, IssuerId, OnExpired, RevocationIndex};
use crate::device::verdicts::Verdicts;
use crate::telemetry::Metrics;

/// How often files are looked at. A revocation acts within a second, loading included.
const POLL: Duration = Duration::from_millis(250);

/// Keeps the index in step with the files.
pub struct Keeper {
    verdicts: Arc<Verdicts>,
    metrics: Metrics,
    state: Mutex<State>,
    /// Held while the index is replaced, so that no denial is lost between two of them; where both locks are held, it is
    /// the second. A denial does not wait for a CRL that is being loaded.
    denied: Mutex<Denied>,
}

/// What operators deny.
#[derive(Debug, Default)]
struct Denied {
    denials: Denials,
    /// The same, as the index has it.
    list: Arc<DenyList>,
    /// The CAs that serial numbers can be denied of.
    authorities: Authorities,
}

/// The CRLs of a configuration, loaded and not in force yet.
#[derive(Debug, Default)]
pub struct Prepared {
    authorities: Vec<Authority>,
    files: Vec<Loaded>,
    /// Of a configuration that is on its way out.
    parting: Option<Box<Prepared>>,
}

#[derive(Debug, Default)]
struct State {
    prepared: Prepared,
    /// When the index has to be looked at again although no file changed. Seconds since the epoch.
    next_expiry: Option<u64>,
}

/// A CRL file and what came of it.
#[derive(Debug)]
struct Loaded {
    authority: usize,
    path: PathBuf,
    /// Of the version that was tried last, whether it loaded or not.
    stamp: Option<Stamp>,
    /// Of the version that loaded last.
    crls: Vec<Arc<Crl>>,
    /// Why the version that was tried last did not load.
    problem: Option<String>,
}

impl Prepared {
    /// Loads every file of `authorities`; no CRL may be older than what `index` has.
    ///
    /// # Errors
    /// A problem for each file that does not load, and for each that has expired where its CA is strict about it.
    pub fn load(authorities: Vec<Authority>, index: &RevocationIndex) -> Result<Self, Vec<Problem>> {
        let (mut files, mut problems) = (Vec::new(), Vec::new());
        for (number, authority) in authorities.iter().enumerate() {
            for file in &authority.files {
                let stamp = Stamp::of(&file.value);
                match load(&file.value, authority, index) {
                    Ok(crls) => {
                        problems.extend(expired(&crls, authority.on_expired, file.span));
                        files.push(Loaded {
                            authority: number,
                            path: file.value.clone(),
                            stamp,
                            crls,
                            problem: None,
                        });
                    }
                    Err(error) => problems.push(refused(&error, file.span)),
                }
            }
        }
        if problems.is_empty() { Ok(Self { authorities, files, parting: None }) } else { Err(problems) }
    }

    fn and(self, parting: Self) -> Self {
        Self { parting: Some(Box::new(parting)), ..self }
    }

    fn forget(&mut self) {
        self.parting = None;
    }

    /// This one, and the one that is parting.
    fn all(&self) -> impl Iterator<Item = &Self> {
        std::iter::once(self).chain(self.parting.as_deref())
    }

    fn index(&self, generation: u64, denied: Arc<DenyList>) -> RevocationIndex {
        let files = self.all().flat_map(|prepared| &prepared.files);
        let crls = files.flat_map(|file| file.crls.iter().map(Arc::clone));
        let on_expired = |id: &IssuerId| {
            let of = |authority: &&Authority| authority.issuers.iter().any(|issuer| issuer.id == *id);
            // A CA that was uploaded twice is as strict as the stricter of the two.
            let mut uploads = self.all().flat_map(|prepared| &prepared.authorities).filter(of);
            let soft = uploads.all(|authority| authority.on_expired == OnExpired::Soft);
            if soft { OnExpired::Soft } else { OnExpired::Hard }
        };
        RevocationIndex::new(generation, crls, on_expired, denied)
    }
}

fn refused(error: &LoadError, span: Span) -> Problem {
    Problem::error(error.to_string())
        .at(span)
        .remedy("name a CRL of this CA that the gateway's user may read")
}

fn expired(crls: &[Arc<Crl>], on_expired: OnExpired, span: Span) -> Option<Problem> {
    let crl = crls.iter().find(|crl| crl.is_expired(refusal::now()))?;
    let message = format!("the CRL of `{}` has expired", crl.issuer_name);
    match on_expired {
        OnExpired::Soft => None,
        OnExpired::Hard => {
            Some(Problem::error(message).at(span).remedy(
                "fetch a new one from the CA, or set crl_expired = \"soft\" to deny only what it lists",
            ))
        }
    }
}

impl Keeper {
    /// Puts `prepared` and `denials` in force.
    pub fn new(prepared: Prepared, denials: Denials, verdicts: Arc<Verdicts>, metrics: Metrics) -> Self {
        let denied = Denied { list: Arc::new(denials.list()), denials, authorities: Authorities::new() };
        let keeper = Self { verdicts, metrics, state: Mutex::default(), denied: Mutex::new(denied) };
        keeper.adopt(prepared, || ());
        keeper
    }

    /// Puts the CRLs of another configuration in force. While `publish` puts its snapshot in force, the CRLs of both
    /// count: no device is judged by the one without the lists of the other.
    pub fn adopt(&self, prepared: Prepared, publish: impl FnOnce()) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::take(&mut state.prepared);
        state.prepared = prepared.and(before);
        self.denied().authorities = denied::authorities(&state.prepared.authorities);
        self.publish(&mut state);
        publish();
        state.prepared.forget();
        self.publish(&mut state);
    }

    /// The CAs with their CRL files.
    pub fn status(&self) -> Vec<AuthorityStatus> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let Prepared { authorities, files, parting: _ } = &state.prepared;
        let of_authority = |(number, authority): (usize, &Authority)| {
            let own = files.iter().filter(|file| file.authority == number);
            let files = own.map(|file| FileStatus::new(&file.path, &file.crls, file.problem.as_deref()));
            AuthorityStatus::new(authority, files.collect())
        };
        authorities.iter().enumerate().map(of_authority).collect()
    }

    /// Denies what `selector` says, at once: on the next handshake, and on open connections.
    ///
    /// # Errors
    /// It says nothing that can be denied.
    pub fn deny(&self, selector: &Selector) -> Result<Changed, DenialError> {
        self.change(|denied| denied.denials.add(selector, &denied.authorities, refusal::now()))
    }

    /// Pardons what `selector` says.
    ///
    /// # Errors
    /// It says nothing that can be denied.
    pub fn undeny(&self, selector: &Selector) -> Result<Changed, DenialError> {
        self.change(|denied| denied.denials.remove(selector))
    }

    /// What is denied, and the file that it is kept in.
    pub fn denials(&self) -> (Vec<Denial>, Option<PathBuf>) {
        let denied = self.denied();
        (denied.denials.records().to_vec(), denied.denials.file().map(Into::into))
    }

    fn change(
        &self,
        change: impl FnOnce(&mut Denied) -> Result<Vec<Denial>, DenialError>,
    ) -> Result<Changed, DenialError> {
        let mut denied = self.denied();
        let records = change(&mut denied)?;
        if !records.is_empty() {
            denied.list = Arc::new(denied.denials.list());
            // In force before it is kept: a disk may be slow.
            self.verdicts.publish(self.verdicts.index().with_denied(Arc::clone(&denied.list)));
        }
        Ok(Changed { records, kept: denied.denials.keep() })
    }

    fn denied(&self) -> MutexGuard<'_, Denied> {
        self.denied.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks after the files for as long as the process lives, on a thread of its own.
    ///
    /// # Errors
    /// When there is no thread to be had.
    pub fn watch(self: &Arc<Self>) -> std::io::Result<()> {
        let keeper = Arc::clone(self);
        let watch = move || {
            loop {
                sleep(POLL);
                keeper.poll();
            }
        };
        Builder::new().name("crl".into()).spawn(watch).map(drop)
    }

    /// Loads what has changed, and publishes what came of it.
    fn poll(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let index = Arc::clone(&self.verdicts.index());
        let mut changed = state.next_expiry.is_some_and(|due| refusal::now() > due);
        let Prepared { authorities, files, parting: _ } = &mut state.prepared;
        for file in files {
            let stamp = Stamp::of(&file.path);
            let Some(authority) = authorities.get(file.authority).filter(|_| stamp != file.stamp) else {
                continue;
            };
            file.stamp = stamp;
            match load(&file.path, authority, &index) {
                Ok(crls) => {
                    let entries: usize = crls.iter().map(|crl| crl.len()).sum();
                    tracing::info!(file = %file.path.display(), entries, "CRL loaded");
                    file.crls = crls;
                    file.problem = None;
                    changed = true;
                }
                Err(error) => {
                    let labels = [&*authority.name, error.label()];
                    self.metrics.crl_load_failures.with_label_values(&labels).inc();
                    tracing::error!(%error, "CRL not loaded; the one before stays in force");
                    file.problem = Some(error.to_string());
                }
            }
        }
        if changed {
            self.publish(&mut state);
        }
    }

    fn publish(&self, state: &mut State) {
        let denied = self.denied();
        let before = self.verdicts.index().generation();
        let index = state.prepared.index(before + 1, Arc::clone(&denied.list));
        state.next_expiry = index.next_expiry(refusal::now());
        self.describe(&state.prepared, &index);
        self.verdicts.publish(index);
    }

    fn describe(&self, prepared: &Prepared, index: &RevocationIndex) {
        let metrics = &self.metrics;
        metrics.crl_entries.reset();
        metrics.crl_next_update.reset();
        for (number, authority) in prepared.authorities.iter().enumerate() {
            let crls =
                || prepared.files.iter().filter(|file| file.authority == number).flat_map(|file| &file.crls);
            let entries: usize = crls().map(|crl| crl.len()).sum();
            if !authority.files.is_empty() {
                metrics.crl_entries.with_label_values(&[&*authority.name]).set(count(entries));
            }
            if let Some(due) = crls().filter_map(|crl| crl.next_update).min() {
                metrics.crl_next_update.with_label_values(&[&*authority.name]).set(due.cast_signed());
            }
        }
        let with_sha1 = prepared.authorities.iter().filter(|authority| authority.allow_sha1).count();
        metrics.sha1_authorities.set(count(with_sha1));
        metrics.crl_bytes.set(count(index.heap_bytes()));
    }
}

fn count(number: usize) -> i64 {
    number.try_into().unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
