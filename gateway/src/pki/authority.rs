//! A CA that signs.

mod issue;
mod load;

use std::fmt;

use aws_lc_rs::digest;
use rcgen::{CertificateRevocationListParams, PublicKeyData};
use rustls::pki_types::CertificateDer;
use time::OffsetDateTime;
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::{FromDer as _, X509Certificate};
use x509_parser::public_key::PublicKey;

pub(super) use issue::{constraints, of_subject};
pub use load::LoadError;

use super::key::MIN_RSA_BITS;
use super::layout::field;
use super::profile::{PathLength, Validity};
use super::serial::NoRandomness;
use super::{Host, Name, Profile, Signer, layout};
use crate::device::trust::may_issue;

/// A CA: its certificate, and what signs for it.
pub struct Authority {
    certificate: CertificateDer<'static>,
    name: Name,
    /// The id of its key, as its certificate has it.
    key_id: Vec<u8>,
    path_length: Option<u32>,
    may_sign_lists: bool,
    not_after: OffsetDateTime,
    signer: Box<dyn Signer>,
}

/// Whose a certificate is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// Its distinguished name.
    pub name: Name,
    /// Its subject alternative names.
    pub hosts: Vec<Host>,
}

/// Why a CA cannot be one, or does not sign.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// Not a certificate.
    #[error("this is not a valid X.509 certificate")]
    Malformed,
    /// Basic Constraints do not say CA:TRUE.
    #[error("`{0}` is not a CA: its Basic Constraints lack CA:TRUE")]
    NotACa(String),
    /// Its key usage forbids it to sign certificates.
    #[error("`{0}` may not sign certificates: its key usage lacks keyCertSign")]
    MayNotIssue(String),
    /// Its key usage forbids it to sign CRLs.
    #[error("`{0}` may not sign CRLs: its key usage lacks cRLSign")]
    MayNotSignLists(String),
    /// An RSA key that is too short.
    #[error("the key of `{name}` is RSA with {bits} bits; {MIN_RSA_BITS} are the least that count")]
    WeakKey {
        /// The CA.
        name: String,
        /// How long its key is.
        bits: usize,
    },
    /// Another CA stands above it, and would have to renew it.
    #[error("`{0}` is not a root: have the CA that issued it issue it again")]
    NotARoot(String),
    /// The private key is another's.
    #[error("the private key is not that of `{0}`")]
    KeyMismatch(String),
    /// Nothing that it signs would verify.
    #[error("`{name}` expired on {}: renew it first", at.date())]
    Expired {
        /// The CA.
        name: String,
        /// When.
        at: OffsetDateTime,
    },
    /// It may have no CA below it, or not one with so many below.
    #[error(
        "`{name}` has a path length of {most}: a CA below it can have at most one less, and 0 allows none"
    )]
    PathLength {
        /// The CA.
        name: String,
        /// What it allows.
        most: u32,
    },
    /// A name that a certificate cannot have.
    #[error(transparent)]
    Host(#[from] super::host::HostError),
    /// No serial number could be drawn.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
    /// What was to be signed could not be encoded, or the signer refused.
    #[error("could not be signed: {0}")]
    Sign(#[from] rcgen::Error),
}

impl Authority {
    /// A CA with this certificate, for which `signer` signs.
    ///
    /// # Errors
    /// When the certificate is no CA's, its key is too weak, or `signer` has another.
    pub fn new(
        certificate: CertificateDer<'static>,
        signer: Box<dyn Signer>,
    ) -> Result<Self, AuthorityError> {
        let (_, parsed) = X509Certificate::from_der(&certificate).map_err(|_| AuthorityError::Malformed)?;
        let name = Name::from_der(parsed.subject().as_raw());
        let constraints = parsed.basic_constraints().ok().flatten().map(|extension| extension.value);
        let Some(constraints) = constraints.filter(|constraints| constraints.ca) else {
            return Err(AuthorityError::NotACa(name.to_string()));
        };
        if !may_issue(&certificate) {
            return Err(AuthorityError::MayNotIssue(name.to_string()));
        }
        if let Ok(PublicKey::RSA(key)) = parsed.public_key().parsed()
            && key.key_size() < MIN_RSA_BITS
        {
            return Err(AuthorityError::WeakKey { name: name.to_string(), bits: key.key_size() });
        }
        if parsed.public_key().raw != signer.subject_public_key_info() {
            return Err(AuthorityError::KeyMismatch(name.to_string()));
        }
        let usage = parsed.key_usage().ok().flatten();
        let own_id = parsed.iter_extensions().find_map(|extension| match extension.parsed_extension() {
            ParsedExtension::SubjectKeyIdentifier(id) => Some(id.0.to_vec()),
            _ => None,
        });
        Ok(Self {
            name,
            key_id: own_id.unwrap_or_else(|| key_id(&*signer)),
            path_length: constraints.path_len_constraint,
            may_sign_lists: usage.is_none_or(|usage| usage.value.crl_sign()),
            not_after: parsed.validity().not_after.to_datetime(),
            certificate,
            signer,
        })
    }

    /// A new root, whose key `signer` is.
    pub fn root(
        subject: &Subject,
        profile: &Profile,
        signer: Box<dyn Signer>,
    ) -> Result<Self, AuthorityError> {
        let der = issue::certificate(subject, &*signer, profile, &issue::By::itself(subject, &*signer))?;
        Self::new(der, signer)
    }

    /// A root once more: its name and key, for as long as before.
    pub fn renewed(self, now: OffsetDateTime) -> Result<Self, AuthorityError> {
        let (_, parsed) =
            X509Certificate::from_der(&self.certificate).map_err(|_| AuthorityError::Malformed)?;
        if parsed.issuer() != parsed.subject() {
            return Err(AuthorityError::NotARoot(self.name.to_string()));
        }
        let validity = parsed.validity();
        let life = (validity.not_after.to_datetime() - validity.not_before.to_datetime()).unsigned_abs();
        let length = self.path_length.map(|length| u8::try_from(length).unwrap_or(u8::MAX));
        let profile = Profile::ca(PathLength(length), Validity::starting(now, life));
        Self::root(&Subject { name: self.name, hosts: Vec::new() }, &profile, self.signer)
    }

    /// Issues a certificate.
    ///
    /// # Errors
    /// When it has expired, or its path length does not allow what `profile` asks for.
    pub fn issue(
        &self,
        subject: &Subject,
        key: &dyn PublicKeyData,
        profile: &Profile,
    ) -> Result<CertificateDer<'static>, AuthorityError> {
        self.check_not_expired()?;
        if let (Some(below), Some(most)) = (profile.ca, self.path_length)
            && below.0.is_none_or(|below| u32::from(below) >= most)
        {
            return Err(AuthorityError::PathLength { name: self.name.to_string(), most });
        }
        issue::certificate(subject, key, profile, &issue::By::ca(self))
    }

    /// Whether what it issues would verify as of now.
    pub fn check_not_expired(&self) -> Result<(), AuthorityError> {
        if self.not_after < OffsetDateTime::now_utc() {
            return Err(AuthorityError::Expired { name: self.name.to_string(), at: self.not_after });
        }
        Ok(())
    }

    /// Signs a CRL.
    pub(super) fn sign_list(
        &self,
        list: &CertificateRevocationListParams,
    ) -> Result<Vec<u8>, AuthorityError> {
        if !self.may_sign_lists {
            return Err(AuthorityError::MayNotSignLists(self.name.to_string()));
        }
        let laid_out = list.signed_by(&issue::issuer(Some(&self.key_id), &*self.signer))?;
        let names = [(field::LIST_ISSUER, self.name.der())];
        Ok(layout::sign(laid_out.der(), &names, &*self.signer)?)
    }

    /// The id of its key, by which its CRLs name it.
    pub(super) fn key_id(&self) -> &[u8] {
        &self.key_id
    }

    /// Its certificate.
    pub fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    /// Its subject.
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// When its certificate ends.
    pub fn not_after(&self) -> OffsetDateTime {
        self.not_after
    }
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The id of a key as everybody computes it: SHA-1 of its bits (RFC 5280, 4.2.1.2). It is a name, and no proof.
fn key_id(key: &(impl PublicKeyData + ?Sized)) -> Vec<u8> {
    digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, key.der_bytes()).as_ref().to_vec()
}

#[cfg(test)]
mod tests;
