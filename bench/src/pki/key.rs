//! Private keys.

use std::thread;

use rcgen::{
    KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519, PKCS_RSA_SHA256, RsaKeySize,
};

/// What devices and their CAs sign with.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum KeyKind {
    /// ECDSA on P-256.
    #[default]
    P256,
    /// ECDSA on P-384.
    P384,
    /// `EdDSA` on Curve25519.
    Ed25519,
    /// RSA with 2048 bits.
    Rsa2048,
}

impl KeyKind {
    /// Its name in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::P256 => "p256",
            Self::P384 => "p384",
            Self::Ed25519 => "ed25519",
            Self::Rsa2048 => "rsa2048",
        }
    }

    /// Its name for people.
    pub fn label(self) -> &'static str {
        match self {
            Self::P256 => "P-256",
            Self::P384 => "P-384",
            Self::Ed25519 => "Ed25519",
            Self::Rsa2048 => "RSA-2048",
        }
    }

    /// A new key.
    pub(super) fn generate(self) -> Result<KeyPair, rcgen::Error> {
        match self {
            Self::P256 => KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256),
            Self::P384 => KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384),
            Self::Ed25519 => KeyPair::generate_for(&PKCS_ED25519),
            Self::Rsa2048 => KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048),
        }
    }

    /// `count` new keys, made on all cores: an RSA key takes a tenth of a second.
    pub(crate) fn generate_many(self, count: usize) -> Result<Vec<KeyPair>, rcgen::Error> {
        let threads = thread::available_parallelism().map_or(1, usize::from);
        let share = count.div_ceil(threads).max(1);
        thread::scope(|scope| {
            let generate =
                |begin: usize| (begin..count.min(begin + share)).map(|_| self.generate()).collect();
            let threads: Vec<_> = (0..count)
                .step_by(share)
                .map(|begin| scope.spawn(move || -> Result<Vec<_>, rcgen::Error> { generate(begin) }))
                .collect();
            let mut keys = Vec::with_capacity(count);
            for thread in threads {
                // A thread that panicked has said so; there is no key of it.
                keys.extend(thread.join().map_err(|_| rcgen::Error::KeyGenerationUnavailable)??);
            }
            Ok(keys)
        })
    }
}
