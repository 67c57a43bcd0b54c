//! Whether certificates verify with a CA and its CRLs, as the gateway would see it.

use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use webpki::{EndEntityCert, KeyUsage};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::device::ca::{CaBundle, CaError, CaRules};
use crate::device::identity::{Fingerprint, Identity, Malformed};
use crate::device::refusal::Refusal;
use crate::device::revocation::{
    CertificateId, DenyList, EnvelopeError, Issuer, IssuerError, OnExpired, ParseError, ParsedCrl,
    RevocationIndex, Standing, VerifyError, envelope,
};
use crate::device::trust::{Rules, TrustSet, certificate_algorithms};

/// A CA and its CRLs.
#[derive(Debug)]
pub struct Trial {
    trust: TrustSet,
    issuers: Vec<Issuer>,
    crls: RevocationIndex,
}

/// Why there is nothing to verify with.
#[derive(Debug, thiserror::Error)]
pub enum TrialError {
    /// The CA is none.
    #[error(transparent)]
    Ca(#[from] CaError),
    /// The CA has nothing that CRLs could be checked by.
    #[error(transparent)]
    Issuer(#[from] IssuerError),
    /// A CRL's file is none.
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
    /// A CRL is damaged.
    #[error(transparent)]
    Parse(#[from] ParseError),
    /// A CRL is another CA's.
    #[error(transparent)]
    Verify(#[from] VerifyError),
}

/// Why a certificate does not verify.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Verdict {
    /// A CA's certificate, which nobody is known by.
    #[error("it is a CA's certificate, and neither a device's nor a server's")]
    Ca,
    /// As a gateway refuses it.
    #[error("{} ({})", .0.openssl(), .0.label())]
    Refused(Refusal),
    /// A CRL lists it, or a CA above it.
    #[error("{}", if *.0 == 0 { "revoked by the CRL" } else { "a CA above it is revoked by the CRL" })]
    Revoked(usize),
    /// The CRL is overdue.
    #[error("the CRL is overdue, and nobody knows who was revoked since")]
    CrlOverdue,
    /// The part of a CRL that would list it was not given.
    #[error("the CA splits its CRL, and the part that would list it was not given")]
    CrlMissing,
    /// A server's certificate for others.
    #[error("it is not for `{0}`")]
    OtherName(String),
}

impl Trial {
    /// The CA in these certificates; no CRL yet.
    pub fn new(certificates: Vec<CertificateDer<'static>>) -> Result<Self, TrialError> {
        let issuers = certificates.iter().map(|der| Issuer::read(der)).collect::<Result<_, _>>()?;
        let bundle = CaBundle::new("the CA", certificates, CaRules::default())?;
        let algorithms = aws_lc_rs::default_provider().signature_verification_algorithms;
        let trust = TrustSet::new([&bundle], algorithms, Rules::default());
        Ok(Self { trust, issuers, crls: RevocationIndex::default() })
    }

    /// The same with the CRLs in files, given by their bytes.
    pub fn with_crls(self, files: &[impl AsRef<[u8]>], now: u64) -> Result<Self, TrialError> {
        let mut crls = Vec::new();
        for file in files {
            let file = file.as_ref();
            for der in envelope::decode(file, file.len())? {
                let parsed = ParsedCrl::parse(&der, der.len())?;
                crls.push(Arc::new(parsed.verify(&self.issuers, certificate_algorithms(false), now)?));
            }
        }
        let crls = RevocationIndex::new(1, crls, |_| OnExpired::Hard, Arc::new(DenyList::default()));
        Ok(Self { crls, ..self })
    }

    /// Whether a device with this chain, leaf first, would be verified.
    pub fn device(&self, chain: &[CertificateDer<'_>], now: u64) -> Result<(), Verdict> {
        let (leaf, sent) = split(chain)?;
        let verified = self.trust.verify(leaf, Fingerprint::of(leaf), sent, time(now));
        let verified = verified.map_err(Verdict::Refused)?;
        self.standing(&verified.path, &verified.identity, now)
    }

    /// Whether clients would verify a server with this chain, leaf first, under `name`.
    pub fn server(
        &self,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        now: u64,
    ) -> Result<(), Verdict> {
        let refused = |refusal| Verdict::Refused(refusal);
        let (leaf, sent) = split(chain)?;
        let certificate = EndEntityCert::try_from(leaf).map_err(|error| refused(error.into()))?;
        let anchors: Vec<_> = self.trust.anchors().iter().filter(|anchor| anchor.is_live(now)).collect();
        let trusted: Vec<_> = anchors.iter().map(|anchor| anchor.trust.clone()).collect();
        let algorithms = certificate_algorithms(false);
        let usage = KeyUsage::server_auth();
        let path = certificate
            .verify_for_usage(algorithms, &trusted, sent, time(now), usage, None, None)
            .map_err(|error| refused(error.into()))?;
        certificate
            .verify_is_valid_for_subject_name(name)
            .map_err(|_| Verdict::OtherName(name.to_str().into_owned()))?;
        let anchor = anchors.iter().find(|anchor| anchor.trust == *path.anchor());
        let between = path.intermediate_certificates().map(|ca| ca.der().to_vec());
        let whole: Vec<Vec<u8>> = std::iter::once(leaf.to_vec())
            .chain(between)
            .chain(anchor.map(|anchor| anchor.der.to_vec()))
            .collect();
        let path = CertificateId::of_path(&whole).map_err(|_| refused(Refusal::BadEncoding))?;
        let identity = Identity::read(leaf, Fingerprint::of(leaf));
        let identity = identity.map_err(|Malformed| refused(Refusal::BadEncoding))?;
        self.standing(&path, &identity, now)
    }

    fn standing(&self, path: &[CertificateId], leaf: &Identity, now: u64) -> Result<(), Verdict> {
        match self.crls.check(path, leaf.facts(), now) {
            Standing::Good | Standing::NotCovered { .. } => Ok(()),
            Standing::Revoked(revocation) => Err(Verdict::Revoked(revocation.position)),
            Standing::CrlExpired { .. } => Err(Verdict::CrlOverdue),
            Standing::CrlMissing { .. } => Err(Verdict::CrlMissing),
        }
    }
}

/// The certificate in question, and those that came with it.
fn split<'a, 'b>(
    chain: &'a [CertificateDer<'b>],
) -> Result<(&'a CertificateDer<'b>, &'a [CertificateDer<'b>]), Verdict> {
    let (leaf, sent) = chain.split_first().ok_or(Verdict::Refused(Refusal::BadEncoding))?;
    let is_ca = X509Certificate::from_der(leaf).is_ok_and(|(_, certificate)| certificate.is_ca());
    if is_ca { Err(Verdict::Ca) } else { Ok((leaf, sent)) }
}

fn time(now: u64) -> UnixTime {
    UnixTime::since_unix_epoch(std::time::Duration::from_secs(now))
}
