//! What a leaf certificate says about its device, extracted once and kept with the verdict.

use std::net::IpAddr;
use std::str::FromStr;

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::{FromDer as _, X509Certificate};
use x509_parser::public_key::PublicKey;
use x509_parser::time::ASN1Time;
use x509_parser::x509::{AttributeTypeAndValue, SubjectPublicKeyInfo};

use super::distinguished_name::{self, DistinguishedName};
use super::revocation::LeafFacts;
use crate::model::hex as hexadecimal;

/// SHA-256 of a certificate's DER.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint(pub [u8; 32]);

impl Fingerprint {
    /// Hashes a certificate.
    pub fn of(der: &[u8]) -> Self {
        Self(digest(&digest::SHA256, der))
    }

    /// Lower-case hexadecimal.
    pub fn hex(&self) -> String {
        hex(&self.0, false)
    }
}

impl FromStr for Fingerprint {
    type Err = NotAFingerprint;

    /// Reads hexadecimal, of either case, also as `openssl x509 -fingerprint` prints it.
    fn from_str(text: &str) -> Result<Self, NotAFingerprint> {
        hexadecimal::parse_digest(text).map(Self).ok_or(NotAFingerprint)
    }
}

/// The text is no SHA-256 fingerprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a SHA-256 fingerprint: 64 hexadecimal digits, with or without colons, as `openssl x509 -fingerprint -sha256` prints"
)]
pub struct NotAFingerprint;

/// What a leaf certificate says about its device.
#[derive(Debug)]
pub struct Identity {
    /// SHA-256 of the DER.
    pub fingerprint: Fingerprint,
    /// SHA-1 of the DER, by which older software knows certificates. Never compared for a decision.
    pub sha1: [u8; 20],
    /// SHA-256 of the DER of the `SubjectPublicKeyInfo`.
    pub key_sha256: [u8; 32],
    /// The subject.
    pub subject: DistinguishedName,
    /// The issuer.
    pub issuer: DistinguishedName,
    /// The common name, where there is exactly one and it is text. Two are two claims, and neither counts.
    pub common_name: Option<Box<str>>,
    /// Every common name that is text, for denials: one that is denied is enough.
    pub common_names: Box<[Box<str>]>,
    /// The organizations of the subject that are text.
    pub organizations: Box<[Box<str>]>,
    /// The organizational units of the subject that are text.
    pub organizational_units: Box<[Box<str>]>,
    /// The certificate policies that it names itself, as dotted decimals.
    pub policies: Box<[Box<str>]>,
    /// The subject alternative names of the types that are matched, each as its type (RFC 5280, 4.2.1.6).
    pub alternative_names: Box<[AlternativeName]>,
    /// The serial number in upper-case hexadecimal.
    pub serial: String,
    /// Seconds since the epoch.
    pub not_before: u64,
    /// Seconds since the epoch.
    pub not_after: u64,
    /// The subject key identifier in upper-case hexadecimal.
    pub key_id: Option<Box<str>>,
    /// The authority key identifier in upper-case hexadecimal.
    pub issuer_key_id: Option<Box<str>>,
    /// Whether a proof of possession with its key can be checked here.
    pub key_is_usable: bool,
    /// The value of `Cf-Client-Cert-Der-Base64`.
    pub der_base64: HeaderValue,
    /// The value of `Cf-Client-Cert-Sha256`.
    pub sha256: HeaderValue,
}

/// A subject alternative name. A text is compared only with names of its own type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AlternativeName {
    /// A host name.
    Dns(Box<str>),
    /// A mail address.
    Email(Box<str>),
    /// An IP address.
    Ip(IpAddr),
    /// A URI, SPIFFE ids among them.
    Uri(Box<str>),
}

/// The leaf is not X.509.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the certificate is not valid X.509")]
pub struct Malformed;

impl Identity {
    /// Reads a leaf whose fingerprint is known already.
    ///
    /// # Errors
    /// [`Malformed`] when it cannot be parsed.
    pub fn read(der: &[u8], fingerprint: Fingerprint) -> Result<Self, Malformed> {
        let (_, certificate) = X509Certificate::from_der(der).map_err(|_| Malformed)?;
        let subject = certificate.subject();
        let common_names = texts(subject.iter_common_name());
        let has_one_name = subject.iter_common_name().count() == 1;
        let (key_id, issuer_key_id) = key_ids(&certificate);
        let seconds = |time: ASN1Time| u64::try_from(time.timestamp()).unwrap_or(0);
        Ok(Self {
            fingerprint,
            sha1: digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, der),
            key_sha256: digest(&digest::SHA256, certificate.public_key().raw),
            subject: DistinguishedName::read(certificate.subject()),
            issuer: DistinguishedName::read(certificate.issuer()),
            common_name: if has_one_name { common_names.first().cloned() } else { None },
            common_names,
            organizations: texts(subject.iter_organization()),
            organizational_units: texts(subject.iter_organizational_unit()),
            policies: policies(&certificate),
            alternative_names: alternative_names(&certificate),
            serial: upper_serial(&certificate),
            not_before: seconds(certificate.validity().not_before),
            not_after: seconds(certificate.validity().not_after),
            key_id,
            issuer_key_id,
            key_is_usable: key_is_usable(certificate.public_key()),
            der_base64: header(STANDARD.encode(der))?,
            sha256: header(fingerprint.hex())?,
        })
    }

    /// SHA-1 of the certificate in lower-case hexadecimal: a name for it, and no proof of anything.
    pub fn sha1_hex(&self) -> String {
        hex(&self.sha1, false)
    }

    /// What local denials look at.
    pub fn facts(&self) -> LeafFacts<'_> {
        LeafFacts {
            fingerprint: self.fingerprint,
            key_sha256: self.key_sha256,
            common_names: &self.common_names,
        }
    }
}

/// The values of attributes that are text.
fn texts<'a>(attributes: impl Iterator<Item = &'a AttributeTypeAndValue<'a>>) -> Box<[Box<str>]> {
    let texts = attributes.filter_map(|attribute| distinguished_name::text(attribute.attr_value()));
    texts.map(String::into_boxed_str).collect()
}

/// The certificate policies of the leaf itself. Those of its path are not intersected with them (RFC 5280, 6.1).
fn policies(certificate: &X509Certificate<'_>) -> Box<[Box<str>]> {
    let policies = certificate.iter_extensions().filter_map(|extension| match extension.parsed_extension() {
        ParsedExtension::CertificatePolicies(policies) => Some(policies),
        _ => None,
    });
    policies.flatten().map(|policy| policy.policy_id.to_id_string().into()).collect()
}

fn alternative_names(certificate: &X509Certificate<'_>) -> Box<[AlternativeName]> {
    let Ok(Some(extension)) = certificate.subject_alternative_name() else { return Box::default() };
    let read = |name: &GeneralName<'_>| match *name {
        GeneralName::DNSName(name) => Some(AlternativeName::Dns(name.into())),
        GeneralName::RFC822Name(name) => Some(AlternativeName::Email(name.into())),
        GeneralName::URI(uri) => Some(AlternativeName::Uri(uri.into())),
        GeneralName::IPAddress(octets) => match *octets {
            [a, b, c, d] => Some(AlternativeName::Ip([a, b, c, d].into())),
            _ => Some(AlternativeName::Ip(<[u8; 16]>::try_from(octets).ok()?.into())),
        },
        _ => None,
    };
    extension.value.general_names.iter().filter_map(read).collect()
}

/// The subject key identifier and the authority key identifier.
fn key_ids(certificate: &X509Certificate<'_>) -> (Option<Box<str>>, Option<Box<str>>) {
    let (mut own, mut issuer) = (None, None);
    for extension in certificate.iter_extensions() {
        match extension.parsed_extension() {
            ParsedExtension::SubjectKeyIdentifier(id) => own = Some(hex(id.0, true).into()),
            ParsedExtension::AuthorityKeyIdentifier(id) => {
                issuer = id.key_identifier.as_ref().map(|id| hex(id.0, true).into());
            }
            _ => {}
        }
    }
    (own, issuer)
}

/// What rustls' provider verifies signatures with: RSA from 2048 bits, three NIST curves, Ed25519.
fn key_is_usable(key: &SubjectPublicKeyInfo<'_>) -> bool {
    const CURVES: [&str; 3] = ["1.2.840.10045.3.1.7", "1.3.132.0.34", "1.3.132.0.35"];
    const ED25519: &str = "1.3.101.112";
    let parameter = || key.algorithm.parameters.as_ref().and_then(|any| any.as_oid().ok());
    match key.parsed() {
        Ok(PublicKey::RSA(rsa)) => rsa.key_size() >= 2048,
        Ok(PublicKey::EC(_)) => {
            parameter().is_some_and(|curve| CURVES.contains(&curve.to_id_string().as_str()))
        }
        _ => key.algorithm.algorithm.to_id_string() == ED25519,
    }
}

fn digest<const N: usize>(algorithm: &'static digest::Algorithm, bytes: &[u8]) -> [u8; N] {
    let mut output = [0; N];
    output.copy_from_slice(digest::digest(algorithm, bytes).as_ref());
    output
}

/// A number without the zero byte that only keeps DER from reading it as negative: as `openssl x509 -serial` has it.
fn unpadded(serial: &[u8]) -> &[u8] {
    match serial {
        [0, rest @ ..] if !rest.is_empty() => rest,
        serial => serial,
    }
}

fn upper_serial(certificate: &X509Certificate<'_>) -> String {
    hex(unpadded(certificate.raw_serial()), true)
}

/// A certificate's serial number in upper-case hexadecimal; nothing where there is none to be read.
pub(super) fn serial(der: &[u8]) -> String {
    X509Certificate::from_der(der)
        .map_or_else(|_| String::new(), |(_, certificate)| upper_serial(&certificate))
}

fn header(ascii: String) -> Result<HeaderValue, Malformed> {
    HeaderValue::try_from(ascii).map_err(|_| Malformed)
}

pub(super) fn hex(bytes: &[u8], upper: bool) -> String {
    let digit = |nibble: u8| {
        let digit = char::from_digit(u32::from(nibble), 16).unwrap_or_default();
        if upper { digit.to_ascii_uppercase() } else { digit }
    };
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 0xf]).map(digit).collect()
}
