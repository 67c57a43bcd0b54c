//! Turns a case about servers into the same case about devices.

use std::collections::HashMap;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use rcgen::{KeyPair, PublicKeyData as _, SigningKey as _};

use super::case::{Case, Chain};
use crate::device::tests::der;

/// `id-kp-serverAuth` and `id-kp-clientAuth` with tag and length (RFC 5280, 4.2.1.12). They differ in the last octet.
const SERVER_AUTH: &[u8] = &[6, 8, 0x2b, 6, 1, 5, 5, 7, 3, 1];
const CLIENT_AUTH: &[u8] = &[6, 8, 0x2b, 6, 1, 5, 5, 7, 3, 2];
/// A `SubjectPublicKeyInfo` of P-256, up to its 65 octets of point (RFC 5480).
const P256: &[u8] = &[
    0x30, 0x59, 0x30, 0x13, 6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3,
    1, 7, 3, 0x42, 0,
];
const POINT: usize = 65;
/// `ecdsa-with-SHA256`, as a whole `AlgorithmIdentifier` (RFC 5758, 3.2).
const ECDSA_SHA256: &[u8] = &[0x30, 0x0a, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];

/// The case as devices have it. `None` where it cannot be signed again because a signature in it is not ECDSA P-256
/// with SHA-256.
pub(super) fn for_devices(case: &Case) -> Option<Chain> {
    let chain = case.chain();
    if !case.is_about_servers() || serves_both(&chain.leaf) {
        return Some(chain);
    }
    let everyone = || chain.trusted.iter().chain(&chain.sent).chain([&chain.leaf]);
    let keys = Keys::replacing(everyone().filter_map(|der| point(der)));
    let mirror = |der: &[u8]| keys.sign_again(der);
    Some(Chain {
        trusted: chain.trusted.iter().map(|der| Some(mirror(der)?.into())).collect::<Option<_>>()?,
        sent: chain.sent.iter().map(|der| Some(mirror(der)?.into())).collect::<Option<_>>()?,
        leaf: mirror(&chain.leaf)?.into(),
        crls: chain.crls.iter().map(|der| Some(mirror(der)?.into())).collect::<Option<_>>()?,
    })
}

/// The keys of a case, by their points, and those that take their places: one for one.
struct Keys {
    replacements: HashMap<Vec<u8>, KeyPair>,
    /// Signs what nobody in the case has signed.
    stranger: KeyPair,
}

impl Keys {
    fn replacing<'a>(points: impl Iterator<Item = &'a [u8]>) -> Self {
        let generate = || KeyPair::generate().unwrap();
        let replacements = points.map(|point| (point.to_vec(), generate())).collect();
        Self { replacements, stranger: generate() }
    }

    /// A certificate or CRL with other purposes and keys, signed by the one that took its signer's place.
    fn sign_again(&self, der: &[u8]) -> Option<Vec<u8>> {
        let original = Signed::read(der)?;
        let mut body = swap_purposes(original.body);
        for (point, key) in &self.replacements {
            replace(&mut body, point, key.der_bytes());
        }
        if original.algorithm != ECDSA_SHA256 {
            return (body == original.body).then(|| der.to_vec());
        }
        let signature = self.signer(&original).sign(&body).unwrap();
        Some(der::signed(&body, original.algorithm, &signature))
    }

    fn signer(&self, original: &Signed<'_>) -> &KeyPair {
        let signed = |point: &[u8]| {
            let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point);
            key.verify(original.body, original.signature).is_ok()
        };
        let found = self.replacements.iter().find(|(point, _)| signed(point));
        found.map_or(&self.stranger, |(_, key)| key)
    }
}

/// The three parts of a certificate or CRL.
struct Signed<'a> {
    body: &'a [u8],
    algorithm: &'a [u8],
    signature: &'a [u8],
}

impl<'a> Signed<'a> {
    fn read(der: &'a [u8]) -> Option<Self> {
        let parts = der::elements(der::content(der)?)?;
        let [body, algorithm, signature] = parts.as_slice() else { return None };
        // A BIT STRING begins with the number of bits that it does not use: none.
        Some(Self { body, algorithm, signature: der::content(signature)?.strip_prefix(&[0])? })
    }
}

fn serves_both(leaf: &[u8]) -> bool {
    find(leaf, SERVER_AUTH).is_some() && find(leaf, CLIENT_AUTH).is_some()
}

fn swap_purposes(body: &[u8]) -> Vec<u8> {
    let mut swapped = body.to_vec();
    for (from, to) in [(SERVER_AUTH, CLIENT_AUTH), (CLIENT_AUTH, SERVER_AUTH)] {
        for start in positions(body, from) {
            swapped[start..start + to.len()].copy_from_slice(to);
        }
    }
    swapped
}

fn point(der: &[u8]) -> Option<&[u8]> {
    let start = find(der, P256)? + P256.len();
    der.get(start..start + POINT)
}

fn replace(body: &mut [u8], old: &[u8], new: &[u8]) {
    for start in positions(body, old) {
        body[start..start + old.len()].copy_from_slice(new);
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    positions(haystack, needle).first().copied()
}

fn positions(haystack: &[u8], needle: &[u8]) -> Vec<usize> {
    haystack
        .windows(needle.len())
        .enumerate()
        .filter(|(_, window)| *window == needle)
        .map(|(start, _)| start)
        .collect()
}
