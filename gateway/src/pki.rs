//! A CA's work: keys, requests, certificates and CRLs are made here. Nothing of it runs in the gateway.
//!
//! [`Key`] makes or reads a key, [`Authority`] signs with one. A [`Profile`] says what a certificate is for, a [`Subject`]
//! whose it is. rcgen lays certificates out; names, which it cannot all express, and signatures are put in by `layout`.

pub mod authority;
pub mod cfssl;
pub mod crl;
pub mod host;
pub mod key;
mod layout;
pub mod name;
pub mod pem;
pub mod profile;
pub mod request;
pub mod serial;
pub mod usage;
pub mod verify;
pub mod write;

pub use authority::{Authority, AuthorityError, Subject};
pub use host::Host;
pub use key::{Key, KeyKind};
pub use name::Name;
pub use profile::Profile;

use rcgen::SigningKey;

/// What can sign: a key in memory, or one that never leaves its token.
pub trait Signer: SigningKey + Send + Sync {}

impl<T: SigningKey + Send + Sync> Signer for T {}
