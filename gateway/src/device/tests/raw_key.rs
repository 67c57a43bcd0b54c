//! Leaves that webpki cannot read, X.509 v1 above all: they prove their key, and are refused by name.

use std::io;
use std::sync::Arc;

use rcgen::{KeyPair, SanType, SigningKey as _};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::{CertifiedKey, Signer, SigningKey, SingleCertAndKey};
use rustls::version::{TLS12, TLS13};
use rustls::{
    AlertDescription, ClientConfig, Error, RootCertStore, ServerConfig, SignatureAlgorithm, SignatureScheme,
    SupportedProtocolVersion,
};
use tokio::io::{AsyncReadExt as _, duplex};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::der;
use super::pki::{Ca, device_params, trust};
use crate::device::Device;
use crate::device::refusal::Refusal;
use crate::device::verdicts::Verdicts;
use crate::device::verifier::{Demand, DeviceVerifier, Outcome, observe};

const NAME: &str = "iot.example.com";

/// A version 1 certificate for `key`: what `ca` would issue, less its version and extensions, signed by `ca`.
fn version_1(ca: &Ca, key: &KeyPair) -> CertificateDer<'static> {
    let issuer = rcgen::Issuer::from_ca_cert_der(&ca.der(), ca.key()).unwrap();
    let version_3 = device_params("device").signed_by(key, &issuer).unwrap();
    let parts = der::elements(der::content(version_3.der()).unwrap()).unwrap();
    let fields = der::elements(der::content(parts[0]).unwrap()).unwrap();
    let kept: Vec<_> = fields.into_iter().filter(|field| !matches!(field[0], 0xa0 | 0xa3)).collect();
    let body = der::element(0x30, &kept);
    der::signed(&body, parts[1], &ca.key().sign(&body).unwrap()).into()
}

/// Every kind of key that a device may have.
fn keys() -> [KeyPair; 4] {
    let of = |kind| KeyPair::generate_for(kind).unwrap();
    [
        of(&rcgen::PKCS_ECDSA_P256_SHA256),
        of(&rcgen::PKCS_ECDSA_P384_SHA384),
        of(&rcgen::PKCS_ED25519),
        of(&rcgen::PKCS_RSA_SHA256),
    ]
}

fn signer(key: &KeyPair) -> Arc<dyn SigningKey> {
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    default_provider().key_provider.load_private_key(key).unwrap()
}

/// A key that signs with one scheme, whatever the server offers.
#[derive(Debug)]
struct Stubborn(Arc<dyn SigningKey>, SignatureScheme);

impl SigningKey for Stubborn {
    fn choose_scheme(&self, _: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        self.0.choose_scheme(&[self.1])
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        self.0.algorithm()
    }
}

/// What came of a handshake.
struct Met {
    server: Outcome<io::Result<()>>,
    /// What the client was told.
    alert: Option<AlertDescription>,
    /// Verdicts that it left in the cache.
    cached: u64,
}

impl Met {
    fn refusal(&self) -> Option<Refusal> {
        match &self.server.device {
            Device::Refused(refused) => Some(refused.reason),
            Device::Absent | Device::Verified(_) => None,
        }
    }
}

/// A handshake of a client that presents `leaf` and signs with `key`, at a host that trusts `ca`.
async fn meet(
    ca: &Ca,
    demand: Demand,
    version: &'static SupportedProtocolVersion,
    leaf: &CertificateDer<'static>,
    key: Arc<dyn SigningKey>,
) -> Met {
    let verdicts = Arc::new(Verdicts::new(8));
    let verifier = DeviceVerifier::new(Arc::new(trust([&ca.bundle()])), Arc::clone(&verdicts), demand);
    let operator = Ca::root("Operator");
    let server = server(&operator, verifier, version);
    let client = client(&operator, CertifiedKey::new(vec![leaf.clone()], key), version);

    let (near, far) = duplex(64 * 1024);
    let accepting = async { server.accept(far).await.map(drop) };
    let connecting = async {
        // In TLS 1.3 the client is done before the server has judged it: the alert comes with the first read.
        client.connect(NAME.try_into().unwrap(), near).await?.read_u8().await.map(drop)
    };
    let (server, told) = tokio::join!(observe(accepting, &verdicts), connecting);
    Met { server, alert: told.err().and_then(alert), cached: verdicts.cache.statistics().entries }
}

fn server(
    operator: &Ca,
    verifier: DeviceVerifier,
    version: &'static SupportedProtocolVersion,
) -> TlsAcceptor {
    let mut params = device_params(NAME);
    params.extended_key_usages.clear();
    params.subject_alt_names = vec![SanType::DnsName(NAME.try_into().unwrap())];
    let identity = operator.issue(&params);
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(&[version])
        .unwrap()
        .with_client_cert_verifier(Arc::new(verifier))
        .with_single_cert(vec![identity.der.clone()], identity.key_der())
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

fn client(
    operator: &Ca,
    presented: CertifiedKey,
    version: &'static SupportedProtocolVersion,
) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots.add(operator.der()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots)
        .with_client_cert_resolver(Arc::new(SingleCertAndKey::from(presented)));
    TlsConnector::from(Arc::new(config))
}

fn alert(error: io::Error) -> Option<AlertDescription> {
    match error.into_inner()?.downcast_ref()? {
        Error::AlertReceived(alert) => Some(*alert),
        _ => None,
    }
}

#[tokio::test]
async fn where_asked_a_version_1_leaf_completes_the_handshake_and_is_refused_by_name() {
    let ca = Ca::root("Root");
    for key in keys() {
        let leaf = version_1(&ca, &key);
        for version in [&TLS12, &TLS13] {
            let case = format!("{:?}, {version:?}", key.algorithm());
            let met = meet(&ca, Demand::Ask, version, &leaf, signer(&key)).await;
            assert!(met.server.result.is_ok(), "{case}: {:?}", met.server.result);
            assert_eq!(met.refusal(), Some(Refusal::UnsupportedVersion), "{case}");
            assert_eq!(met.server.device.label(), "unsupported_version", "{case}");
            let identity = met.server.device.identity().unwrap();
            assert_eq!(identity.common_name.as_deref(), Some("device"), "{case}");
            assert_eq!((met.cached, met.alert), (0, None), "{case}");
        }
    }
}

#[tokio::test]
async fn a_version_1_leaf_without_its_key_fails() {
    let ca = Ca::root("Root");
    for (key, thief) in keys().into_iter().zip(keys()) {
        let leaf = version_1(&ca, &key);
        for version in [&TLS12, &TLS13] {
            let case = format!("{:?}, {version:?}", key.algorithm());
            let met = meet(&ca, Demand::Ask, version, &leaf, signer(&thief)).await;
            assert!(met.server.result.is_err(), "{case}");
            assert_eq!((met.cached, met.alert.is_some()), (0, true), "{case}");
        }
    }
}

#[tokio::test]
async fn where_required_a_version_1_leaf_is_turned_away_with_the_alert_of_its_reason() {
    let ca = Ca::root("Root");
    let [key, ..] = keys();
    let leaf = version_1(&ca, &key);
    for version in [&TLS12, &TLS13] {
        let met = meet(&ca, Demand::Require, version, &leaf, signer(&key)).await;
        assert!(met.server.result.is_err(), "{version:?}");
        assert_eq!(met.refusal(), Some(Refusal::UnsupportedVersion), "{version:?}");
        assert_eq!(met.alert, Some(Refusal::UnsupportedVersion.alert()), "{version:?}");
        assert_eq!(met.alert, Some(AlertDescription::UnsupportedCertificate), "{version:?}");
        assert_eq!(met.cached, 0, "{version:?}");
    }
}

/// RFC 8446, 4.2.3, which rustls holds for the leaves that webpki reads.
#[tokio::test]
async fn what_tls_1_3_does_not_sign_with_proves_no_raw_key() {
    let ca = Ca::root("Root");
    let [.., rsa] = keys();
    let leaf = version_1(&ca, &rsa);
    for (version, passes) in [(&TLS12, true), (&TLS13, false)] {
        let key = Arc::new(Stubborn(signer(&rsa), SignatureScheme::RSA_PKCS1_SHA256));
        let met = meet(&ca, Demand::Ask, version, &leaf, key).await;
        assert_eq!(met.server.result.is_ok(), passes, "{version:?}: {:?}", met.server.result);
        assert_eq!(met.cached, 0, "{version:?}");
    }
}
