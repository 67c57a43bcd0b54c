//! Devices that verified: as many as are wanted of one certificate, each with a fingerprint of its own.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use aws_lc_rs::digest;
use fleetgate::device::ca::{CaBundle, CaRules};
use fleetgate::device::cache::Key;
use fleetgate::device::identity::{Fingerprint, Identity};
use fleetgate::device::trust::{Rules, TrustSet, Verified};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::{CertificateDer, UnixTime};

/// Devices that are asked for.
pub(crate) const ENTRIES: usize = 100_000;
/// Devices that come and go meanwhile.
const NEWCOMERS: usize = 50_000;
/// When it is, in seconds since the epoch.
pub(crate) const NOW: u64 = 1_800_000_000;

pub(crate) struct Population {
    /// Those that are asked for.
    pub(crate) residents: Vec<(Key, Arc<Verified>)>,
    /// Those that come and go.
    pub(crate) newcomers: Vec<Arc<Verified>>,
}

/// The one that all measurements have in common: it takes a second to make.
pub(crate) fn shared() -> &'static Population {
    static SHARED: LazyLock<Population> = LazyLock::new(|| {
        let (leaf, verified) = one();
        let mut all: Vec<_> =
            (0..ENTRIES + NEWCOMERS).map(|number| another(number, &leaf, &verified)).collect();
        let newcomers = all.split_off(ENTRIES);
        Population {
            residents: all.into_iter().map(|verified| (key(&verified), verified)).collect(),
            newcomers,
        }
    });
    &SHARED
}

/// What a verdict is found under.
pub(crate) fn key(verified: &Verified) -> Key {
    Key { trust_set: verified.trust_set, leaf: verified.identity.fingerprint }
}

fn one() -> (CertificateDer<'static>, Verified) {
    let key = || KeyPair::generate().expect("a key");
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = CertifiedIssuer::self_signed(params, key()).expect("a CA");
    let mut params = CertificateParams::default();
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let leaf = params.signed_by(&key(), &ca).expect("a certificate").der().clone();
    let bundle = CaBundle::new("fleet", vec![ca.der().clone()], CaRules::default()).expect("a CA");
    let algorithms = default_provider().signature_verification_algorithms;
    let trust = TrustSet::new([&bundle], algorithms, Rules::default());
    let now = UnixTime::since_unix_epoch(Duration::from_secs(NOW));
    let verified = trust.verify(&leaf, Fingerprint::of(&leaf), &[], now).expect("it verifies");
    (leaf, verified)
}

/// The device again, as another one.
fn another(number: usize, leaf: &CertificateDer<'_>, verified: &Verified) -> Arc<Verified> {
    let digest = digest::digest(&digest::SHA256, &number.to_be_bytes());
    let fingerprint = Fingerprint(digest.as_ref().try_into().expect("32 octets"));
    Arc::new(Verified {
        identity: Identity::read(leaf, fingerprint).expect("a certificate"),
        anchor: Arc::clone(&verified.anchor),
        path: verified.path.clone(),
        intermediates: verified.intermediates.clone(),
        issuer_serial: verified.issuer_serial.clone(),
        expires_at: verified.expires_at,
        trust_set: verified.trust_set,
        chain: verified.chain.clone(),
    })
}
