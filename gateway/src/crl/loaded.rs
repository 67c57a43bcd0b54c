//! A place that CRLs come from, and what came of it so far.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use super::fetch::Validators;
use super::file::Stamp;
use super::load::LoadError;
use super::schedule::{self, Attempt};
use super::source::Source;
use super::url::CrlUrl;
use super::{Authority, Settings};
use crate::device::refusal;
use crate::device::revocation::Crl;

/// A source of a CA's CRLs.
#[derive(Clone, Debug)]
pub(super) struct Loaded {
    pub(super) authority: Arc<Authority>,
    pub(super) progress: Progress,
    /// Of the version that loaded last.
    pub(super) crls: Vec<Arc<Crl>>,
    /// When that was, or when it was found unchanged at its URL. Seconds since the epoch.
    pub(super) last_success: Option<u64>,
    /// Why the last attempt failed, if it did.
    pub(super) failure: Option<Failure>,
    /// When that last attempt ended; what is older loses.
    pub(super) ended: Option<Instant>,
}

/// How far looking after a source has come.
#[derive(Clone, Debug)]
pub(super) enum Progress {
    File {
        path: PathBuf,
        /// Of the version that was tried last, whether it loaded or not.
        stamp: Option<Stamp>,
    },
    Url {
        url: CrlUrl,
        remote: Remote,
    },
    /// What operators pushed through the API; nothing, most of the time.
    Pushed,
}

/// What is known of a list at a URL.
#[derive(Clone, Debug)]
pub(super) struct Remote {
    pub(super) validators: Validators,
    /// SHA-256 of what loaded last: servers that do not know `If-None-Match` send it again and again.
    pub(super) digest: Option<String>,
    /// Attempts since the last that did not fail.
    pub(super) failures: u32,
    /// When the next attempt is due.
    pub(super) due: Instant,
}

/// Why an attempt failed.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    /// The value of the metric label `reason`.
    pub(super) label: &'static str,
    pub(super) text: String,
}

/// What an attempt brought.
pub(super) enum Outcome {
    Failed(LoadError),
    /// A file's version, loaded.
    Read(Vec<Arc<Crl>>),
    /// A version from a URL, loaded.
    Fetched {
        crls: Vec<Arc<Crl>>,
        validators: Validators,
        digest: String,
    },
    /// A URL's version is the one that is loaded.
    Unchanged,
}

impl Loaded {
    pub(super) fn new(authority: &Arc<Authority>, source: &Source) -> Self {
        let progress = match source {
            Source::Api => Progress::Pushed,
            Source::File(path) => Progress::File { path: path.clone(), stamp: None },
            Source::Url(url) => Progress::Url {
                url: url.clone(),
                remote: Remote {
                    validators: Validators::default(),
                    digest: None,
                    failures: 0,
                    due: Instant::now(),
                },
            },
        };
        let authority = Arc::clone(authority);
        Self { authority, progress, crls: Vec::new(), last_success: None, failure: None, ended: None }
    }

    /// The source, for people.
    pub(super) fn name(&self) -> String {
        match &self.progress {
            Progress::File { path, .. } => path.display().to_string(),
            Progress::Url { url, .. } => url.to_string(),
            Progress::Pushed => "api".to_owned(),
        }
    }

    pub(super) fn is_file(&self) -> bool {
        matches!(self.progress, Progress::File { .. })
    }

    pub(super) fn is_pushed(&self) -> bool {
        matches!(self.progress, Progress::Pushed)
    }

    /// Whether nobody has pushed anything: there is nothing to tell of it.
    pub(super) fn is_idle(&self) -> bool {
        self.is_pushed() && self.crls.is_empty()
    }

    /// Whether two are the same source of the same CA.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        let same_source = match (&self.progress, &other.progress) {
            (Progress::File { path, .. }, Progress::File { path: other, .. }) => path == other,
            (Progress::Url { url, .. }, Progress::Url { url: other, .. }) => url == other,
            (Progress::Pushed, Progress::Pushed) => true,
            _ => false,
        };
        same_source && self.authority.signs_like(&other.authority)
    }

    /// Remembers which version of a file was tried.
    pub(super) fn tried(&mut self, attempt: &Self) {
        if let (Progress::File { stamp, .. }, Progress::File { stamp: tried, .. }) =
            (&mut self.progress, &attempt.progress)
        {
            *stamp = *tried;
        }
    }

    /// Takes in what an attempt brought. Whether what is loaded has changed.
    pub(super) fn take(&mut self, outcome: Outcome, settings: &Settings) -> bool {
        let now = refusal::now();
        self.ended = Some(Instant::now());
        let (changed, failure) = match outcome {
            Outcome::Failed(error) => {
                let failure = Failure { label: error.label(), text: format!("{}: {error}", self.name()) };
                (false, Some(failure))
            }
            Outcome::Unchanged => (false, None),
            Outcome::Read(crls) => {
                self.crls = crls;
                (true, None)
            }
            Outcome::Fetched { crls, validators, digest } => {
                self.crls = crls;
                if let Progress::Url { remote, .. } = &mut self.progress {
                    remote.validators = validators;
                    remote.digest = Some(digest);
                }
                (true, None)
            }
        };
        if failure.is_none() {
            self.last_success = Some(now);
        }
        self.failure = failure;
        self.plan(settings, now);
        changed
    }

    /// Decides when a URL is asked again.
    fn plan(&mut self, settings: &Settings, now: u64) {
        let window = self.crls.iter().filter_map(|crl| Some((crl.this_update, crl.next_update?)));
        let window = window.min_by_key(|(_, due)| *due);
        let Progress::Url { remote, .. } = &mut self.progress else { return };
        remote.failures = if self.failure.is_some() { remote.failures.saturating_add(1) } else { 0 };
        let attempt = Attempt { refresh: settings.refresh, failures: remote.failures, window, now };
        remote.due = Instant::now() + schedule::delay(attempt, fastrand::f64());
    }

    /// Where `settings` want a URL asked more often, it is asked earlier.
    pub(super) fn hasten(&mut self, settings: &Settings) {
        if let Progress::Url { remote, .. } = &mut self.progress {
            remote.due = remote.due.min(Instant::now() + settings.refresh);
        }
    }

    /// What is degraded.
    pub(super) fn warnings(&self) -> Vec<String> {
        let failure = self.failure.as_ref().map(|failure| {
            let kept = if self.crls.is_empty() { "and there is none" } else { "the one before is in force" };
            format!("CRL not loaded, {kept}: {}", failure.text)
        });
        let overdue = self.crls.iter().filter(|crl| crl.is_expired(refusal::now()));
        let overdue = overdue.map(|crl| format!("the CRL of `{}` has expired", crl.issuer_name));
        failure.into_iter().chain(overdue).collect()
    }

    /// When the next attempt is due, in seconds since the epoch.
    pub(super) fn next_attempt(&self) -> Option<u64> {
        let Progress::Url { remote, .. } = &self.progress else { return None };
        let left = remote.due.saturating_duration_since(Instant::now());
        Some(refusal::now() + left.as_secs())
    }
}
