//! A signing key, and what everybody may know of it.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    KeyPair as _, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair, UnparsedPublicKey,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use x509_parser::prelude::{FromDer as _, X509Certificate};
use x509_parser::public_key::PublicKey as Parsed;

use super::certificate;
use crate::device::identity::Fingerprint;

/// Why there is no key. Nothing of the key is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The certificate over the key is none.
    #[error("the certificate over a signing key is not one over an RSA key")]
    Certificate,
    /// The system refused, or has no randomness.
    #[error("a signing key could not be made")]
    Generate,
    /// The private key is none.
    #[error("a private signing key is not RSA in PKCS #8")]
    Private,
    /// The certificate is over another key.
    #[error("a private signing key and the certificate over it do not belong together")]
    Unrelated,
}

/// A key that signs: RSA with 2048 bits.
pub(super) struct SigningKey {
    pub(super) public: PublicKey,
    pair: RsaKeyPair,
    /// The encoded header of every token that it signs.
    header: Box<str>,
}

/// What verifiers get of a key.
#[derive(Clone)]
pub(super) struct PublicKey {
    /// SHA-256 of the `SubjectPublicKeyInfo`, in hexadecimal.
    pub(super) kid: Arc<str>,
    /// When it was made, in seconds since the epoch.
    pub(super) created: u64,
    /// A certificate over it, signed with itself: for verifiers that read keys from certificates.
    pub(super) certificate: Box<str>,
    /// The modulus, as a JWK has it.
    pub(super) modulus: Box<str>,
    /// The public exponent, as a JWK has it.
    pub(super) exponent: Box<str>,
    /// `RSAPublicKey` in DER.
    der: Box<[u8]>,
}

impl SigningKey {
    /// Makes a key, at `now`; gives it with the PKCS #8 PEM that it is kept as. This takes a tenth of a second or more:
    /// never on a worker.
    pub(super) fn generate(now: u64) -> Result<(Self, Secret), KeyError> {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).map_err(|_| KeyError::Generate)?;
        let pkcs8 = pair.as_der().map_err(|_| KeyError::Generate)?;
        let (private_key, certificate) = certificate::over(pkcs8.as_ref(), now)?;
        let key = Self::new(pair, PublicKey::read(&certificate, now)?)?;
        Ok((key, private_key))
    }

    /// A key that was kept as `private_key` with a certificate over it, both PEM.
    pub(super) fn read(private_key: &Secret, certificate: &str, created: u64) -> Result<Self, KeyError> {
        let pkcs8 = PrivatePkcs8KeyDer::from_pem_slice(private_key.expose().as_bytes())
            .map_err(|_| KeyError::Private)?;
        let pair = RsaKeyPair::from_pkcs8(pkcs8.secret_pkcs8_der()).map_err(|_| KeyError::Private)?;
        Self::new(pair, PublicKey::read(certificate, created)?)
    }

    fn new(pair: RsaKeyPair, public: PublicKey) -> Result<Self, KeyError> {
        if pair.public_key().as_ref() != &*public.der {
            return Err(KeyError::Unrelated);
        }
        let header = format!(r#"{{"alg":"RS256","kid":"{}","typ":"JWT"}}"#, public.kid);
        Ok(Self { pair, public, header: URL_SAFE_NO_PAD.encode(header).into() })
    }

    /// A compact JWS (RFC 7515) over `payload`. This takes a quarter of a millisecond: never on a worker.
    pub(super) fn sign(&self, payload: &[u8]) -> Result<String, KeyError> {
        let mut token = format!("{}.{}", self.header, URL_SAFE_NO_PAD.encode(payload));
        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), token.as_bytes(), &mut signature)
            .map_err(|_| KeyError::Private)?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(token)
    }
}

impl PublicKey {
    /// The key that a certificate in PEM is over.
    pub(super) fn read(certificate: &str, created: u64) -> Result<Self, KeyError> {
        let der =
            CertificateDer::from_pem_slice(certificate.as_bytes()).map_err(|_| KeyError::Certificate)?;
        let (_, parsed) = X509Certificate::from_der(&der).map_err(|_| KeyError::Certificate)?;
        let info = parsed.public_key();
        let Ok(Parsed::RSA(rsa)) = info.parsed() else { return Err(KeyError::Certificate) };
        Ok(Self {
            kid: Fingerprint::of(info.raw).hex().into(),
            created,
            certificate: certificate.into(),
            modulus: URL_SAFE_NO_PAD.encode(unsigned(rsa.modulus)).into(),
            exponent: URL_SAFE_NO_PAD.encode(unsigned(rsa.exponent)).into(),
            der: info.subject_public_key.data.as_ref().into(),
        })
    }

    /// Whether `signature` over `message` is one of this key: RS256, and nothing else.
    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &self.der).verify(message, signature).is_ok()
    }
}

/// A DER integer without the zero byte that keeps it positive.
fn unsigned(integer: &[u8]) -> &[u8] {
    let zeros = integer.iter().take_while(|byte| **byte == 0).count();
    integer.get(zeros..).unwrap_or_default()
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SigningKey").field("kid", &self.public.kid).finish_non_exhaustive()
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("PublicKey").field("kid", &self.kid).finish_non_exhaustive()
    }
}

/// A private key as text. It is neither printed nor compared.
#[derive(Clone, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub(super) struct Secret(Box<str>);

impl Secret {
    pub(super) fn new(text: String) -> Self {
        Self(text.into())
    }

    /// For the parser and the file.
    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(..)")
    }
}
