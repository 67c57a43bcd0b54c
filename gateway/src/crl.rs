//! Keeps the revocation index in step with its sources: CRL files, CRLs at URLs, CRLs that operators push, and what they
//! deny.
//!
//! At start and at a reload every file must load: what cannot be read, is not a CRL, or was not signed by its CA
//! refuses the configuration; so does a URL of a CA that is strict about expired CRLs, when there is no list of it at
//! all. While the gateway runs, what changes is loaded off the hot path, and the last good list stays in force when it
//! does not load.

mod ask;
mod carry;
mod denied;
mod fetch;
mod file;
mod gauges;
mod inspect;
mod keeper;
mod load;
mod loaded;
mod newest;
mod points;
mod prepare;
mod push;
mod pushed;
mod recall;
mod refresh;
mod remember;
mod schedule;
mod source;
mod status;
mod stored;
mod subject;
mod url;

pub use carry::{Carried, CarriedCrl, CarryError};
pub use denied::{Changed, Denial, DenialError, Denials, DeniedFileError, Kept, Selector};
pub use inspect::{InspectError, Inspection, Listed, Signature, inspect};
pub use keeper::Keeper;
pub use points::Points;
pub use prepare::{Network, Prepared};
pub use push::{PushError, Pushed, Removed};
pub use pushed::PushedFileError;
pub use source::Source;
pub use status::{AuthorityStatus, CrlStatus, SourceStatus};
pub use url::{CrlUrl, UrlError};

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::CertificateDer;

use crate::config::Spanned;
use crate::device::revocation::{Issuer, IssuerId, OnExpired};

/// What a configuration says of revocation.
#[derive(Debug, Default)]
pub struct Wanted {
    /// Every CA.
    pub authorities: Vec<Authority>,
    /// How lists are fetched and kept.
    pub settings: Settings,
}

/// How lists are fetched and kept.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Octets of a file or an answer at most.
    pub max_size: usize,
    /// From looking a URL's host up to the end of the answer.
    pub timeout: Duration,
    /// How often a URL is asked when nothing presses.
    pub refresh: Duration,
    /// Whether URLs may lead to addresses that are not public.
    pub allow_private: bool,
    /// The CAs that https servers may have their certificates from, instead of the system's.
    pub roots: Option<Vec<CertificateDer<'static>>>,
    /// Local denials at most.
    pub max_denied: usize,
    /// Where the last good list of each URL, and what is pushed, is kept.
    pub state_dir: Option<PathBuf>,
}

/// A CA with the sources of its CRLs.
#[derive(Debug, PartialEq)]
pub struct Authority {
    /// The mTLS certificate that it was uploaded in, by name.
    pub name: Arc<str>,
    /// Its certificates: a CRL must be signed with the key of one of them, or of its `signers`.
    pub issuers: Vec<Issuer>,
    /// Keys that may sign its CRLs too, because the CA and the operator let them.
    pub signers: Vec<Issuer>,
    /// Where its CRLs come from, and where the configuration names them.
    pub sources: Vec<Spanned<Source>>,
    /// What becomes of its devices when a CRL has expired.
    pub on_expired: OnExpired,
    /// Whether its CRLs may be signed with SHA-1.
    pub allow_sha1: bool,
}

impl Authority {
    /// Whose keys may sign its CRLs.
    fn signed_by(&self) -> impl Iterator<Item = &Issuer> {
        self.issuers.iter().chain(&self.signers)
    }

    /// Whether it is one of its certificates that this id is of.
    fn has(&self, id: &IssuerId) -> bool {
        self.issuers.iter().any(|issuer| issuer.id == *id)
    }

    /// Whether a CRL that verifies for the one verifies for the other.
    fn signs_like(&self, other: &Self) -> bool {
        let ids = |authority: &Self| {
            let mut ids: Vec<IssuerId> = authority.issuers.iter().map(|issuer| issuer.id).collect();
            ids.sort_unstable();
            ids
        };
        self.name == other.name
            && self.allow_sha1 == other.allow_sha1
            && self.signers == other.signers
            && ids(self) == ids(other)
    }
}

/// Names as errors list them.
fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<_> = names.map(|name| format!("`{name}`")).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}
