//! CAs as issuers of CRLs.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use aws_lc_rs::digest;
use rustls::pki_types::SignatureVerificationAlgorithm;
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::der::{self, Reader, SEQUENCE};
use super::name;
use super::serial::SerialError;
use crate::device::identity::Fingerprint;
use crate::model::hex::{self, Lower};

/// Which CA issued something: a digest of its name and its key.
///
/// Serial numbers are only unique within a CA. Two CAs of one name and different keys are different, and a CA whose
/// certificate was renewed with the same key stays the same, also where its name then has other string types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IssuerId([u8; 32]);

/// A CA of a trust set, as far as CRLs are concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issuer {
    /// Which CA.
    pub id: IssuerId,
    /// Its subject, for people.
    pub name: String,
    /// SHA-256 of its certificate.
    pub fingerprint: Fingerprint,
    /// The subject, in canonical form.
    pub(super) subject: Box<[u8]>,
    pub(super) key_algorithm: Box<[u8]>,
    pub(super) key: Box<[u8]>,
    pub(super) key_id: Option<Box<[u8]>>,
    pub(super) may_sign_crls: bool,
    /// Where the key is another's, which the CA lets sign CRLs: from when to when, in seconds since the epoch. The CA's own
    /// dates are no concern of its CRLs.
    pub(super) delegated: Option<RangeInclusive<u64>>,
}

/// Why a certificate or CA has no id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IssuerError {
    /// Not a certificate.
    #[error("this is not a valid X.509 certificate")]
    Malformed,
    /// Text that is no id.
    #[error("an issuer id has 64 hexadecimal digits; `fleetgate crl inspect` prints it")]
    NotAnId,
    /// A serial number that is not supported.
    #[error("the certificate cannot be looked up in CRLs: {0}")]
    Serial(#[from] SerialError),
}

impl IssuerId {
    /// Of a CA, from the DER of its subject and of its `SubjectPublicKeyInfo`, tags and lengths included.
    pub fn new(subject: &[u8], key_info: &[u8]) -> Self {
        let mut context = digest::Context::new(&digest::SHA256);
        for part in [&*name::canonical(subject), key_info] {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        let mut id = [0; 32];
        id.copy_from_slice(context.finish().as_ref());
        Self(id)
    }

    /// From its octets.
    pub const fn from_octets(octets: [u8; 32]) -> Self {
        Self(octets)
    }

    /// Its octets.
    pub const fn octets(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for IssuerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Lower(&self.0).fmt(f)
    }
}

impl FromStr for IssuerId {
    type Err = IssuerError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        hex::parse_digest(text).map(Self).ok_or(IssuerError::NotAnId)
    }
}

/// What a certificate calls its issuer, for people.
pub fn issuer_name(der: &[u8]) -> Result<String, IssuerError> {
    let (_, certificate) = X509Certificate::from_der(der).map_err(|_| IssuerError::Malformed)?;
    Ok(name::display(certificate.issuer().as_raw()))
}

impl Issuer {
    /// Reads a CA's certificate.
    pub fn read(der: &[u8]) -> Result<Self, IssuerError> {
        let (_, certificate) = X509Certificate::from_der(der).map_err(|_| IssuerError::Malformed)?;
        let (subject, key_info) = (certificate.subject().as_raw(), certificate.public_key().raw);
        let (key_algorithm, key) = split_key_info(key_info).ok_or(IssuerError::Malformed)?;
        let usage = certificate.key_usage().map_err(|_| IssuerError::Malformed)?;
        let key_id = certificate.iter_extensions().find_map(|extension| match extension.parsed_extension() {
            ParsedExtension::SubjectKeyIdentifier(id) => Some(id.0.into()),
            _ => None,
        });
        Ok(Self {
            id: IssuerId::new(subject, key_info),
            name: name::display(subject),
            fingerprint: Fingerprint::of(der),
            subject: name::canonical(subject).into(),
            key_algorithm: key_algorithm.into(),
            key: key.into(),
            key_id,
            may_sign_crls: usage.is_none_or(|usage| usage.value.crl_sign()),
            delegated: None,
        })
    }

    /// Whether `id`, the key id in a CRL, can be the id of this CA's key. Unknown is not different.
    pub(super) fn may_have_key(&self, id: Option<&[u8]>) -> bool {
        self.key_id.as_deref().zip(id).is_none_or(|(own, id)| own == id)
    }

    /// Whether its key may sign now.
    pub(super) fn is_live(&self, now: u64) -> bool {
        self.delegated.as_ref().is_none_or(|dates| dates.contains(&now))
    }

    /// Whether its key made `signature` over `signed`, with one of these algorithms.
    pub(super) fn has_signed(
        &self,
        signed: &[u8],
        signature: &[u8],
        algorithms: &[&dyn SignatureVerificationAlgorithm],
    ) -> bool {
        let mut fitting = algorithms
            .iter()
            .filter(|algorithm| algorithm.public_key_alg_id().as_ref() == &*self.key_algorithm);
        fitting.any(|algorithm| algorithm.verify_signature(&self.key, signed, signature).is_ok())
    }
}

/// The content of a `SubjectPublicKeyInfo`'s algorithm, and the key.
fn split_key_info(key_info: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut fields = Reader::new(der::only(key_info, SEQUENCE).ok()?.content);
    let algorithm = fields.expect(SEQUENCE).ok()?.content;
    let key = der::bits(fields.expect(der::BIT_STRING).ok()?.content).ok()?;
    fields.finish().ok()?;
    Some((algorithm, key))
}
