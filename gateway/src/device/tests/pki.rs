//! Real certificates for tests: a CA, what it issues, and when it holds.

use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    IsCa, KeyPair,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};

use crate::device::ca::{CaBundle, CaRules};
use crate::device::identity::Fingerprint;
use crate::device::refusal::Refusal;
use crate::device::trust::{Rules, TrustSet, Verified};

/// The time of tests that choose their own, in seconds since the epoch.
pub(crate) const NOW: u64 = 1_800_000_000;
/// A day in seconds.
pub(crate) const DAY: u64 = 86_400;

/// A CA with its key.
pub(crate) struct Ca(CertifiedIssuer<'static, KeyPair>);

/// An end-entity certificate with its key.
pub(crate) struct Leaf {
    pub(crate) der: CertificateDer<'static>,
    pub(crate) key: KeyPair,
}

/// What a CA certificate says unless a test says otherwise.
pub(crate) fn ca_params(name: &str) -> CertificateParams {
    let mut params = named(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
}

/// What a device certificate says unless a test says otherwise.
pub(crate) fn device_params(common_name: &str) -> CertificateParams {
    let mut params = named(common_name);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params
}

fn named(common_name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    params
}

/// The same, valid between two times in seconds since the epoch.
pub(crate) fn valid(mut params: CertificateParams, from: u64, to: u64) -> CertificateParams {
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    params.not_before = epoch + Duration::from_secs(from);
    params.not_after = epoch + Duration::from_secs(to);
    params
}

impl Ca {
    /// A root.
    pub(crate) fn root(name: &str) -> Self {
        Self::root_with(ca_params(name))
    }

    pub(crate) fn root_with(params: CertificateParams) -> Self {
        Self::renewed(params, KeyPair::generate().unwrap())
    }

    /// A root with a key that another has had.
    pub(crate) fn renewed(params: CertificateParams, key: KeyPair) -> Self {
        Self(CertifiedIssuer::self_signed(params, key).unwrap())
    }

    /// A CA below this one.
    pub(crate) fn intermediate(&self, name: &str) -> Self {
        self.intermediate_with(ca_params(name))
    }

    pub(crate) fn intermediate_with(&self, params: CertificateParams) -> Self {
        Self(CertifiedIssuer::signed_by(params, KeyPair::generate().unwrap(), &self.0).unwrap())
    }

    /// A device's certificate.
    pub(crate) fn device(&self, common_name: &str) -> Leaf {
        self.issue(&device_params(common_name))
    }

    pub(crate) fn issue(&self, params: &CertificateParams) -> Leaf {
        let key = KeyPair::generate().unwrap();
        Leaf { der: params.signed_by(&key, &self.0).unwrap().der().clone(), key }
    }

    pub(crate) fn der(&self) -> CertificateDer<'static> {
        self.0.der().clone()
    }

    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    pub(crate) fn key(&self) -> KeyPair {
        KeyPair::from_pem(&self.0.key().serialize_pem()).unwrap()
    }

    /// What an operator uploads of it.
    pub(crate) fn bundle(&self) -> CaBundle {
        bundle("test", [self])
    }
}

impl Leaf {
    pub(crate) fn key_der(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::try_from(self.key.serialize_der()).unwrap()
    }

    pub(crate) fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.der)
    }
}

/// CAs uploaded together.
pub(crate) fn bundle<'a>(name: &str, cas: impl IntoIterator<Item = &'a Ca>) -> CaBundle {
    CaBundle::new(name, cas.into_iter().map(Ca::der).collect(), CaRules::default()).unwrap()
}

/// The trust set of these bundles.
pub(crate) fn trust<'a>(bundles: impl IntoIterator<Item = &'a CaBundle>) -> TrustSet {
    let algorithms = rustls::crypto::aws_lc_rs::default_provider().signature_verification_algorithms;
    TrustSet::new(bundles, algorithms, Rules::default())
}

/// Verifies at a time in seconds since the epoch.
pub(crate) fn verify(trust: &TrustSet, leaf: &Leaf, sent: &[&Ca], at: u64) -> Result<Verified, Refusal> {
    let sent: Vec<_> = sent.iter().map(|ca| ca.der()).collect();
    trust.verify(&leaf.der, leaf.fingerprint(), &sent, UnixTime::since_unix_epoch(Duration::from_secs(at)))
}
