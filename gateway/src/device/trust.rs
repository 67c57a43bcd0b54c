//! Trust sets: the anchors and intermediates that count for a host, and path verification against them.

use std::collections::BTreeSet;
use std::sync::Arc;

use aws_lc_rs::digest;
use rustls::DistinguishedName;
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::{CertificateDer, SignatureVerificationAlgorithm, TrustAnchor, UnixTime};
use webpki::{EndEntityCert, KeyUsage, VerifiedPath};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::ca::{Anchor, CaBundle};
use super::identity::{self, Fingerprint, Identity};
use super::refusal::Refusal;
use super::revocation::CertificateId;
use super::{intern, sha1};

/// CAs that a CertificateRequest names at most; more would only fatten every handshake. Where there are more it names
/// none: clients that choose by these names would take a part of the list for the whole.
const MAX_HINTS: usize = 32;

/// `id-kp-clientAuth`, 1.3.6.1.5.5.7.3.2 (RFC 5280, 4.2.1.12), as the content of an OBJECT IDENTIFIER.
const CLIENT_AUTH: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 2];

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
    rules: Rules,
}

/// What a host asks of certificates beyond a path to an anchor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// Whether a leaf must name `clientAuth` as its purpose, instead of only not naming others.
    pub require_purpose: bool,
}

/// A device whose chain leads to an anchor.
#[derive(Debug)]
pub struct Verified {
    /// Who it is.
    pub identity: Identity,
    /// The mTLS certificate that vouches for it, by name.
    pub anchor: Arc<str>,
    /// The validated path below the anchor, leaf first, as the revocation index knows certificates.
    pub path: Box<[CertificateId]>,
    /// The CAs between it and the anchor, its issuer first: of what it and the operator offered, what the path needs.
    pub intermediates: Box<[Arc<CertificateDer<'static>>]>,
    /// The serial number of its issuer's certificate, in upper-case hexadecimal.
    pub issuer_serial: Box<str>,
    /// When the first certificate on the path expires, the anchor included. Seconds since the epoch.
    pub expires_at: u64,
    /// The trust set that it was verified for.
    pub trust_set: TrustSetId,
    /// What it presented, leaf first: a trust set that changes verifies it again. Intermediates are shared between the
    /// devices that have them in common.
    pub chain: Chain,
}

/// A chain as a device presented it, leaf first.
pub type Chain = Box<[Arc<CertificateDer<'static>>]>;

impl TrustSet {
    /// The union of `bundles`.
    pub fn new<'a>(
        bundles: impl IntoIterator<Item = &'a CaBundle>,
        algorithms: WebPkiSupportedAlgorithms,
        rules: Rules,
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
        Self {
            id: identify(&anchors, &intermediates, rules),
            hints,
            anchors,
            intermediates,
            algorithms,
            rules,
        }
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
        let usage = if self.rules.require_purpose {
            KeyUsage::required(CLIENT_AUTH)
        } else {
            KeyUsage::client_auth()
        };
        let search = Search { leaf, certificate: &certificate, intermediates: &intermediates, now, usage };
        match search.run_with_sha1(&live, &self.algorithms) {
            // What cannot prove its possession fails in the handshake; this is why.
            Ok(_) if !identity.key_is_usable => Err(Refusal::UnsupportedKey),
            Ok(found) => Ok(Verified {
                expires_at: found.expires_at.min(identity.not_after),
                identity,
                anchor: Arc::clone(&found.anchor.bundle),
                path: found.path,
                intermediates: found.intermediates,
                issuer_serial: found.issuer_serial,
                trust_set: self.id,
                chain: own(leaf, sent),
            }),
            // "Unknown issuer" is misleading where the only thing wrong is an anchor's date.
            Err(Refusal::UnknownIssuer) if search.run_with_sha1(&others, &self.algorithms).is_ok() => {
                Err(Refusal::AnchorExpired)
            }
            Err(refusal) => Err(refusal),
        }
    }
}

/// A search for a path from a leaf to an anchor.
struct Search<'a> {
    leaf: &'a [u8],
    certificate: &'a EndEntityCert<'a>,
    intermediates: &'a [CertificateDer<'a>],
    now: UnixTime,
    usage: KeyUsage,
}

/// A path that was found.
struct Found<'a> {
    anchor: &'a Anchor,
    path: Box<[CertificateId]>,
    intermediates: Box<[Arc<CertificateDer<'static>>]>,
    issuer_serial: Box<str>,
    /// When the first certificate expires from the anchor down to the leaf's issuer. Seconds since the epoch.
    expires_at: u64,
}

impl Search<'_> {
    /// Searches without SHA-1 first, then once more with it, to the anchors that are marked for it and to no others.
    fn run_with_sha1<'b>(
        &self,
        anchors: &[&'b Anchor],
        algorithms: &WebPkiSupportedAlgorithms,
    ) -> Result<Found<'b>, Refusal> {
        let refusal = match self.run(anchors, algorithms.all) {
            Ok(found) => return Ok(found),
            Err(refusal) => refusal,
        };
        let marked: Vec<_> = anchors.iter().copied().filter(|anchor| anchor.allow_sha1).collect();
        if marked.is_empty() {
            return Err(refusal);
        }
        // Not only where the refusal names the algorithm: of several attempts it names the worst.
        match self.run(&marked, sha1::with_sha1()) {
            Err(second) if refusal == Refusal::Unsupported => Err(second),
            Err(_) => Err(refusal),
            found => found,
        }
    }

    /// The dates of `anchors` are the caller's concern.
    fn run<'b>(
        &self,
        anchors: &[&'b Anchor],
        algorithms: &[&dyn SignatureVerificationAlgorithm],
    ) -> Result<Found<'b>, Refusal> {
        let trusted: Vec<TrustAnchor<'_>> = anchors.iter().map(|anchor| anchor.trust.clone()).collect();
        // A renewed CA has the same name and key, and perhaps another path length.
        let end = |path: &VerifiedPath<'_>| {
            let length = path.intermediate_certificates().count();
            anchors.iter().copied().find(|anchor| anchor.trust == *path.anchor() && anchor.allows(length))
        };
        let fits = |path: &VerifiedPath<'_>| match end(path) {
            None => Err(webpki::Error::PathLenConstraintViolated),
            // webpki does not look at key usages (RFC 5280, 6.1.4 (n)).
            Some(_) if !path.intermediate_certificates().all(|ca| may_issue(&ca.der())) => {
                Err(webpki::Error::EndEntityUsedAsCa)
            }
            Some(_) => Ok(()),
        };
        let (usage, intermediates) = (self.usage, self.intermediates);
        let path = self.certificate.verify_for_usage(
            algorithms,
            &trusted,
            intermediates,
            self.now,
            usage,
            None,
            Some(&fits),
        )?;
        let anchor = end(&path).ok_or(Refusal::ConstraintViolation)?;
        let between: Vec<_> = path.intermediate_certificates().map(webpki::Cert::der).collect();
        let expires_at = between.iter().map(|der| not_after(der)).fold(anchor.not_after, u64::min);
        let whole: Vec<&[u8]> = std::iter::once(self.leaf)
            .chain(between.iter().map(AsRef::as_ref))
            .chain(std::iter::once(anchor.der.as_ref()))
            .collect();
        // A serial number that no CRL could list cannot be looked up, so it cannot count as good.
        let path = CertificateId::of_path(&whole).map_err(|_| Refusal::BadEncoding)?.into();
        let issuer_serial = whole.get(1).map(|issuer| identity::serial(issuer)).unwrap_or_default().into();
        let intermediates = between.iter().map(intern::intermediate).collect();
        Ok(Found { anchor, path, intermediates, issuer_serial, expires_at })
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
    let leaf = Arc::new(leaf.clone().into_owned());
    std::iter::once(leaf).chain(sent.iter().map(intern::intermediate)).collect()
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

/// Whether a CA's key usage, if it has one, allows it to sign certificates.
pub(crate) fn may_issue(der: &[u8]) -> bool {
    let Ok((_, certificate)) = X509Certificate::from_der(der) else { return false };
    certificate.key_usage().is_ok_and(|usage| usage.is_none_or(|usage| usage.value.key_cert_sign()))
}

fn not_after(der: &[u8]) -> u64 {
    X509Certificate::from_der(der)
        .ok()
        .and_then(|(_, certificate)| u64::try_from(certificate.validity().not_after.timestamp()).ok())
        .unwrap_or(0)
}

fn identify(anchors: &[Anchor], intermediates: &[CertificateDer<'static>], rules: Rules) -> TrustSetId {
    let mut context = digest::Context::new(&digest::SHA256);
    let mut update = |bytes: &[u8]| {
        context.update(&(bytes.len() as u64).to_be_bytes());
        context.update(bytes);
    };
    for anchor in anchors {
        update(&anchor.der);
        update(anchor.bundle.as_bytes());
        update(&[u8::from(anchor.allow_sha1)]);
    }
    update(&[u8::from(rules.require_purpose)]);
    update(b"intermediates");
    for intermediate in intermediates {
        update(intermediate);
    }
    let digest = context.finish();
    let mut id = [0; 16];
    id.iter_mut().zip(digest.as_ref()).for_each(|(to, from)| *to = *from);
    TrustSetId(id)
}

/// The signature algorithms of certificates and CRLs.
pub fn certificate_algorithms(with_sha1: bool) -> &'static [&'static dyn SignatureVerificationAlgorithm] {
    if with_sha1 {
        return sha1::with_sha1();
    }
    rustls::crypto::aws_lc_rs::default_provider().signature_verification_algorithms.all
}
