//! Trust sets: the anchors and intermediates that count for a host, and path verification against them.

use std::sync::Arc;

use aws_lc_rs::digest;
use rustls::DistinguishedName;
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::{CertificateDer, TrustAnchor, UnixTime};
use webpki::{EndEntityCert, KeyUsage};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::ca::{Anchor, CaBundle};
use super::identity::{Fingerprint, Identity};
use super::refusal::Refusal;

/// CAs that a CertificateRequest names at most; more would only fatten every handshake.
const MAX_HINTS: usize = 32;

/// What a trust set is: a digest of its anchors, its intermediates and the rules that apply to them.
///
/// Verdicts are cached under it. A reload that changes nothing about a host's trust keeps its verdicts; one that
/// does makes another id, and old verdicts are never found again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TrustSetId([u8; 16]);

/// The anchors and intermediates that count for one host. An empty one verifies nobody.
#[derive(Debug)]
pub struct TrustSet {
    id: TrustSetId,
    anchors: Vec<Anchor>,
    intermediates: Vec<CertificateDer<'static>>,
    hints: Vec<DistinguishedName>,
    algorithms: WebPkiSupportedAlgorithms,
}

/// A device whose chain leads to an anchor.
#[derive(Debug)]
pub struct Verified {
    /// Who it is.
    pub identity: Identity,
    /// The mTLS certificate that vouches for it, by name.
    pub anchor: Arc<str>,
    /// When the first certificate on the path expires, the anchor included. Seconds since the epoch.
    pub expires_at: u64,
    /// The trust set that it was verified for.
    pub trust_set: TrustSetId,
    /// What it presented, leaf first: a trust set that changes verifies it again.
    pub chain: Chain,
}

/// A chain as a device presented it, leaf first.
pub type Chain = Box<[CertificateDer<'static>]>;

impl TrustSet {
    /// The union of `bundles`.
    pub fn new<'a>(bundles: impl IntoIterator<Item = &'a CaBundle>, algorithms: WebPkiSupportedAlgorithms) -> Self {
        let (mut anchors, mut intermediates) = (Vec::new(), Vec::new());
        for bundle in bundles {
            anchors.extend(bundle.anchors.iter().cloned());
            intermediates.extend(bundle.intermediates.iter().cloned());
        }
        // The order in the file means nothing, and must not make another id.
        anchors.sort_by(|a, b| (a.der.as_ref(), &a.bundle).cmp(&(b.der.as_ref(), &b.bundle)));
        intermediates.sort_by(|a, b| a.as_ref().cmp(b.as_ref()));
        intermediates.dedup();
        let hints = anchors.iter().take(MAX_HINTS).map(|anchor| DistinguishedName::in_sequence(&anchor.trust.subject));
        Self { id: identify(&anchors, &intermediates), hints: hints.collect(), anchors, intermediates, algorithms }
    }

    /// What it is.
    pub fn id(&self) -> TrustSetId {
        self.id
    }

    /// Where its paths end.
    pub fn anchors(&self) -> &[Anchor] {
        &self.anchors
    }

    /// The subjects that a CertificateRequest names.
    pub fn hints(&self) -> &[DistinguishedName] {
        &self.hints
    }

    /// The signature algorithms of certificates and of proofs of possession.
    pub fn algorithms(&self) -> &WebPkiSupportedAlgorithms {
        &self.algorithms
    }

    /// Verifies a chain for client authentication at `now`: signatures, dates (the anchor's too), constraints, and
    /// an extended key usage that is absent or includes `clientAuth`.
    ///
    /// # Errors
    /// Why it does not verify.
    pub fn verify(
        &self,
        leaf: &CertificateDer<'_>,
        fingerprint: Fingerprint,
        sent: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<Verified, Refusal> {
        let identity = Identity::read(leaf, fingerprint).map_err(|_| Refusal::BadEncoding)?;
        let certificate = EndEntityCert::try_from(leaf)?;
        let seconds = now.as_secs();
        let live = |anchor: &&Anchor| anchor.not_before <= seconds && seconds <= anchor.not_after;
        let anchors: Vec<TrustAnchor<'_>> =
            self.anchors.iter().filter(live).map(|anchor| anchor.trust.clone()).collect();
        let intermediates: Vec<_> = sent.iter().chain(&self.intermediates).map(|der| CertificateDer::from(der.as_ref())).collect();
        let usage = KeyUsage::client_auth();
        let path = certificate
            .verify_for_usage(self.algorithms.all, &anchors, &intermediates, now, usage, None, None)
            .map_err(|error| self.explain(error.into(), anchors.len()))?;
        let anchor = self
            .anchors
            .iter()
            .filter(live)
            .find(|anchor| anchor.trust == *path.anchor())
            .ok_or(Refusal::UnknownIssuer)?;
        let expires_at = path
            .intermediate_certificates()
            .map(|certificate| not_after(&certificate.der()))
            .fold(identity.not_after.min(anchor.not_after), u64::min);
        let chain = own(leaf, sent);
        Ok(Verified { identity, anchor: Arc::clone(&anchor.bundle), expires_at, trust_set: self.id, chain })
    }

    /// "Unknown issuer" is misleading where the only thing wrong may be an anchor's date.
    fn explain(&self, refusal: Refusal, live_anchors: usize) -> Refusal {
        match refusal {
            Refusal::UnknownIssuer if live_anchors < self.anchors.len() => Refusal::AnchorExpired,
            refusal => refusal,
        }
    }
}

impl Verified {
    /// Whether every certificate on the path is still within its dates.
    pub fn is_live(&self, now: u64) -> bool {
        now <= self.expires_at
    }
}

/// A copy of a chain that outlives the handshake.
pub(super) fn own(leaf: &CertificateDer<'_>, sent: &[CertificateDer<'_>]) -> Chain {
    std::iter::once(leaf).chain(sent).map(|der| der.clone().into_owned()).collect()
}

fn not_after(der: &[u8]) -> u64 {
    X509Certificate::from_der(der)
        .ok()
        .and_then(|(_, certificate)| u64::try_from(certificate.validity().not_after.timestamp()).ok())
        .unwrap_or(0)
}

fn identify(anchors: &[Anchor], intermediates: &[CertificateDer<'static>]) -> TrustSetId {
    let mut context = digest::Context::new(&digest::SHA256);
    let mut update = |bytes: &[u8]| {
        context.update(&(bytes.len() as u64).to_be_bytes());
        context.update(bytes);
    };
    for anchor in anchors {
        update(&anchor.der);
        update(anchor.bundle.as_bytes());
    }
    update(b"intermediates");
    for intermediate in intermediates {
        update(intermediate);
    }
    let digest = context.finish();
    let mut id = [0; 16];
    id.iter_mut().zip(digest.as_ref()).for_each(|(to, from)| *to = *from);
    TrustSetId(id)
}
