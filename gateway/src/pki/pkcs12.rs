//! PKCS #12: a key, its certificate and those above it in one file behind a passphrase, as browsers import them.

use p12_keystore::{
    Certificate, EncryptionAlgorithm, KeyStore, KeyStoreEntry, MacAlgorithm, PrivateKey, PrivateKeyChain,
};
use rcgen::PublicKeyData as _;
use rustls::pki_types::CertificateDer;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::Key;
use super::key::Passphrase;
use crate::device::identity::Fingerprint;

/// Rounds of the derivation of keys, as Java has it; OpenSSL takes 2048.
const ROUNDS: u32 = 10_000;

/// How such files are made.
#[derive(Clone, Debug)]
pub struct Bundle {
    /// What opens them.
    pub passphrase: Passphrase,
    /// Triple DES and SHA-1 in place of AES-256 and SHA-256: for systems before about 2019, which know nothing else.
    pub legacy: bool,
}

/// Why there is no such file.
#[derive(Debug, thiserror::Error)]
pub enum Pkcs12Error {
    /// They do not belong together.
    #[error("the key is not that of the certificate")]
    KeyMismatch,
    /// A certificate that is none.
    #[error("this is not a valid X.509 certificate")]
    Malformed,
    /// It cannot be encoded, as with a name that has characters beyond 16 bits.
    #[error("no PKCS #12 can be made of it: {0}")]
    Encode(#[from] p12_keystore::error::Error),
}

impl Bundle {
    /// A file with this key and its certificates, the key's first. People see `name` when they choose.
    pub fn encode(
        &self,
        name: &str,
        key: &Key,
        certificates: &[CertificateDer<'_>],
    ) -> Result<Vec<u8>, Pkcs12Error> {
        let leaf = certificates.first().ok_or(Pkcs12Error::Malformed)?;
        let (_, parsed) = X509Certificate::from_der(leaf).map_err(|_| Pkcs12Error::Malformed)?;
        if parsed.public_key().raw != key.subject_public_key_info() {
            return Err(Pkcs12Error::KeyMismatch);
        }
        let certificates = certificates.iter().map(|der| Certificate::from_der(der));
        let certificates = certificates.collect::<Result<Vec<_>, _>>()?;
        let private = PrivateKey::from_der(key.pkcs8())?;
        let chain = PrivateKeyChain::new(&Fingerprint::of(leaf).0[..], private, certificates);
        let mut store = KeyStore::new();
        store.add_entry(name, KeyStoreEntry::PrivateKeyChain(chain));
        let (cipher, mac) = if self.legacy {
            (EncryptionAlgorithm::PbeWithShaAnd3KeyTripleDesCbc, MacAlgorithm::HmacSha1)
        } else {
            (EncryptionAlgorithm::PbeWithHmacSha256AndAes256, MacAlgorithm::HmacSha256)
        };
        let writer = store.writer(self.passphrase.text()).encryption_algorithm(cipher).mac_algorithm(mac);
        Ok(writer.encryption_iterations(ROUNDS).mac_iterations(ROUNDS).write()?)
    }
}
