//! CRLs that operators push through the API, and take back.

use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::denied::Kept;
use super::keeper::{Keeper, State};
use super::load::{LoadError, load_with_der};
use super::loaded::{Loaded, Outcome};
use super::pushed::{self, Head, PushedFileError};
use super::recall::{kept, newest};
use super::status::CrlStatus;
use super::{Settings, listed, subject};
use crate::device::refusal;
use crate::device::revocation::{Crl, OnExpired};

/// What became of a list that was pushed. It is in force in any case.
#[derive(Debug)]
pub struct Pushed {
    /// The lists that were pushed.
    pub crls: Vec<CrlStatus>,
    /// Whether a restart will find them.
    pub kept: Kept<PushedFileError>,
}

/// What became of lists that were taken back. They do not count any more in any case.
#[derive(Debug)]
pub struct Removed {
    /// How many there were.
    pub lists: usize,
    /// Whether a restart will find it so.
    pub kept: Kept<PushedFileError>,
}

/// Why a CRL is not taken from the API, or none is taken back.
#[derive(Debug, thiserror::Error)]
pub enum PushError {
    /// It is overdue, and its CA is strict about that.
    #[error(
        "the CRL of `{issuer}` has expired, which would refuse all devices of `{certificate}`: fetch a new one from the CA, \
         or set crl_expired = \"soft\" to deny only what it lists"
    )]
    Expired {
        /// The CA.
        issuer: String,
        /// The mTLS certificate.
        certificate: String,
    },
    /// It does not load.
    #[error("the CRL for `{certificate}` is not accepted: {problem}")]
    NotLoaded {
        /// The mTLS certificate.
        certificate: String,
        /// What is wrong with it, and how to mend that.
        problem: String,
    },
    /// A reload came between.
    #[error("`{0}` has changed while the CRL was being loaded; push it again")]
    Overtaken(String),
    /// No such mTLS certificate.
    #[error("no mTLS certificate is called `{name}`; there are: {known}")]
    Unknown {
        /// What was given.
        name: String,
        /// What there is.
        known: String,
    },
}

impl Keeper {
    /// Puts the lists in `body` in force for the mTLS certificate with this name, in place of those that were pushed for
    /// the same certificates before; and keeps them. It is checked like a file, and must not be older than what is in
    /// force.
    ///
    /// # Errors
    /// [`PushError`]; then all is as it was.
    pub fn push(&self, certificate: &str, body: &[u8]) -> Result<Pushed, PushError> {
        let _one_after_the_other = self.pushing();
        let (source, settings) = self.pushed_source(certificate)?;
        let loaded = load_with_der(body, &source.authority)
            .and_then(|lists| Ok((self.accept_pushed(&lists)?, lists)))
            .map_err(|error| self.refuse(certificate, &error))?;
        let (new, lists) = loaded;
        source.check_dates(&new)?;
        let replaced =
            |old: &Arc<Crl>| new.iter().any(|new| subject::digest_of(new) == subject::digest_of(old));
        let others = source.crls.iter().filter(|old| !replaced(old)).cloned();
        let crls = others.chain(new.iter().cloned()).collect();
        self.replace_pushed(&source, |source| {
            source.take(Outcome::Read(crls), &settings);
        })?;
        let counts = |crl: &Arc<Crl>| new.iter().any(|new| Arc::ptr_eq(new, crl));
        let kept = keep(&settings, certificate, lists.iter().filter(|(_, crl)| counts(crl)));
        Ok(Pushed { crls: new.iter().map(|crl| CrlStatus::new(crl)).collect(), kept })
    }

    /// Takes back all that was pushed for the mTLS certificate with this name, which may have left the configuration.
    ///
    /// # Errors
    /// [`PushError::Unknown`], where nothing was pushed for it either.
    pub fn remove_pushed(&self, certificate: &str) -> Result<Removed, PushError> {
        let _one_after_the_other = self.pushing();
        let is_unused = |head: &Head| head.certificate == certificate;
        let unused = {
            let unused = &mut self.state().prepared.unused;
            let before = unused.len();
            unused.retain(|head| !is_unused(head));
            before - unused.len()
        };
        let in_force = match self.pushed_source(certificate) {
            Ok((source, _)) => {
                self.replace_pushed(&source, |source| {
                    source.crls.clear();
                    source.last_success = None;
                    source.ended = Some(Instant::now());
                })?;
                source.crls.len()
            }
            Err(_) if unused > 0 => 0,
            Err(error) => return Err(error),
        };
        let removed = kept(&self.settings())
            .and_then(|heads| heads.iter().filter(|head| is_unused(head)).try_for_each(Head::remove));
        Ok(Removed { lists: in_force + unused, kept: removed.map_or_else(Kept::Failed, |()| Kept::Yes) })
    }

    /// Keeps lists under the names that their CAs have by now.
    pub(super) fn follow_names(&self) {
        let (authorities, settings) = {
            let prepared = &self.state().prepared;
            (prepared.authorities.clone(), Arc::clone(&prepared.settings))
        };
        // Whoever loaded the configuration has read them, and said what is wrong with them.
        for head in kept(&settings).unwrap_or_default() {
            let Some(name) = head.new_name(&authorities) else { continue };
            if let Err(error) = self.move_to(&head, name) {
                tracing::warn!(
                    from = head.certificate,
                    to = name,
                    error,
                    "a pushed CRL counts and keeps its old name"
                );
            }
        }
    }

    fn move_to(&self, head: &Head, name: &str) -> Result<(), String> {
        let list = head.read().map_err(|error| error.to_string())?;
        let pushed = self.push(name, &list).map_err(|error| error.to_string())?;
        match pushed.kept {
            Kept::Yes => head.remove().map_err(|error| error.to_string()),
            Kept::NoStateDir => Ok(()),
            Kept::Failed(error) => Err(error.to_string()),
        }
    }

    /// How large a list may be, in octets, and how long it may take to come.
    pub fn bounds(&self) -> (usize, Duration) {
        let settings = self.settings();
        (settings.max_size, settings.timeout)
    }

    /// Of the lists in one body those that count, where nothing newer is in force.
    fn accept_pushed<T>(&self, lists: &[(T, Arc<Crl>)]) -> Result<Vec<Arc<Crl>>, LoadError> {
        let crls: Vec<_> = lists.iter().map(|(_, crl)| Arc::clone(crl)).collect();
        self.bar().accepts(&crls)?;
        Ok(newest(crls))
    }

    /// Changes what is pushed for a CA, as it was when that was decided, and publishes it.
    fn replace_pushed(&self, source: &Loaded, change: impl FnOnce(&mut Loaded)) -> Result<(), PushError> {
        let mut state = self.state();
        let current = state.prepared.sources.iter_mut().find(|known| known.is_same(source));
        let overtaken = || PushError::Overtaken(source.authority.name.to_string());
        change(current.ok_or_else(overtaken)?);
        self.publish(&mut state);
        drop(state);
        self.remember();
        Ok(())
    }

    pub(super) fn pushed_source(&self, certificate: &str) -> Result<(Loaded, Arc<Settings>), PushError> {
        let state = self.state();
        let State { prepared, .. } = &*state;
        let of = |source: &&Loaded| source.is_pushed() && *source.authority.name == *certificate;
        if let Some(source) = prepared.sources.iter().find(of) {
            return Ok((source.clone(), Arc::clone(&prepared.settings)));
        }
        let known = listed(prepared.authorities.iter().map(|authority| &*authority.name));
        Err(PushError::Unknown { name: certificate.to_owned(), known })
    }

    fn refuse(&self, certificate: &str, error: &LoadError) -> PushError {
        self.metrics.crl_load_failures.with_label_values(&[certificate, error.label()]).inc();
        PushError::NotLoaded { certificate: certificate.to_owned(), problem: error.to_string() }
    }

    fn pushing(&self) -> MutexGuard<'_, ()> {
        self.pushing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Loaded {
    /// A start refuses an overdue file of a strict CA, and so is an overdue list refused here.
    fn check_dates(&self, new: &[Arc<Crl>]) -> Result<(), PushError> {
        let expired = new.iter().find(|crl| crl.is_expired(refusal::now()));
        match expired.filter(|_| self.authority.on_expired == OnExpired::Hard) {
            None => Ok(()),
            Some(crl) => Err(PushError::Expired {
                issuer: crl.issuer_name.clone(),
                certificate: self.authority.name.to_string(),
            }),
        }
    }
}

/// Keeps lists, where there is a place for them.
fn keep<'a, D: AsRef<[u8]> + 'a>(
    settings: &Settings,
    certificate: &str,
    mut lists: impl Iterator<Item = &'a (D, Arc<Crl>)>,
) -> Kept<PushedFileError> {
    let Some(dir) = &settings.state_dir else { return Kept::NoStateDir };
    let now = refusal::now();
    match lists.try_for_each(|(der, crl)| pushed::write(dir, certificate, crl, der.as_ref(), now)) {
        Ok(()) => Kept::Yes,
        Err(error) => Kept::Failed(error),
    }
}
