//! Keeps the revocation index in step with the CRL files that the configuration names.
//!
//! At start and at a reload every file must load: what cannot be read, is not a CRL, or was not signed by its CA
//! refuses the configuration. While the gateway runs, a file that changes is loaded off the hot path, and the last
//! good list stays in force when it does not load.

mod denied;
mod file;
mod inspect;
mod keeper;
mod load;
mod status;

pub use denied::{Changed, Denial, DenialError, Denials, DeniedFileError, Kept, Selector};
pub use inspect::{InspectError, Inspection, Listed, Signature, inspect};
pub use keeper::{Keeper, Prepared};
pub use status::{AuthorityStatus, CrlStatus, FileStatus};

use std::path::PathBuf;
use std::sync::Arc;

use crate::config::Spanned;
use crate::device::revocation::{Issuer, OnExpired};

/// A CA with its CRL files.
#[derive(Debug)]
pub struct Authority {
    /// The mTLS certificate that it was uploaded in, by name.
    pub name: Arc<str>,
    /// Its certificates: a CRL must be signed with the key of one of them.
    pub issuers: Vec<Issuer>,
    /// Its CRL files, and where the configuration names them.
    pub files: Vec<Spanned<PathBuf>>,
    /// What becomes of its devices when a CRL has expired.
    pub on_expired: OnExpired,
    /// Whether its CRLs may be signed with SHA-1.
    pub allow_sha1: bool,
}
