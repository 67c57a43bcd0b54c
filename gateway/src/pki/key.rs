//! Private keys.

mod encrypt;
mod read;

use std::fmt;

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::signature::{self, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair};
use rcgen::{
    KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ECDSA_P521_SHA512, PKCS_ED25519,
    PKCS_RSA_SHA256, PKCS_RSA_SHA384, PKCS_RSA_SHA512, PublicKeyData, RsaKeySize, SignatureAlgorithm,
    SigningKey,
};
use rustls::pki_types::PrivatePkcs8KeyDer;
use zeroize::Zeroizing;

use super::pem;

pub use encrypt::Passphrase;
pub use read::KeyFileError;

/// The fewest bits that an RSA key may have.
pub const MIN_RSA_BITS: usize = 2048;

/// Algorithm and size of a key that is made here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum KeyKind {
    /// ECDSA on P-256.
    #[default]
    P256,
    /// ECDSA on P-384.
    P384,
    /// ECDSA on P-521.
    P521,
    /// Ed25519.
    Ed25519,
    /// RSA with 2048 bits.
    Rsa2048,
    /// RSA with 3072 bits.
    Rsa3072,
    /// RSA with 4096 bits.
    Rsa4096,
}

/// A private key in memory, which is overwritten when it goes.
pub struct Key {
    pair: Zeroizing<KeyPair>,
}

/// Why there is no key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The system refused, or has no randomness.
    #[error("a key could not be made")]
    Generate,
    /// It has a form that cannot be written as asked for.
    #[error("a key could not be encoded")]
    Encode,
}

impl KeyKind {
    /// The name that `--key` takes.
    pub const fn label(self) -> &'static str {
        match self {
            Self::P256 => "p256",
            Self::P384 => "p384",
            Self::P521 => "p521",
            Self::Ed25519 => "ed25519",
            Self::Rsa2048 => "rsa2048",
            Self::Rsa3072 => "rsa3072",
            Self::Rsa4096 => "rsa4096",
        }
    }

    /// What cfssl calls it in its log.
    pub const fn cfssl_label(self) -> &'static str {
        match self {
            Self::P256 => "ecdsa-256",
            Self::P384 => "ecdsa-384",
            Self::P521 => "ecdsa-521",
            Self::Ed25519 => "ed25519-0",
            Self::Rsa2048 => "rsa-2048",
            Self::Rsa3072 => "rsa-3072",
            Self::Rsa4096 => "rsa-4096",
        }
    }

    /// What a key of this kind signs with: the digest grows with the key, as cfssl has it.
    fn algorithm(self) -> &'static SignatureAlgorithm {
        match self {
            Self::P256 => &PKCS_ECDSA_P256_SHA256,
            Self::P384 => &PKCS_ECDSA_P384_SHA384,
            Self::P521 => &PKCS_ECDSA_P521_SHA512,
            Self::Ed25519 => &PKCS_ED25519,
            Self::Rsa2048 => &PKCS_RSA_SHA256,
            Self::Rsa3072 => &PKCS_RSA_SHA384,
            Self::Rsa4096 => &PKCS_RSA_SHA512,
        }
    }
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

impl Key {
    /// A new key. RSA with 4096 bits takes a second or more.
    pub fn generate(kind: KeyKind) -> Result<Self, KeyError> {
        let rsa = |size| KeyPair::generate_rsa_for(kind.algorithm(), size);
        let pair = match kind {
            KeyKind::P256 | KeyKind::P384 | KeyKind::P521 => KeyPair::generate_for(kind.algorithm()),
            KeyKind::Ed25519 => return ed25519(),
            KeyKind::Rsa2048 => rsa(RsaKeySize::_2048),
            KeyKind::Rsa3072 => rsa(RsaKeySize::_3072),
            KeyKind::Rsa4096 => rsa(RsaKeySize::_4096),
        };
        pair.map(Self::new).map_err(|_| KeyError::Generate)
    }

    fn new(pair: KeyPair) -> Self {
        Self { pair: Zeroizing::new(pair) }
    }

    /// PKCS #8, as DER.
    pub fn pkcs8(&self) -> &[u8] {
        self.pair.serialized_der()
    }

    /// PKCS #8, as PEM.
    pub fn pem(&self) -> Zeroizing<String> {
        pem::encode("PRIVATE KEY", self.pkcs8())
    }

    /// The form of the key's own algorithm, as cfssl writes it: PKCS #1 for RSA, SEC 1 for ECDSA. Ed25519 has none, and is
    /// PKCS #8.
    pub fn traditional_pem(&self) -> Result<Zeroizing<String>, KeyError> {
        let curve = curves().into_iter().find(|(algorithm, _)| self.pair.is_compatible(algorithm));
        if let Some((_, curve)) = curve {
            let pair = EcdsaKeyPair::from_pkcs8(curve, self.pkcs8()).map_err(|_| KeyError::Encode)?;
            let der = pair.private_key().as_der().map_err(|_| KeyError::Encode)?;
            return Ok(pem::encode("EC PRIVATE KEY", der.as_ref()));
        }
        if self.pair.is_compatible(&PKCS_ED25519) {
            return Ok(self.pem());
        }
        // PKCS #8 is a wrapping around PKCS #1.
        let info = pkcs8::PrivateKeyInfoRef::try_from(self.pkcs8()).map_err(|_| KeyError::Encode)?;
        Ok(pem::encode("RSA PRIVATE KEY", info.private_key.as_bytes()))
    }

    /// PKCS #8 encrypted with a passphrase, as PEM.
    pub fn encrypted_pem(&self, passphrase: &Passphrase) -> Result<Zeroizing<String>, KeyError> {
        let der = encrypt::encrypt(self.pkcs8(), passphrase).ok_or(KeyError::Encode)?;
        Ok(pem::encode("ENCRYPTED PRIVATE KEY", der.as_bytes()))
    }
}

impl PublicKeyData for Key {
    fn der_bytes(&self) -> &[u8] {
        self.pair.der_bytes()
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        PublicKeyData::algorithm(&*self.pair)
    }
}

impl SigningKey for Key {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        self.pair.sign(message)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("algorithm", self.pair.algorithm()).finish_non_exhaustive()
    }
}

/// Version 1 of PKCS #8: OpenSSL 3.0 does not read the version that has the public key in it.
fn ed25519() -> Result<Key, KeyError> {
    let pair = Ed25519KeyPair::generate().map_err(|_| KeyError::Generate)?;
    let der = pair.to_pkcs8v1().map_err(|_| KeyError::Generate)?;
    from_pkcs8(der.as_ref(), &PKCS_ED25519).map_err(|_| KeyError::Generate)
}

fn from_pkcs8(der: &[u8], algorithm: &'static SignatureAlgorithm) -> Result<Key, rcgen::Error> {
    KeyPair::from_pkcs8_der_and_sign_algo(&PrivatePkcs8KeyDer::from(der), algorithm).map(Key::new)
}

/// The curves, as rcgen and as aws-lc know them.
fn curves() -> [(&'static SignatureAlgorithm, &'static EcdsaSigningAlgorithm); 3] {
    [
        (&PKCS_ECDSA_P256_SHA256, &signature::ECDSA_P256_SHA256_ASN1_SIGNING),
        (&PKCS_ECDSA_P384_SHA384, &signature::ECDSA_P384_SHA384_ASN1_SIGNING),
        (&PKCS_ECDSA_P521_SHA512, &signature::ECDSA_P521_SHA512_ASN1_SIGNING),
    ]
}

#[cfg(test)]
mod tests;
