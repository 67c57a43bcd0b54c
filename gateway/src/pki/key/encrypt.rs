//! Keys behind a passphrase: PKCS #8's `EncryptedPrivateKeyInfo`, as OpenSSL 1.1 and later read and write it.

use std::fmt;

use aws_lc_rs::rand;
use pkcs8::pkcs5::pbes2::Parameters;
use pkcs8::{EncryptedPrivateKeyInfoRef, PrivateKeyInfoRef, SecretDocument};
use zeroize::Zeroizing;

/// Rounds of PBKDF2 with SHA-256: what OWASP recommends.
const ROUNDS: u32 = 600_000;

/// A passphrase in memory, which is overwritten when it goes.
#[derive(Clone)]
pub struct Passphrase(Zeroizing<String>);

impl Passphrase {
    /// From what a person typed or a file holds: a line's end does not count.
    pub fn new(text: &str) -> Self {
        Self(Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned()))
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl PartialEq for Passphrase {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase(..)")
    }
}

/// Encrypts PKCS #8 with AES-256-CBC under a key from PBKDF2.
pub(super) fn encrypt(pkcs8: &[u8], passphrase: &Passphrase) -> Option<SecretDocument> {
    let (mut salt, mut vector) = ([0; 16], [0; 16]);
    rand::fill(&mut salt).ok()?;
    rand::fill(&mut vector).ok()?;
    let parameters = Parameters::generate_pbkdf2_sha256_aes256cbc(ROUNDS, &salt, vector).ok()?;
    PrivateKeyInfoRef::try_from(pkcs8).ok()?.encrypt_with_params(parameters, passphrase.0.as_bytes()).ok()
}

/// The PKCS #8 in it; nothing for another passphrase, or for a cipher that is not known here.
pub(super) fn decrypt(der: &[u8], passphrase: &Passphrase) -> Option<SecretDocument> {
    EncryptedPrivateKeyInfoRef::try_from(der).ok()?.decrypt(passphrase.0.as_bytes()).ok()
}
