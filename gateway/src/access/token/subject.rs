//! Of whom a token speaks.

use crate::device::Device;
use crate::device::identity::Fingerprint;
use crate::model::service_token::ServiceToken;

/// Of whom a token speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subject<'a> {
    /// What tells it from all others: a device's fingerprint. All zero of one without a verified certificate.
    pub id: [u8; 32],
    /// The claim `common_name`; empty where there is none.
    pub common_name: &'a str,
    /// When it ends to be known, in seconds since the epoch: no token of it lives longer.
    pub until: u64,
}

impl<'a> Subject<'a> {
    /// The device at the other end. One whose certificate did not verify is nobody, like one that sent none.
    pub fn of(device: &'a Device) -> Self {
        match device.verified() {
            None => Self { id: [0; 32], common_name: "", until: u64::MAX },
            Some(verified) => Self {
                id: verified.identity.fingerprint.0,
                common_name: verified.identity.common_name.as_deref().unwrap_or_default(),
                until: verified.expires_at,
            },
        }
    }
    /// A program with a service token. Its client id stands where a device's common name does, as documented.
    pub fn of_service(token: &'a ServiceToken) -> Self {
        // No certificate has such a beginning.
        let id = Fingerprint::of(format!("service token:{}", token.client_id).as_bytes()).0;
        Self { id, common_name: &token.client_id, until: token.expires_at.unwrap_or(u64::MAX) }
    }
}
