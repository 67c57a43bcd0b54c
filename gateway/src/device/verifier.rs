//! The verifier that rustls calls: cache first, then the trust set. It reports to the connection through a
//! task-local slot, because one `ServerConfig` serves every connection of a host.

use std::cell::RefCell;
use std::future::Future;
use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};

use super::cache::Key;
use super::identity::{Fingerprint, Identity};
use super::proof::{self, Version};
use super::refusal::Refusal;
use super::trust::{TrustSet, Verified, own};
use super::verdicts::Verdicts;
use super::{Device, Refused};

/// What the verifier found, before the handshake has shown that the peer holds the key.
#[derive(Debug, Default)]
pub(crate) enum Finding {
    /// No certificate.
    #[default]
    Nothing,
    /// A device whose verdict was in the cache.
    Known(Arc<Verified>),
    /// A device that was verified just now.
    Fresh(Arc<Verified>),
    /// A certificate that does not verify, or is revoked.
    Refused(Arc<Refused>),
}

impl Finding {
    /// What it comes to, and whether the cache knew. A fresh verdict goes into the cache, if the peer `proved` that it
    /// holds the key.
    pub(crate) fn settle(self, proved: bool, verdicts: &Verdicts) -> (Device, bool) {
        match self {
            Self::Nothing => (Device::Absent, false),
            Self::Known(verified) => (Device::Verified(verified), true),
            Self::Fresh(verified) => {
                if proved {
                    verdicts.cache.insert(Arc::clone(&verified));
                }
                (Device::Verified(verified), false)
            }
            Self::Refused(refused) => (Device::Refused(refused), false),
        }
    }
}

tokio::task_local! {
    static FINDING: RefCell<Finding>;
}

/// A handshake's result and what its certificate turned out to be.
#[derive(Debug)]
pub struct Outcome<T> {
    /// What the future gave.
    pub result: T,
    /// The device. Trust it only if the handshake succeeded: before that, nobody has proved to hold its key.
    pub device: Device,
    /// Whether the verdict came from the cache.
    pub cached: bool,
}

/// Runs a handshake so that verifiers in it can report. When it succeeds, CertificateVerify did too, and a fresh
/// verdict goes into the cache.
pub async fn observe<T, E>(
    handshake: impl Future<Output = Result<T, E>>,
    verdicts: &Verdicts,
) -> Outcome<Result<T, E>> {
    let (result, finding) = FINDING
        .scope(RefCell::default(), async {
            let result = handshake.await;
            (result, FINDING.with(RefCell::take))
        })
        .await;
    let (device, cached) = finding.settle(result.is_ok(), verdicts);
    Outcome { result, device, cached }
}

/// Verifies a chain that was presented earlier, against a trust set or a revocation index that may have changed since.
pub fn verify_again(trust: &TrustSet, verdicts: &Verdicts, chain: &[Arc<CertificateDer<'static>>]) -> Device {
    let Some((leaf, sent)) = chain.split_first() else { return Device::Absent };
    let sent: Vec<_> = sent.iter().map(|der| CertificateDer::from(der.as_ref().as_ref())).collect();
    // The peer of this live connection proved that it holds the key when it connected.
    judge(trust, verdicts, leaf, &sent, UnixTime::now()).settle(true, verdicts).0
}

/// The cache first, then the trust set; and the revocation index, whichever of the two it was.
pub(crate) fn judge(
    trust: &TrustSet,
    verdicts: &Verdicts,
    leaf: &CertificateDer<'_>,
    sent: &[CertificateDer<'_>],
    now: UnixTime,
) -> Finding {
    let fingerprint = Fingerprint::of(leaf);
    let key = Key { trust_set: trust.id(), leaf: fingerprint };
    let (found, known) = match verdicts.cache.get(&key, now.as_secs()) {
        Some(verified) => (Ok(verified), true),
        None => (trust.verify(leaf, fingerprint, sent, now).map(Arc::new), false),
    };
    let standing = found.and_then(|verified| verdicts.standing(&verified, now.as_secs()).map(|()| verified));
    match (standing, known) {
        (Ok(verified), true) => Finding::Known(verified),
        (Ok(verified), false) => Finding::Fresh(verified),
        (Err(reason), _) => {
            let identity = Identity::read(leaf, fingerprint).ok();
            Finding::Refused(Arc::new(Refused { reason, identity, chain: own(leaf, sent) }))
        }
    }
}

/// Whether a handshake without a valid certificate fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Demand {
    /// No: it completes, and policy decides.
    Ask,
    /// Yes, with the alert that fits the reason.
    Require,
}

/// rustls' view of a host's trust set.
#[derive(Debug)]
pub struct DeviceVerifier {
    trust: Arc<TrustSet>,
    verdicts: Arc<Verdicts>,
    demand: Demand,
    hints: bool,
}

impl DeviceVerifier {
    /// A verifier for a host.
    pub fn new(trust: Arc<TrustSet>, verdicts: Arc<Verdicts>, demand: Demand) -> Self {
        Self { trust, verdicts, demand, hints: true }
    }

    /// The same, telling devices which CAs their certificates may be from or not.
    #[must_use]
    pub fn with_hints(self, hints: bool) -> Self {
        Self { hints, ..self }
    }
}

impl ClientCertVerifier for DeviceVerifier {
    fn client_auth_mandatory(&self) -> bool {
        self.demand == Demand::Require
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        if self.hints { self.trust.hints() } else { &[] }
    }

    fn verify_client_cert(
        &self,
        leaf: &CertificateDer<'_>,
        sent: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let finding = judge(&self.trust, &self.verdicts, leaf, sent, now);
        let refusal = match &finding {
            Finding::Refused(refused) => Some(refused.reason),
            Finding::Nothing | Finding::Known(_) | Finding::Fresh(_) => None,
        };
        // Outside of `observe` nobody would learn of a refusal: then nobody passes.
        let observed = FINDING.try_with(|slot| slot.replace(finding)).is_ok();
        match (self.demand, refusal) {
            (_, None) | (Demand::Ask, Some(_)) if observed => Ok(ClientCertVerified::assertion()),
            (_, refusal) => Err(refusal.unwrap_or(Refusal::UnknownIssuer).tls_error()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        proof::verify(Version::Tls12, message, leaf, signature, self.trust.algorithms())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        proof::verify(Version::Tls13, message, leaf, signature, self.trust.algorithms())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.trust.algorithms().supported_schemes()
    }
}
