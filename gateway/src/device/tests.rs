//! Devices with real certificates, and what becomes of them.

mod ca;
pub(super) mod der;
mod handshake;
mod hazards;
mod identity;
mod incidents;
mod keys;
mod limbo;
mod pem;
pub(crate) mod pki;
mod raw_key;
mod refusal;
mod revocation_oracle;
mod sha1;
#[path = "../../../tests/src/skip.rs"]
#[expect(
    dead_code,
    unreachable_pub,
    reason = "the end-to-end tests' own, of which one function is used here"
)]
mod skip;
mod trust_set;
mod verify;
mod wycheproof;

use super::refusal::now;
use super::trust::Verified;

/// A device that verified: certificate and verdict are real, the CA is this call's own.
pub(crate) fn verified(common_name: &str) -> Verified {
    let ca = pki::Ca::root("Testing CA");
    let device = ca.device(common_name);
    pki::verify(&pki::trust([&ca.bundle()]), &device, &[], now()).unwrap()
}
