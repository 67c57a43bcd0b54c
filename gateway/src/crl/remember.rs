//! Remembering the newest lists while the gateway runs, and forgetting them where a CA has started its numbers again.

use std::sync::{Arc, PoisonError};

use super::keeper::{Job, Keeper};
use super::loaded::Loaded;
use super::newest::{Bar, Newest};
use super::push::PushError;
use super::status::AuthorityStatus;
use super::{Authority, Settings};

impl Keeper {
    /// What no list may be older than.
    pub(super) fn bar(&self) -> Bar {
        let newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        Bar { index: self.index(), newest: Arc::clone(&newest) }
    }

    /// Remembers what is in force. It writes a file, so that no lock on the state may be held.
    pub(super) fn remember(&self) {
        self.change_newest(|newest, sources, _| newest.add(sources.iter().flat_map(|source| &source.crls)));
    }

    /// The same, and forgets CAs that are not configured.
    pub(super) fn remember_configured(&self) {
        self.change_newest(|newest, sources, authorities| {
            newest.retain(authorities);
            newest.add(sources.iter().flat_map(|source| &source.crls));
        });
    }

    /// Has the lists of an mTLS certificate's CAs loaded again, whatever was loaded or accepted before. What is in force then
    /// is the newest. This waits for files and servers.
    ///
    /// # Errors
    /// [`PushError::Unknown`]
    pub fn forget(&self, certificate: &str) -> Result<AuthorityStatus, PushError> {
        let (known, _) = self.pushed_source(certificate)?;
        let of = |source: &Loaded| source.authority.name == known.authority.name;
        let files = self.jobs(|source| source.is_file() && of(source));
        let mut urls: Vec<Job> = Vec::new();
        if let Some(lost) = self.lost() {
            urls = self.jobs(|source| of(source) && source.begin(lost, true));
        }
        self.load_files(files, None);
        self.load_urls(urls, None);
        self.change_newest(|newest, sources, _| {
            newest.forget(&known.authority);
            newest.add(sources.iter().flat_map(|source| &source.crls));
        });
        let mut status = self.status();
        status.retain(|status| status.certificate == certificate && status.unused.is_none());
        status.pop().ok_or_else(|| PushError::Overtaken(certificate.to_owned()))
    }

    fn change_newest(&self, change: impl FnOnce(&mut Newest, &[Loaded], &[Arc<Authority>])) {
        // Before the state is looked at: of two changes the later one has the later state.
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        let (sources, authorities, settings) = {
            let prepared = &self.state().prepared;
            (prepared.sources.clone(), prepared.authorities.clone(), Arc::clone(&prepared.settings))
        };
        let mut changed = Newest::clone(&newest);
        change(&mut changed, &sources, &authorities);
        if changed != **newest {
            keep(&changed, &settings);
            *newest = Arc::new(changed);
        }
    }
}

fn keep(newest: &Newest, settings: &Settings) {
    let kept = settings.state_dir.as_deref().map_or(Ok(()), |dir| newest.write(dir));
    if let Err(error) = kept {
        tracing::error!(%error, "which CRLs are the newest could not be kept for the next start");
    }
}
