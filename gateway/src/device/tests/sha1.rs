//! SHA-1 signatures on chains: only below a CA that is marked for them. `data/make.sh` says how OpenSSL made the files.

use std::time::Duration;

use rustls::pki_types::{CertificateDer, UnixTime};

use super::pki::{NOW, trust};
use crate::device::ca::{CaBundle, CaRules};
use crate::device::identity::Fingerprint;
use crate::device::refusal::Refusal;
use crate::device::trust::{TrustSet, Verified};

/// What one kind of key has signed.
struct Chain {
    kind: &'static str,
    root: CertificateDer<'static>,
    /// Signed by the root with SHA-1.
    issuing: CertificateDer<'static>,
    /// Signed by `issuing` with SHA-1.
    device: CertificateDer<'static>,
    /// Signed by the root with SHA-256.
    modern: CertificateDer<'static>,
}

macro_rules! chain {
    ($kind:literal) => {{
        macro_rules! file {
            ($name:literal) => {
                CertificateDer::from_slice(include_bytes!(concat!("data/sha1-", $kind, "-", $name, ".cer")))
            };
        }
        Chain {
            kind: $kind,
            root: file!("root"),
            issuing: file!("issuing"),
            device: file!("device"),
            modern: file!("modern"),
        }
    }};
}

fn chains() -> [Chain; 4] {
    [chain!("rsa"), chain!("p256"), chain!("p384"), chain!("p521")]
}

fn bundle(name: &str, certificate: &CertificateDer<'static>, allow_sha1: bool) -> CaBundle {
    CaBundle::new(name, vec![certificate.clone()], CaRules { allow_sha1, ..CaRules::default() }).unwrap()
}

fn verify(
    trust: &TrustSet,
    leaf: &CertificateDer<'_>,
    sent: &[&CertificateDer<'static>],
) -> Result<Verified, Refusal> {
    let sent: Vec<_> = sent.iter().map(|der| (*der).clone()).collect();
    trust.verify(leaf, Fingerprint::of(leaf), &sent, UnixTime::since_unix_epoch(Duration::from_secs(NOW)))
}

/// The same certificate with its last octet, the end of its signature, changed.
fn tampered(der: &CertificateDer<'_>) -> CertificateDer<'static> {
    let mut der = der.to_vec();
    *der.last_mut().unwrap() ^= 1;
    der.into()
}

#[test]
fn a_sha1_chain_verifies_only_below_a_ca_that_allows_it() {
    for Chain { kind, root, issuing, device, modern } in chains() {
        let (marked, strict) = (trust([&bundle("ca", &root, true)]), trust([&bundle("ca", &root, false)]));
        let found = verify(&marked, &device, &[&issuing]).unwrap();
        assert_eq!((found.path.len(), &*found.anchor), (2, "ca"), "{kind}");
        assert_eq!(verify(&strict, &device, &[&issuing]).unwrap_err(), Refusal::Unsupported, "{kind}");

        let (marked, strict) =
            (trust([&bundle("ca", &issuing, true)]), trust([&bundle("ca", &issuing, false)]));
        assert_eq!(verify(&marked, &device, &[]).unwrap().path.len(), 1, "{kind}, one link");
        assert_eq!(verify(&strict, &device, &[]).unwrap_err(), Refusal::Unsupported, "{kind}, one link");

        // How an anchor is signed itself is no part of a path.
        assert!(verify(&trust([&bundle("ca", &root, false)]), &modern, &[]).is_ok(), "{kind}, SHA-256");
    }
}

#[test]
fn a_ca_that_allows_sha1_does_not_allow_it_to_the_others() {
    let chains = chains();
    for (index, Chain { kind, root, issuing, device, .. }) in chains.iter().enumerate() {
        let other = &chains[(index + 1) % chains.len()];
        let (marked, strict) = (bundle("marked", &other.root, true), bundle("strict", root, false));
        let both = trust([&marked, &strict]);
        assert!(verify(&both, device, &[issuing]).is_err(), "{kind}");
        let found = verify(&both, &other.device, &[&other.issuing]).unwrap();
        assert_eq!(&*found.anchor, "marked", "{}", other.kind);
    }
}

/// The same CA uploaded twice, once marked: what it vouches for with SHA-1 is the marked one's.
#[test]
fn of_two_uploads_of_one_ca_the_marked_one_vouches_for_sha1() {
    let Chain { root, issuing, device, .. } = chain!("p256");
    for (first, second) in [("a", "b"), ("b", "a")] {
        let (marked, strict) = (bundle(first, &root, true), bundle(second, &root, false));
        assert_eq!(&*verify(&trust([&marked, &strict]), &device, &[&issuing]).unwrap().anchor, first);
    }
}

#[test]
fn a_tampered_sha1_signature_is_refused_wherever_it_stands() {
    for Chain { kind, root, issuing, device, .. } in chains() {
        let set = trust([&bundle("ca", &root, true)]);
        let leaf = verify(&set, &tampered(&device), &[&issuing]);
        assert_eq!(leaf.unwrap_err(), Refusal::BadSignature, "{kind}, on the leaf");
        let intermediate = verify(&set, &device, &[&tampered(&issuing)]);
        assert_eq!(intermediate.unwrap_err(), Refusal::BadSignature, "{kind}, on the intermediate");
        let mut changed = device.to_vec();
        let name = changed.windows(5).rposition(|window| window == b"devic").unwrap();
        changed[name] ^= 0x20;
        let renamed = verify(&set, &changed.into(), &[&issuing]);
        assert_eq!(renamed.unwrap_err(), Refusal::BadSignature, "{kind}, under another name");
    }
}

#[test]
fn a_sha1_chain_to_nobodys_anchor_is_an_unknown_issuers() {
    let (p256, rsa) = (chain!("p256"), chain!("rsa"));
    let set = trust([&bundle("ca", &rsa.root, true)]);
    assert_eq!(verify(&set, &p256.device, &[&p256.issuing]).unwrap_err(), Refusal::UnknownIssuer);
}

/// A device may send an old certificate of its CA beside the current one.
#[test]
fn an_expired_intermediate_beside_the_current_one_does_not_hide_that_sha1_is_all_that_is_missing() {
    let Chain { root, issuing, device, .. } = chain!("p256");
    let expired = CertificateDer::from_slice(include_bytes!("data/sha1-p256-expired.cer"));
    let set = trust([&bundle("ca", &root, true)]);
    for sent in [[&issuing, &expired], [&expired, &issuing]] {
        assert_eq!(verify(&set, &device, &sent).map(drop), Ok(()));
    }
}
