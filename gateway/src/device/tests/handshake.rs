//! Real handshakes in memory: what the verifier lets pass, and what it leaves in the cache.

use std::io;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::danger::ClientCertVerifier as _;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::version::{TLS12, TLS13};
use rustls::{
    AlertDescription, ClientConfig, DigitallySignedStruct, Error, ServerConfig, SignatureScheme,
    SupportedProtocolVersion,
};
use tokio::io::{AsyncReadExt as _, duplex};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::pki::{Ca, DAY, Leaf, NOW, ca_params, device_params, trust, valid};
use crate::device::Device;
use crate::device::refusal::{Refusal, now};
use crate::device::trust::TrustSet;
use crate::device::verdicts::Verdicts;
use crate::device::verifier::{Demand, DeviceVerifier, Outcome, observe, verify_again};

/// A client that takes any server: these tests are about the other direction.
#[derive(Debug)]
struct AnyServer;

impl ServerCertVerifier for AnyServer {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        rustls::crypto::aws_lc_rs::default_provider().signature_verification_algorithms.supported_schemes()
    }
}

/// What a client presents: a certificate, and the key that it signs with.
type Presented = Option<(CertificateDer<'static>, PrivateKeyDer<'static>)>;

#[expect(clippy::unnecessary_wraps, reason = "it is one of two things that a client may present")]
fn own(leaf: &Leaf) -> Presented {
    Some((leaf.der.clone(), leaf.key_der()))
}

/// A host, and a TLS version to reach it with.
struct Site {
    trust: Arc<TrustSet>,
    verdicts: Arc<Verdicts>,
    demand: Demand,
    version: &'static SupportedProtocolVersion,
}

impl Site {
    fn new(ca: &Ca, demand: Demand, version: &'static SupportedProtocolVersion) -> Self {
        Self { trust: Arc::new(trust([&ca.bundle()])), verdicts: Arc::new(Verdicts::new(8)), demand, version }
    }

    fn server(&self) -> TlsAcceptor {
        let identity = Ca::root("Server").device("server");
        let verifier = DeviceVerifier::new(Arc::clone(&self.trust), Arc::clone(&self.verdicts), self.demand);
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[self.version])
            .unwrap()
            .with_client_cert_verifier(Arc::new(verifier))
            .with_single_cert(vec![identity.der.clone()], identity.key_der())
            .unwrap();
        TlsAcceptor::from(Arc::new(config))
    }

    fn client(&self, presented: Presented) -> TlsConnector {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let signing = presented.map(|(der, key)| {
            // Unlike `with_client_auth_cert`, this does not ask whether the two belong together.
            CertifiedKey::new(vec![der], provider.key_provider.load_private_key(key).unwrap())
        });
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[self.version])
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AnyServer));
        let config = match signing {
            Some(key) => builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(key))),
            None => builder.with_no_client_auth(),
        };
        TlsConnector::from(Arc::new(config))
    }

    /// The server's view of a handshake, and the error that the client ended with, if it did.
    async fn connect(&self, presented: Presented) -> (Outcome<io::Result<()>>, Option<io::Error>) {
        let (near, far) = duplex(64 * 1024);
        let (server, client) = (self.server(), self.client(presented));
        let accepting = async { server.accept(far).await.map(drop) };
        let connecting = async {
            let mut stream = client.connect("iot.example.com".try_into().unwrap(), near).await?;
            // In TLS 1.3 the client is done before the server has judged it: the alert comes with the first read.
            stream.read_u8().await.map(drop)
        };
        let (outcome, client) = tokio::join!(observe(accepting, &self.verdicts), connecting);
        (outcome, client.err())
    }

    fn entries(&self) -> u64 {
        self.verdicts.cache.statistics().entries
    }
}

fn alert(error: Option<&io::Error>) -> Option<AlertDescription> {
    match error?.get_ref()?.downcast_ref()? {
        Error::AlertReceived(alert) => Some(*alert),
        _ => None,
    }
}

fn refusal(device: &Device) -> Option<Refusal> {
    match device {
        Device::Refused(refused) => Some(refused.reason),
        Device::Absent | Device::Verified(_) => None,
    }
}

#[tokio::test]
async fn the_first_handshake_fills_the_cache_and_the_second_is_answered_from_it() {
    for version in [&TLS12, &TLS13] {
        let ca = Ca::root("Root");
        let site = Site::new(&ca, Demand::Require, version);
        let device = ca.device("device");
        for cached in [false, true] {
            let (outcome, _) = site.connect(own(&device)).await;
            assert!(outcome.result.is_ok(), "{version:?}: {:?}", outcome.result);
            assert_eq!(outcome.cached, cached, "{version:?}");
            assert_eq!(outcome.device.verified().unwrap().identity.fingerprint, device.fingerprint());
            assert_eq!(site.entries(), 1);
        }
    }
}

/// Invariant 5. A certificate is public: whoever saw one can send it.
#[tokio::test]
async fn a_stolen_certificate_without_its_key_fails_and_leaves_nothing_behind() {
    for (demand, version) in
        [(Demand::Ask, &TLS12), (Demand::Ask, &TLS13), (Demand::Require, &TLS12), (Demand::Require, &TLS13)]
    {
        let ca = Ca::root("Root");
        let site = Site::new(&ca, demand, version);
        let (stolen, thief) = (ca.device("device"), ca.device("thief"));
        let presented = || Some((stolen.der.clone(), thief.key_der()));
        let (outcome, error) = site.connect(presented()).await;
        assert!(outcome.result.is_err(), "{demand:?} {version:?}");
        assert!(error.is_some(), "{demand:?} {version:?}");
        assert_eq!(site.entries(), 0, "{demand:?} {version:?}");

        // The owner's verdict is of no use to the thief either.
        assert!(site.connect(own(&stolen)).await.0.result.is_ok());
        let (outcome, _) = site.connect(presented()).await;
        assert!(outcome.result.is_err() && outcome.cached, "{demand:?} {version:?}");
    }
}

#[tokio::test]
async fn a_refused_certificate_needs_its_key_too() {
    for version in [&TLS12, &TLS13] {
        let site = Site::new(&Ca::root("Root"), Demand::Ask, version);
        let (stranger, thief) = (Ca::root("Stranger").device("device"), Ca::root("Thief").device("thief"));
        let (outcome, _) = site.connect(Some((stranger.der.clone(), thief.key_der()))).await;
        assert!(outcome.result.is_err(), "{version:?}");
    }
}

#[tokio::test]
async fn ask_completes_the_handshake_of_whom_require_turns_away_with_the_fitting_alert() {
    let ca = Ca::root("Root");
    let mut server_only = device_params("device");
    server_only.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
    let expired = valid(device_params("device"), 0, now() - DAY);
    let cases = [
        (
            own(&Ca::root("Stranger").device("device")),
            Some(Refusal::UnknownIssuer),
            AlertDescription::UnknownCA,
        ),
        (own(&ca.issue(&expired)), Some(Refusal::Expired), AlertDescription::CertificateExpired),
        (own(&ca.issue(&server_only)), Some(Refusal::WrongPurpose), AlertDescription::UnsupportedCertificate),
        (None, None, AlertDescription::CertificateRequired),
    ];
    for (presented, reason, expected) in cases {
        let copy = || presented.as_ref().map(|(der, key)| (der.clone(), key.clone_key()));
        let ask = Site::new(&ca, Demand::Ask, &TLS13);
        let (outcome, _) = ask.connect(copy()).await;
        assert!(outcome.result.is_ok(), "{reason:?}: {:?}", outcome.result);
        assert_eq!(refusal(&outcome.device), reason);
        assert_eq!(outcome.device.chain().len(), usize::from(presented.is_some()));
        assert!(outcome.device.verified().is_none());

        let require = Site::new(&ca, Demand::Require, &TLS13);
        let (outcome, error) = require.connect(copy()).await;
        assert!(outcome.result.is_err(), "{reason:?}");
        assert_eq!(alert(error.as_ref()), Some(expected), "{reason:?}: {error:?}");
        assert_eq!(refusal(&outcome.device), reason);
        assert_eq!((ask.entries(), require.entries()), (0, 0), "{reason:?}");
    }
}

#[tokio::test]
async fn an_empty_trust_set_verifies_nobody() {
    for (demand, passes) in [(Demand::Ask, true), (Demand::Require, false)] {
        let ca = Ca::root("Root");
        let site = Site { trust: Arc::new(trust([])), ..Site::new(&ca, demand, &TLS13) };
        let (outcome, _) = site.connect(own(&ca.device("device"))).await;
        assert_eq!(outcome.result.is_ok(), passes, "{demand:?}");
        assert_eq!(refusal(&outcome.device), Some(Refusal::UnknownIssuer), "{demand:?}");
    }
}

#[tokio::test]
async fn outside_of_observe_nobody_passes() {
    let ca = Ca::root("Root");
    let device = ca.device("device");
    for demand in [Demand::Ask, Demand::Require] {
        let site = Site::new(&ca, demand, &TLS13);
        let verifier = DeviceVerifier::new(Arc::clone(&site.trust), Arc::clone(&site.verdicts), demand);
        assert!(verifier.verify_client_cert(&device.der, &[], UnixTime::now()).is_err(), "{demand:?}, fresh");
        assert!(site.connect(own(&device)).await.0.result.is_ok());
        assert!(
            verifier.verify_client_cert(&device.der, &[], UnixTime::now()).is_err(),
            "{demand:?}, cached"
        );
        let stranger = Ca::root("Stranger").device("device");
        assert!(
            verifier.verify_client_cert(&stranger.der, &[], UnixTime::now()).is_err(),
            "{demand:?}, refused"
        );
    }
}

#[tokio::test]
async fn handshakes_on_one_thread_do_not_see_each_others_devices() {
    let ca = Ca::root("Root");
    let site = Site::new(&ca, Demand::Ask, &TLS13);
    let (first, second) = (ca.device("first"), ca.device("second"));
    let outcomes = tokio::join!(site.connect(own(&first)), site.connect(None), site.connect(own(&second)));
    let name =
        |outcome: &Outcome<_>| outcome.device.identity().and_then(|identity| identity.common_name.clone());
    let names = [name(&outcomes.0.0), name(&outcomes.1.0), name(&outcomes.2.0)];
    assert_eq!(names, [Some("first".into()), None, Some("second".into())]);
}

#[tokio::test]
async fn a_changed_trust_set_is_asked_again_about_a_live_connection() {
    let (ca, other) = (Ca::root("Root"), Ca::root("Other"));
    let site = Site::new(&ca, Demand::Ask, &TLS13);
    let (outcome, _) = site.connect(own(&ca.device("device"))).await;
    let chain = outcome.device.chain();

    let removed = verify_again(&trust([&other.bundle()]), &site.verdicts, chain);
    assert_eq!(refusal(&removed), Some(Refusal::UnknownIssuer));
    assert_eq!(site.entries(), 1, "a refusal is not remembered");

    let widened = trust([&ca.bundle(), &other.bundle()]);
    let again = verify_again(&widened, &site.verdicts, removed.chain());
    assert_eq!(again.verified().unwrap().trust_set, widened.id());
    assert_eq!(site.entries(), 2, "under the new set's id");

    assert!(matches!(verify_again(&widened, &site.verdicts, Device::Absent.chain()), Device::Absent));
}

/// The cache is never older than the certificate, and says so by missing.
#[tokio::test]
async fn a_verdict_that_ran_out_is_verified_anew() {
    let ca = Ca::root_with(valid(ca_params("Root"), 0, NOW + DAY));
    let set = trust([&ca.bundle()]);
    let device = ca.device("device");
    let cache = crate::device::cache::VerdictCache::new(8);
    cache.insert(Arc::new(super::pki::verify(&set, &device, &[], NOW).unwrap()));
    let key = crate::device::cache::Key { trust_set: set.id(), leaf: device.fingerprint() };
    assert!(cache.get(&key, NOW + DAY).is_some());
    assert!(cache.get(&key, NOW + DAY + 1).is_none());
}
