//! Private keys from files, in every form that OpenSSL and cfssl write.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rsa;
use aws_lc_rs::signature::{EcdsaKeyPair, Ed25519KeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{PKCS_ED25519, PKCS_RSA_SHA256, PKCS_RSA_SHA384, PKCS_RSA_SHA512, SignatureAlgorithm};
use rustls::pki_types::PrivateKeyDer;
use zeroize::Zeroizing;

use super::{Key, Passphrase, curves, encrypt, from_pkcs8};
use crate::device::pem::{self, PemError};

/// Why a file has no key that can be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// It cannot be read.
    #[error("cannot read {}: {error}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// It is no PEM with a key.
    #[error(transparent)]
    Pem(#[from] PemError),
    /// It is encrypted, and nobody said with what.
    #[error(
        "{}: the key has a passphrase; give it with --passphrase-file or --passphrase-env, to gencert and gencrl in \
         CFSSL_CA_PK_PASSWORD", .0.display()
    )]
    PassphraseNeeded(PathBuf),
    /// It does not open.
    #[error("{}: the passphrase is wrong, or the key is encrypted in a way that is not known here", .0.display())]
    WrongPassphrase(PathBuf),
    /// The encryption of PEM itself, which is as good as none.
    #[error(
        "{path}: the key is encrypted in the old way (`Proc-Type: 4,ENCRYPTED`); convert it with \
         `openssl pkcs8 -topk8 -v2 aes-256-cbc -in {path} -out NEW`", path = .0.display()
    )]
    OldEncryption(PathBuf),
    /// An algorithm or size that is not known here, or damaged.
    #[error(
        "{}: the key cannot be used: it is damaged, an RSA key of fewer than 2048 bits, or neither RSA, ECDSA on P-256, P-384 \
         or P-521, nor Ed25519", .0.display()
    )]
    Unusable(PathBuf),
}

impl Key {
    /// The first key in the PEM file at `path`: PKCS #8, encrypted or not, PKCS #1, or SEC 1.
    pub fn read(path: &Path, passphrase: Option<&Passphrase>) -> Result<Self, KeyFileError> {
        let read = fs::read(path).map_err(|error| KeyFileError::Read { path: path.to_owned(), error })?;
        Self::parse(&Zeroizing::new(read), path, passphrase)
    }

    /// The same of what was read from `path`, which is for errors.
    pub fn parse(text: &[u8], path: &Path, passphrase: Option<&Passphrase>) -> Result<Self, KeyFileError> {
        let unusable = || KeyFileError::Unusable(path.to_owned());
        if has(text, b"Proc-Type: 4,ENCRYPTED") {
            return Err(KeyFileError::OldEncryption(path.to_owned()));
        }
        if let Some(der) = section(text, "ENCRYPTED PRIVATE KEY") {
            let passphrase = passphrase.ok_or_else(|| KeyFileError::PassphraseNeeded(path.to_owned()))?;
            let opened = encrypt::decrypt(&der, passphrase);
            let opened = opened.ok_or_else(|| KeyFileError::WrongPassphrase(path.to_owned()))?;
            return Self::from_der(opened.as_bytes()).ok_or_else(unusable);
        }
        // cfssl's own label for PKCS #8.
        if let Some(der) = section(text, "Ed25519 PRIVATE KEY") {
            return Self::from_der(&der).ok_or_else(unusable);
        }
        let key = Zeroizing::new(pem::private_key_in(text, path)?);
        let der = match &*key {
            PrivateKeyDer::Pkcs1(der) => der.secret_pkcs1_der(),
            PrivateKeyDer::Pkcs8(der) => der.secret_pkcs8_der(),
            PrivateKeyDer::Sec1(der) => der.secret_sec1_der(),
            _ => return Err(unusable()),
        };
        Self::from_der(der).ok_or_else(unusable)
    }

    /// A key in any of these forms, without a passphrase; nothing where it cannot be used. It is kept as PKCS #8.
    pub fn from_der(der: &[u8]) -> Option<Self> {
        if let Ok(pair) = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der) {
            return from_pkcs8(pair.to_pkcs8v1().ok()?.as_ref(), &PKCS_ED25519).ok();
        }
        for (algorithm, curve) in curves() {
            if let Ok(pair) = EcdsaKeyPair::from_private_key_der(curve, der) {
                return from_pkcs8(pair.to_pkcs8v1().ok()?.as_ref(), algorithm).ok();
            }
        }
        let pair = rsa::KeyPair::from_pkcs8(der).or_else(|_| rsa::KeyPair::from_der(der)).ok()?;
        from_pkcs8(pair.as_der().ok()?.as_ref(), rsa_algorithm(pair.public_modulus_len() * 8)).ok()
    }

    /// Whether the text is a key that needs a passphrase.
    pub fn is_encrypted(text: &[u8]) -> bool {
        section(text, "ENCRYPTED PRIVATE KEY").is_some()
    }
}

fn rsa_algorithm(bits: usize) -> &'static SignatureAlgorithm {
    match bits {
        ..3072 => &PKCS_RSA_SHA256,
        3072..4096 => &PKCS_RSA_SHA384,
        _ => &PKCS_RSA_SHA512,
    }
}

/// The content of the first PEM section with this label.
fn section(text: &[u8], label: &str) -> Option<Zeroizing<Vec<u8>>> {
    let text = std::str::from_utf8(text).ok()?;
    let (_, rest) = text.split_once(&format!("-----BEGIN {label}-----"))?;
    let (body, _) = rest.split_once(&format!("-----END {label}-----"))?;
    let body: Zeroizing<Vec<u8>> =
        Zeroizing::new(body.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect());
    STANDARD.decode(&*body).ok().map(Zeroizing::new)
}

fn has(text: &[u8], needle: &[u8]) -> bool {
    text.windows(needle.len()).any(|window| window == needle)
}
