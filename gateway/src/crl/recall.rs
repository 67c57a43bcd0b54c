//! Lists that operators pushed, when a configuration is loaded: those in force go on, and a start finds those that were
//! kept.

use std::sync::Arc;
use std::time::Instant;

use super::load::load;
use super::loaded::Loaded;
use super::prepare::{Prepared, Running};
use super::pushed::{self, Head, PushedFileError};
use super::source::Source;
use super::{Authority, Settings};
use crate::config::Problem;
use crate::device::revocation::{Crl, OnExpired, RevocationIndex};

impl Prepared {
    /// Gives every CA what was pushed for it: as it is in `running`, or as it was kept. A problem for what cannot be read:
    /// without it the gateway would let in who is revoked.
    pub(super) fn recall_pushed(&mut self, running: &Running<'_>) -> Vec<Problem> {
        let mut heads = match kept(&self.settings) {
            Ok(heads) => heads,
            Err(error) => return vec![problem(&error)],
        };
        for head in &mut heads {
            // Whoever renames a CA lets nobody in.
            if let Some(name) = head.new_name(&self.authorities) {
                head.certificate = name.to_owned();
            }
        }
        let mut problems = Vec::new();
        for authority in &self.authorities {
            let mut source = Loaded::new(authority, &Source::Api);
            problems.extend(source.recall_pushed(&heads, running).err().map(|error| problem(&error)));
            self.sources.push(source);
        }
        let is_used = |head: &Head| self.authorities.iter().any(|authority| head.is_of(authority));
        self.unused = heads.into_iter().filter(|head| !is_used(head)).collect();
        problems
    }

    /// Lists that were pushed and revoke nobody: what is degraded.
    pub(super) fn unused_lists(&self) -> impl Iterator<Item = String> {
        self.unused.iter().map(|Head { certificate, path, .. }| {
            format!(
                "the CRL that was pushed for `{certificate}` is unused: no mTLS certificate of this name has its CA; \
                 `fleetgate crl remove --ca` takes it back ({})",
                path.display()
            )
        })
    }
}

impl Loaded {
    fn recall_pushed(&mut self, heads: &[Head], running: &Running<'_>) -> Result<(), PushedFileError> {
        let known = running.of(self).find(|known| self.continues(known));
        if let Some(known) = known.filter(|known| known.is_same(self)) {
            *self = Self { authority: Arc::clone(&self.authority), ..known.clone() };
            return Ok(());
        }
        let mut crls = Vec::new();
        if let Some(known) = known {
            crls = known.carried_to(&self.authority);
            self.last_success = known.last_success;
        }
        for head in heads.iter().filter(|head| head.is_of(&self.authority)) {
            let der = head.read()?;
            crls.extend(load(&der, &self.authority).map_err(|error| head.damaged(error.to_string()))?);
            self.last_success = self.last_success.max(Some(head.pushed_at));
        }
        self.crls = newest(crls);
        self.ended = Some(Instant::now());
        Ok(())
    }

    /// Whether this is where lists go on to be pushed, for a CA that may have changed.
    pub(super) fn continues(&self, known: &Self) -> bool {
        self.is_pushed() && known.is_pushed() && self.authority.name == known.authority.name
    }

    /// What was pushed for a CA as it was, as far as it counts for the CA as it is.
    pub(super) fn carried_to(&self, authority: &Authority) -> Vec<Arc<Crl>> {
        // What was signed with SHA-1 is not told from the rest any more; the disk has it all.
        if self.authority.allow_sha1 && !authority.allow_sha1 {
            return Vec::new();
        }
        self.crls.iter().filter(|crl| authority.has(&crl.issuer)).cloned().collect()
    }
}

/// The lists that count: of those about the same certificates the newest.
pub(super) fn newest(crls: Vec<Arc<Crl>>) -> Vec<Arc<Crl>> {
    let index = RevocationIndex::new(0, crls, |_| OnExpired::Soft, Arc::default());
    let mut newest: Vec<_> = index.crls().cloned().collect();
    newest.sort_by(|a, b| (&a.issuer_name, a.scope.label()).cmp(&(&b.issuer_name, b.scope.label())));
    newest
}

/// The heads of what was kept, where there is a place for it.
pub(super) fn kept(settings: &Settings) -> Result<Vec<Head>, PushedFileError> {
    settings.state_dir.as_deref().map_or_else(|| Ok(Vec::new()), pushed::heads)
}

fn problem(error: &PushedFileError) -> Problem {
    Problem::error(error.to_string()).remedy(
        "bring a copy back, or remove the file and push the CRL again: without it the gateway would let in who is revoked",
    )
}
