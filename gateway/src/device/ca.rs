//! An uploaded CA chain: what an operator trusts, checked before anything relies on it.

mod extensions;
mod signer;
mod uploaded;

use std::sync::Arc;

use rustls::pki_types::{CertificateDer, TrustAnchor};
use x509_parser::extensions::BasicConstraints;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use extensions::Role;
pub use extensions::UnevaluatedNames;
pub use signer::{CrlSigner, SignerError};
pub use uploaded::{OutOfDate, Uploaded, time};

use super::identity::Fingerprint;
use super::trust::may_issue;
use crate::model::ca::CaAlgorithms;

/// A CA chain that passed its checks.
#[derive(Debug)]
pub struct CaBundle {
    /// What the operator calls it.
    pub name: Arc<str>,
    /// Where paths may end.
    pub anchors: Vec<Anchor>,
    /// What may stand between a device and an anchor although the device did not send it.
    pub intermediates: Vec<CertificateDer<'static>>,
    /// All of them, in the file's order.
    pub uploaded: Vec<Uploaded>,
}

impl CaBundle {
    /// The first certificate of the file.
    pub fn first(&self) -> Option<&CertificateDer<'static>> {
        let fingerprint = self.uploaded.first()?.fingerprint;
        let all = self.anchors.iter().map(|anchor| &anchor.der).chain(&self.intermediates);
        all.into_iter().find(|der| Fingerprint::of(der) == fingerprint)
    }
}

/// A certificate where paths may end, with what webpki does not look at in an anchor: its dates and path length.
#[derive(Clone, Debug)]
pub struct Anchor {
    /// The certificate.
    pub der: CertificateDer<'static>,
    /// Subject, key and name constraints, as webpki wants them.
    pub trust: TrustAnchor<'static>,
    /// The subject, for people.
    pub subject: String,
    /// Seconds since the epoch.
    pub not_before: u64,
    /// Seconds since the epoch.
    pub not_after: u64,
    /// CAs that may stand between it and a device, if it says how many: webpki does not look at an anchor's.
    pub path_len: Option<u32>,
    /// Whether certificates below it may be signed with SHA-1.
    pub allow_sha1: bool,
    /// The name of the bundle that it came in.
    pub bundle: Arc<str>,
}

/// What an operator says about a CA beside its certificates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct CaRules {
    /// Whether certificates below it may be signed with SHA-1.
    pub allow_sha1: bool,
    /// Which algorithms may have signed the CA itself.
    pub algorithms: CaAlgorithms,
}

/// Why a certificate cannot be trusted as a CA.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum CaError {
    /// Not a certificate.
    #[error("certificate {position} is not valid X.509")]
    Malformed {
        /// Its position in the file, from 1.
        position: usize,
    },
    /// Its key usage forbids it to sign certificates.
    #[error(
        "certificate {position} (`{subject}`) may not sign certificates: its key usage lacks keyCertSign"
    )]
    MayNotIssue {
        /// Its position in the file, from 1.
        position: usize,
        /// Its subject.
        subject: String,
    },
    /// The same certificate twice.
    #[error("certificate {position} (`{subject}`) stands in the file twice")]
    Duplicate {
        /// Its second position in the file, from 1.
        position: usize,
        /// Its subject.
        subject: String,
    },
    /// A server's certificate among the CAs.
    #[error(
        "certificate {position} (`{subject}`) is a server's, not a CA's: upload the CAs of your devices only"
    )]
    Server {
        /// Its position in the file, from 1.
        position: usize,
        /// Its subject.
        subject: String,
    },
    /// A critical extension asks for something that is not done here.
    #[error(
        "certificate {position} (`{subject}`) has a critical extension that is not processed here ({oid}), and may not be \
         trusted without it"
    )]
    CriticalExtension {
        /// Its position in the file, from 1.
        position: usize,
        /// Its subject.
        subject: String,
        /// The extension's object identifier.
        oid: String,
    },
    /// Signed with an algorithm that is not accepted.
    #[error(
        "certificate {position} (`{subject}`) is signed with {algorithm}; RSA and ECDSA with SHA-1, SHA-256, SHA-384 or \
         SHA-512 are accepted, and Ed25519 and RSA-PSS unless server.ca_algorithms says otherwise"
    )]
    Algorithm {
        /// Its position in the file, from 1.
        position: usize,
        /// Its subject.
        subject: String,
        /// The algorithm's object identifier.
        algorithm: String,
    },
    /// Basic Constraints do not say CA:TRUE.
    #[error("certificate {position} (`{subject}`) is not a CA: its Basic Constraints lack CA:TRUE")]
    NotACa {
        /// Its position in the file, from 1.
        position: usize,
        /// Its subject.
        subject: String,
    },
}

struct Parsed {
    anchor: Anchor,
    uploaded: Uploaded,
    self_issued: bool,
}

impl CaBundle {
    /// Checks a chain. Self-issued certificates become anchors and the others intermediates; where none is
    /// self-issued, all are anchors: an issuing intermediate alone is enough to trust.
    ///
    /// # Errors
    /// The first certificate that cannot be one of a CA's, by position and subject.
    pub fn new(
        name: &str,
        certificates: Vec<CertificateDer<'static>>,
        rules: CaRules,
    ) -> Result<Self, CaError> {
        let name: Arc<str> = name.into();
        let mut parsed: Vec<Parsed> = Vec::with_capacity(certificates.len());
        for (index, der) in certificates.into_iter().enumerate() {
            let (position, ca) = (index + 1, parse(&name, index + 1, der, rules)?);
            if parsed.iter().any(|seen| seen.anchor.der == ca.anchor.der) {
                return Err(CaError::Duplicate { position, subject: ca.anchor.subject });
            }
            parsed.push(ca);
        }
        let has_root = parsed.iter().any(|ca| ca.self_issued);
        for ca in &parsed {
            let role = if ca.self_issued || !has_root { Role::Anchor } else { Role::Intermediate };
            check_extensions(&ca.uploaded, &ca.anchor.der, role)?;
        }
        let uploaded = parsed.iter().map(|ca| ca.uploaded.clone()).collect();
        let (mut roots, mut others): (Vec<_>, Vec<_>) = parsed.into_iter().partition(|ca| ca.self_issued);
        if roots.is_empty() {
            std::mem::swap(&mut roots, &mut others);
        }
        Ok(Self {
            name,
            anchors: roots.into_iter().map(|ca| ca.anchor).collect(),
            intermediates: others.into_iter().map(|ca| ca.anchor.der).collect(),
            uploaded,
        })
    }
}

impl Anchor {
    /// Whether it is within its dates at `now`, in seconds since the epoch.
    pub fn is_live(&self, now: u64) -> bool {
        self.not_before <= now && now <= self.not_after
    }

    /// Whether a path with this many CAs between the anchor and the device may end here.
    pub fn allows(&self, intermediates: usize) -> bool {
        self.path_len.is_none_or(|most| intermediates <= most as usize)
    }
}

fn parse(
    bundle: &Arc<str>,
    position: usize,
    der: CertificateDer<'static>,
    rules: CaRules,
) -> Result<Parsed, CaError> {
    let malformed = CaError::Malformed { position };
    let Ok((_, certificate)) = X509Certificate::from_der(&der) else { return Err(malformed) };
    let subject = certificate.subject().to_string();
    let constraints = certificate.basic_constraints().ok().flatten().map(|extension| extension.value);
    let Some(BasicConstraints { ca: true, path_len_constraint }) = constraints else {
        let purposes = certificate.extended_key_usage().ok().flatten();
        let server = purposes.is_some_and(|extension| extension.value.server_auth);
        return Err(if server {
            CaError::Server { position, subject }
        } else {
            CaError::NotACa { position, subject }
        });
    };
    if !may_issue(&der) {
        return Err(CaError::MayNotIssue { position, subject });
    }
    let algorithm = certificate.signature_algorithm.oid().to_id_string();
    if !rules.algorithms.allow(&algorithm) {
        return Err(CaError::Algorithm { position, subject, algorithm });
    }
    let Ok(trust) = webpki::anchor_from_trusted_cert(&der) else { return Err(malformed) };
    let uploaded = Uploaded::new(position, &der, &certificate);
    let anchor = Anchor {
        trust: trust.to_owned(),
        subject,
        not_before: uploaded.not_before,
        not_after: uploaded.not_after,
        path_len: *path_len_constraint,
        allow_sha1: rules.allow_sha1,
        bundle: Arc::clone(bundle),
        der: CertificateDer::from(Vec::new()),
    };
    let self_issued = certificate.subject() == certificate.issuer();
    Ok(Parsed { anchor: Anchor { der, ..anchor }, uploaded, self_issued })
}

fn check_extensions(uploaded: &Uploaded, der: &[u8], role: Role) -> Result<(), CaError> {
    let Uploaded { position, ref subject, .. } = *uploaded;
    let Ok((_, certificate)) = X509Certificate::from_der(der) else {
        return Err(CaError::Malformed { position });
    };
    match extensions::unprocessed(&certificate, role) {
        None => Ok(()),
        Some(oid) => Err(CaError::CriticalExtension { position, subject: subject.clone(), oid }),
    }
}
