//! Trust sets: the anchors and intermediates that count for a host, and path verification against them.

use std::collections::BTreeSet;
use std::sync::Arc;

use aws_lc_rs::digest;
use rustls::DistinguishedName;
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::{CertificateDer, TrustAnchor, UnixTime};
use webpki::{EndEntityCert, KeyUsage, VerifiedPath};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::ca::{Anchor, CaBundle};
use super::identity::{Fingerprint, Identity};
use super::refusal::Refusal;

/// CAs that a CertificateRequest names at most; more would only fatten every handshake. Where there are more it names
/// none: clients that choose by these names would take a part of the list for the whole.
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
    pub fn new<'a>(
        bundles: impl IntoIterator<Item = &'a CaBundle>,
        algorithms: WebPkiSupportedAlgorithms,
    ) -> Self {
        let (mut anchors, mut intermediates) = (Vec::new(), Vec::new());
        for bundle in bundles {
            anchors.extend(bundle.anchors.iter().cloned());
            intermediates.extend(bundle.intermediates.iter().cloned());
        }
        // The order in the file means nothing, and must not make another id.
        anchors.sort_by(|a, b| (a.der.as_ref(), &a.bundle).cmp(&(b.der.as_ref(), &b.bundle)));
        intermediates.sort_by(|a, b| a.as_ref().cmp(b.as_ref()));
        intermediates.dedup();
        let hints = hints(&anchors, &intermediates);
        Self { id: identify(&anchors, &intermediates), hints, anchors, intermediates, algorithms }
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

    /// Verifies a chain for client authentication at `now`: signatures, dates and path lengths (the anchor's too),
    /// constraints, and an extended key usage that is absent or includes `clientAuth`.
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
        let intermediates: Vec<_> =
            sent.iter().chain(&self.intermediates).map(|der| CertificateDer::from(der.as_ref())).collect();
        let (live, others): (Vec<_>, Vec<_>) =
            self.anchors.iter().partition(|anchor| anchor.is_live(now.as_secs()));
        let search = Search { certificate: &certificate, intermediates: &intermediates, now };
        match search.run(&live, &self.algorithms) {
            Ok((anchor, expires_at)) => Ok(Verified {
                expires_at: expires_at.min(identity.not_after),
                identity,
                anchor: Arc::clone(&anchor.bundle),
                trust_set: self.id,
                chain: own(leaf, sent),
            }),
            // "Unknown issuer" is misleading where the only thing wrong is an anchor's date.
            Err(Refusal::UnknownIssuer) if search.run(&others, &self.algorithms).is_ok() => {
                Err(Refusal::AnchorExpired)
            }
            Err(refusal) => Err(refusal),
        }
    }
}

/// A search for a path from a leaf to an anchor.
struct Search<'a> {
    certificate: &'a EndEntityCert<'a>,
    intermediates: &'a [CertificateDer<'a>],
    now: UnixTime,
}

impl Search<'_> {
    /// The anchor that a path ends at, and when the first certificate expires from that anchor down to the leaf's
    /// issuer. The dates of `anchors` are the caller's concern.
    fn run<'b>(
        &self,
        anchors: &[&'b Anchor],
        algorithms: &WebPkiSupportedAlgorithms,
    ) -> Result<(&'b Anchor, u64), Refusal> {
        let trusted: Vec<TrustAnchor<'_>> = anchors.iter().map(|anchor| anchor.trust.clone()).collect();
        // A renewed CA has the same name and key, and perhaps another path length.
        let end = |path: &VerifiedPath<'_>| {
            let length = path.intermediate_certificates().count();
            anchors.iter().copied().find(|anchor| anchor.trust == *path.anchor() && anchor.allows(length))
        };
        let fits = |path: &VerifiedPath<'_>| match end(path) {
            Some(_) => Ok(()),
            None => Err(webpki::Error::PathLenConstraintViolated),
        };
        let (usage, intermediates) = (KeyUsage::client_auth(), self.intermediates);
        let path = self.certificate.verify_for_usage(
            algorithms.all,
            &trusted,
            intermediates,
            self.now,
            usage,
            None,
            Some(&fits),
        )?;
        let anchor = end(&path).ok_or(Refusal::ConstraintViolation)?;
        let expires_at = path
            .intermediate_certificates()
            .map(|certificate| not_after(&certificate.der()))
            .fold(anchor.not_after, u64::min);
        Ok((anchor, expires_at))
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

/// The subjects of anchors, and of intermediates that a device may leave out: it knows its issuer by one of them.
fn hints(anchors: &[Anchor], intermediates: &[CertificateDer<'_>]) -> Vec<DistinguishedName> {
    let issuing =
        intermediates.iter().filter_map(|der| Some(EndEntityCert::try_from(der).ok()?.subject().to_vec()));
    let subjects: BTreeSet<_> =
        anchors.iter().map(|anchor| anchor.trust.subject.to_vec()).chain(issuing).collect();
    if subjects.len() > MAX_HINTS {
        return Vec::new();
    }
    subjects.iter().map(|subject| DistinguishedName::in_sequence(subject)).collect()
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
