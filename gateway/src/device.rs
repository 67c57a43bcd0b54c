//! Who a device is: identity from its certificate, path verification, the verdict cache, and the verifier that
//! rustls calls during a handshake.

pub mod ca;
pub mod cache;
pub mod distinguished_name;
pub mod identity;
mod intern;
pub mod pem;
mod proof;
pub mod refusal;
pub mod revocation;
mod sha1;
pub(crate) mod step;
pub mod trust;
pub mod verdicts;
pub mod verifier;

use std::sync::Arc;

use identity::Identity;
use refusal::Refusal;
use rustls::pki_types::CertificateDer;
use trust::{Chain, Verified};

/// What is known of the device at the other end of a connection.
#[derive(Clone, Debug, Default)]
pub enum Device {
    /// It sent no certificate.
    #[default]
    Absent,
    /// Its chain leads to an anchor of the host, and it proved that it holds the key.
    Verified(Arc<Verified>),
    /// It proved that it holds the key of a certificate that does not verify.
    Refused(Arc<Refused>),
}

/// A certificate that did not verify, for logs and reasons; never for permits.
#[derive(Debug)]
pub struct Refused {
    /// Why.
    pub reason: Refusal,
    /// Who it says it is, when that much could be read.
    pub identity: Option<Identity>,
    /// What it presented, leaf first: a trust set that changes may come to know it.
    pub chain: Chain,
}

impl Device {
    /// The certificate's identity, whether it verified or not.
    pub fn identity(&self) -> Option<&Identity> {
        match self {
            Self::Absent => None,
            Self::Verified(verified) => Some(&verified.identity),
            Self::Refused(refused) => refused.identity.as_ref(),
        }
    }

    /// What it presented, leaf first.
    pub fn chain(&self) -> &[Arc<CertificateDer<'static>>] {
        match self {
            Self::Absent => &[],
            Self::Verified(verified) => &verified.chain,
            Self::Refused(refused) => &refused.chain,
        }
    }

    /// What its certificate turned out to be: `absent`, `verified`, or the label of the refusal.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Verified(_) => "verified",
            Self::Refused(refused) => refused.reason.label(),
        }
    }

    /// Whether it is the very same verdict about the very same device.
    pub fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Absent, Self::Absent) => true,
            (Self::Verified(one), Self::Verified(other)) => Arc::ptr_eq(one, other),
            (Self::Refused(one), Self::Refused(other)) => Arc::ptr_eq(one, other),
            _ => false,
        }
    }

    /// The verified identity, the only one that counts for a decision.
    pub fn verified(&self) -> Option<&Arc<Verified>> {
        match self {
            Self::Verified(verified) => Some(verified),
            Self::Absent | Self::Refused(_) => None,
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
