//! What a CRL is about: of two about the same certificates, the newer replaces the older.

use super::stored;
use crate::device::revocation::{Crl, Shard};

/// SHA-256 of CA, kind of certificate and shard, in hexadecimal.
pub(super) fn digest_of(crl: &Crl) -> String {
    let shard = crl.shard.as_ref().map_or(&[][..], Shard::octets);
    // The first is as long with every CA, and no label is the beginning of another.
    stored::digest_of(&[crl.issuer.octets(), crl.scope.label().as_bytes(), shard].concat())
}
