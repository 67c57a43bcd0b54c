//! What a leaf certificate says about its device, extracted once and kept with the verdict.

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// SHA-256 of a certificate's DER.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint(pub [u8; 32]);

impl Fingerprint {
    /// Hashes a certificate.
    pub fn of(der: &[u8]) -> Self {
        let mut fingerprint = [0; 32];
        fingerprint.copy_from_slice(digest::digest(&digest::SHA256, der).as_ref());
        Self(fingerprint)
    }

    /// Lower-case hexadecimal.
    pub fn hex(&self) -> String {
        hex(&self.0, false)
    }
}

/// What a leaf certificate says about its device.
#[derive(Debug)]
pub struct Identity {
    /// SHA-256 of the DER.
    pub fingerprint: Fingerprint,
    /// The subject, for people.
    pub subject: String,
    /// The issuer, for people.
    pub issuer: String,
    /// The common name, where there is exactly one and it is text.
    pub common_name: Option<String>,
    /// The serial number in upper-case hexadecimal.
    pub serial: String,
    /// Seconds since the epoch.
    pub not_after: u64,
    /// The value of `Cf-Client-Cert-Der-Base64`.
    pub der_base64: HeaderValue,
    /// The value of `Cf-Client-Cert-Sha256`.
    pub sha256: HeaderValue,
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
        let mut names = certificate.subject().iter_common_name();
        let common_name = match (names.next(), names.next()) {
            (Some(name), None) => name.as_str().ok().map(str::to_owned),
            // Two common names are two claims; neither counts.
            _ => None,
        };
        Ok(Self {
            fingerprint,
            subject: certificate.subject().to_string(),
            issuer: certificate.issuer().to_string(),
            common_name,
            serial: hex(unpadded(certificate.raw_serial()), true),
            not_after: u64::try_from(certificate.validity().not_after.timestamp()).unwrap_or(0),
            der_base64: header(STANDARD.encode(der))?,
            sha256: header(fingerprint.hex())?,
        })
    }
}

/// A number without the zero byte that only keeps DER from reading it as negative: as `openssl x509 -serial` has it.
fn unpadded(serial: &[u8]) -> &[u8] {
    match serial {
        [0, rest @ ..] if !rest.is_empty() => rest,
        serial => serial,
    }
}

fn header(ascii: String) -> Result<HeaderValue, Malformed> {
    HeaderValue::try_from(ascii).map_err(|_| Malformed)
}

fn hex(bytes: &[u8], upper: bool) -> String {
    let digit = |nibble: u8| {
        let digit = char::from_digit(u32::from(nibble), 16).unwrap_or_default();
        if upper { digit.to_ascii_uppercase() } else { digit }
    };
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 0xf]).map(digit).collect()
}
