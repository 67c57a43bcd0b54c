//! The keeper: what is in force, and what is published of it.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::denied::{self, Authorities, Changed, Denial, DenialError, Denials, DeniedFileError, Selector};
use super::loaded::{Loaded, Outcome};
use super::newest::Newest;
use super::prepare::{Files, Network, Prepared};
use super::status::AuthorityStatus;
use super::{Settings, Wanted, gauges, stored};
use crate::config::Problem;
use crate::device::refusal;
use crate::device::revocation::{DenyList, RevocationIndex};
use crate::device::verdicts::Verdicts;
use crate::telemetry::Metrics;

/// Keeps the index in step with the sources of CRLs and with what operators deny.
pub struct Keeper {
    verdicts: Arc<Verdicts>,
    pub(super) metrics: Metrics,
    /// Not held while anything is read, fetched or parsed.
    state: Mutex<State>,
    /// Held while the index is replaced, so that no denial is lost between two of them; where both locks are held, it is
    /// the second.
    denied: Mutex<Denied>,
    /// Held throughout a change of what is pushed, before any other: one comes after the other, on the disk too.
    pub(super) pushing: Mutex<()>,
    /// The newest list of each CA that was accepted; where `state` is locked too, it is the first.
    pub(super) newest: Mutex<Arc<Newest>>,
}

/// What operators deny.
#[derive(Debug, Default)]
pub(super) struct Denied {
    pub(super) denials: Denials,
    /// The same, as the index has it.
    list: Arc<DenyList>,
    /// The CAs that serial numbers can be denied of.
    authorities: Authorities,
    /// How many denials there may be.
    pub(super) most: usize,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) prepared: Prepared,
    /// Moves with every configuration: what was loaded for another one is not taken.
    epoch: u64,
    /// When the index has to be looked at again although nothing was loaded. Seconds since the epoch.
    next_expiry: Option<u64>,
}

/// A source that is to be looked at, as it was when that was decided.
pub(super) struct Job {
    epoch: u64,
    position: usize,
    pub(super) source: Loaded,
}

impl Keeper {
    /// Puts `prepared` and `denials` in force.
    pub fn new(prepared: Prepared, denials: Denials, verdicts: Arc<Verdicts>, metrics: Metrics) -> Self {
        let denied = Denied { list: Arc::new(denials.list()), denials, ..Denied::default() };
        let keeper = Self {
            verdicts,
            metrics,
            state: Mutex::default(),
            denied: Mutex::new(denied),
            pushing: Mutex::default(),
            newest: Mutex::new(Arc::clone(&prepared.newest)),
        };
        keeper.adopt(prepared, || ());
        keeper
    }

    /// Loads another configuration's CRLs, without putting them in force. URLs that are looked after already are not
    /// asked again. This may wait for files and servers.
    ///
    /// # Errors
    /// A problem for each source that has to load and does not.
    pub fn prepare(&self, wanted: Wanted) -> Result<Prepared, Vec<Problem>> {
        let running = self.state().prepared.sources.clone();
        Prepared::with(wanted, &self.bar(), Network::Ask, Files::Read, &running)
    }

    /// The same for CAs that changed under a configuration that did not: files that are looked after already are not read
    /// again either.
    ///
    /// # Errors
    /// A problem for each source that has to load and does not.
    pub fn prepare_changed(&self, wanted: Wanted) -> Result<Prepared, Vec<Problem>> {
        let running = self.state().prepared.sources.clone();
        Prepared::with(wanted, &self.bar(), Network::Ask, Files::Keep, &running)
    }

    /// Whether these CAs, with these sources, are in force already.
    pub fn has(&self, wanted: &Wanted) -> bool {
        let state = self.state();
        let own = state.prepared.authorities.iter().map(|authority| &**authority);
        own.eq(wanted.authorities.iter())
    }

    /// While `publish` puts a snapshot in force, CRLs stay as they are; open connections hear of it afterwards.
    pub fn keep(&self, publish: impl FnOnce()) {
        let _same = self.state();
        let denied = self.denied();
        publish();
        self.verdicts.publish(self.verdicts.index().with_denied(Arc::clone(&denied.list)));
    }

    /// Puts the CRLs of another configuration in force. While `publish` puts its snapshot in force, the CRLs of both
    /// count: no device is judged by the one without the lists of the other.
    pub fn adopt(&self, prepared: Prepared, publish: impl FnOnce()) {
        let mut state = self.state();
        let before = std::mem::take(&mut state.prepared);
        state.epoch += 1;
        let failed = |source: &&Loaded| {
            source.failure.is_some() && !before.sources.iter().any(|known| known.is_same(source))
        };
        prepared.sources.iter().filter(failed).for_each(|source| self.count_failure(source));
        state.prepared = prepared.and(before);
        let mut denied = self.denied();
        denied.authorities =
            denied::authorities(state.prepared.authorities.iter().map(|authority| &**authority));
        denied.most = state.prepared.settings.max_denied;
        drop(denied);
        self.publish(&mut state);
        publish();
        state.prepared.alone();
        self.publish(&mut state);
        drop(state);
        self.remember_configured();
        self.tidy();
        self.follow_names();
    }

    /// Removes what was kept of URLs that are not configured any more.
    fn tidy(&self) {
        let (urls, settings) = {
            let prepared = &self.state().prepared;
            let urls: Vec<_> = prepared.sources.iter().filter_map(|source| source.url().cloned()).collect();
            (urls, Arc::clone(&prepared.settings))
        };
        let tidied = settings.state_dir.as_deref().map_or(Ok(()), |dir| stored::tidy(dir, urls.iter()));
        if let Err(error) = tidied {
            tracing::warn!(%error, "CRLs of URLs that are not configured stay in server.state_dir");
        }
    }

    /// The CAs with the sources of their CRLs.
    pub fn status(&self) -> Vec<AuthorityStatus> {
        let state = self.state();
        let prepared = &state.prepared;
        let configured = prepared
            .by_authority()
            .into_iter()
            .map(|(authority, sources)| AuthorityStatus::new(authority, sources.into_iter()));
        configured.chain(prepared.unused.iter().map(AuthorityStatus::unused)).collect()
    }

    /// What is degraded: CRLs that did not load, or are overdue.
    pub fn warnings(&self) -> Vec<String> {
        let state = self.state();
        let of_sources = state.prepared.sources.iter().flat_map(Loaded::warnings);
        of_sources.chain(state.prepared.unused_lists()).collect()
    }

    /// Denies what `selector` says, at once: on the next handshake, and on open connections.
    ///
    /// # Errors
    /// It says nothing that can be denied, or as much is denied as may be.
    pub fn deny(&self, selector: &Selector) -> Result<Changed, DenialError> {
        let add = |denied: &mut Denied| {
            let Denied { denials, authorities, most, .. } = denied;
            denials.add(selector, authorities, *most, refusal::now())
        };
        self.change(add).inspect_err(|error| {
            if matches!(error, DenialError::Full { .. }) {
                self.metrics.denials_refused.inc();
            }
        })
    }

    /// Pardons what `selector` says.
    ///
    /// # Errors
    /// It says nothing that can be denied.
    pub fn undeny(&self, selector: &Selector) -> Result<Changed, DenialError> {
        self.change(|denied| denied.denials.remove(selector, &denied.authorities))
    }

    /// What is denied, and the file that it is kept in.
    pub fn denials(&self) -> (Vec<Denial>, Option<PathBuf>) {
        let denied = self.denied();
        (denied.denials.records().to_vec(), denied.denials.file().map(Into::into))
    }

    /// Leaves `server.state_dir` to another gateway: CRLs are looked after as before, and nothing is written there.
    pub fn leave_state_dir(&self) {
        let mut state = self.state();
        let settings = Settings { state_dir: None, ..Settings::clone(&state.prepared.settings) };
        state.prepared.settings = Arc::new(settings);
    }

    /// Puts in force what another gateway denies, which has the file now.
    ///
    /// # Errors
    /// The file cannot be read; what was denied before stays denied.
    pub fn follow_denials(&self) -> Result<(), DeniedFileError> {
        let mut denied = self.denied();
        if denied.denials.read_again()? {
            denied.list = Arc::new(denied.denials.list());
            self.verdicts.publish(self.verdicts.index().with_denied(Arc::clone(&denied.list)));
        }
        Ok(())
    }

    /// The sources that `wanted` picks; it may note on them that somebody looks after them now.
    pub(super) fn jobs(&self, mut wanted: impl FnMut(&mut Loaded) -> bool) -> Vec<Job> {
        let mut state = self.state();
        let epoch = state.epoch;
        let sources = state.prepared.sources.iter_mut().enumerate();
        let picked = sources.filter_map(|(position, source)| {
            wanted(source).then(|| Job { epoch, position, source: source.clone() })
        });
        picked.collect()
    }

    /// Takes in what became of jobs, and publishes what changed.
    pub(super) fn finish(&self, done: impl IntoIterator<Item = (Job, Outcome)>) {
        let mut state = self.state();
        let mut changed = state.next_expiry.is_some_and(|due| refusal::now() > due);
        let mut attempted = false;
        for (job, outcome) in done {
            let State { prepared, epoch, .. } = &mut *state;
            // A configuration that came meanwhile has loaded its sources itself.
            let current = prepared.sources.get_mut(job.position).filter(|_| job.epoch == *epoch);
            let Some(source) = current else { continue };
            attempted = true;
            let known = source.failure.take();
            source.tried(&job.source);
            let loaded = source.take(outcome, &prepared.settings);
            changed |= loaded;
            match &source.failure {
                Some(failure) => {
                    self.count_failure(source);
                    // The same failure every few seconds fills the log, and says nothing new.
                    if known.is_none_or(|known| known.text != failure.text) {
                        tracing::error!(
                            error = failure.text,
                            "CRL not loaded; the one before stays in force"
                        );
                    }
                }
                None if loaded => {
                    let entries: usize = source.crls.iter().map(|crl| crl.len()).sum();
                    tracing::info!(source = source.name(), entries, "CRL loaded");
                }
                None => {}
            }
        }
        if changed {
            self.publish(&mut state);
            drop(state);
            self.remember();
        } else if attempted {
            gauges::attempts(&state.prepared, &self.metrics);
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn index(&self) -> Arc<RevocationIndex> {
        Arc::clone(&self.verdicts.index())
    }

    pub(super) fn change(
        &self,
        change: impl FnOnce(&mut Denied) -> Result<Vec<Denial>, DenialError>,
    ) -> Result<Changed, DenialError> {
        let mut denied = self.denied();
        let records = change(&mut denied)?;
        if !records.is_empty() {
            denied.list = Arc::new(denied.denials.list());
            // In force before it is kept: a disk may be slow.
            self.verdicts.publish(self.verdicts.index().with_denied(Arc::clone(&denied.list)));
            gauges::denied(&denied.list, &self.metrics);
        }
        Ok(Changed { records, kept: denied.denials.keep() })
    }

    fn denied(&self) -> MutexGuard<'_, Denied> {
        self.denied.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn publish(&self, state: &mut State) {
        let denied = self.denied();
        let before = self.verdicts.index().generation();
        let index = state.prepared.index(before + 1, Arc::clone(&denied.list));
        state.next_expiry = index.next_expiry(refusal::now());
        gauges::describe(&state.prepared, &index, &self.metrics);
        self.verdicts.publish(index);
    }

    fn count_failure(&self, source: &Loaded) {
        let reason = source.failure.as_ref().map_or("", |failure| failure.label);
        self.metrics.crl_load_failures.with_label_values(&[&*source.authority.name, reason]).inc();
    }
}

#[cfg(test)]
mod tests;
