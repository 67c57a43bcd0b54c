//! Which certificates are revoked: CRLs read and checked once, when they are loaded, compacted to sets of serial
//! numbers, and looked up in the same time however long they are; and the operator's own denials beside them.
//!
//! Bytes in, index out: nothing here reads a file, a clock or a setting. The way of a CRL is
//! [`envelope::decode`] → [`ParsedCrl::parse`] → [`ParsedCrl::verify`] → [`Crl`] → [`RevocationIndex`], with
//! [`RevocationIndex::accepts`] between the last two, so that nobody can bring an old list back.

mod coverage;
pub mod delegate;
pub mod deny;
mod der;
pub mod edition;
pub mod entry;
pub mod envelope;
mod extension;
pub mod index;
pub mod issuer;
mod name;
pub mod parse;
pub mod points;
pub mod radix;
pub mod scope;
pub mod serial;
pub mod serial_set;
mod signed;
mod time;
pub mod verify;

pub use delegate::DelegateError;
pub use deny::{DenyEntry, DenyError, DenyList};
pub use edition::Edition;
pub use entry::{Entries, Entry, Reason};
pub use envelope::EnvelopeError;
pub use index::{
    CertificateId, LeafFacts, OnExpired, Revocation, RevocationIndex, RevokedBy, StaleCrl, Standing,
};
pub use issuer::{Issuer, IssuerError, IssuerId, issuer_name};
pub use parse::{CrlNumber, ParseError, ParsedCrl};
pub use points::Points;
pub use radix::RadixReport;
pub use scope::{Scope, Shard};
pub use serial::{Serial, SerialError};
pub use serial_set::SerialSet;
pub use verify::{Crl, VerifyError};

#[cfg(test)]
mod tests;
