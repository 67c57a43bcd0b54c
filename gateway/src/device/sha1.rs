//! SHA-1 signatures on certificates, for CAs that are marked `allow_sha1` and for no others.
//!
//! The product document lists SHA1 With RSA and ECDSA With SHA1 among the algorithms of uploaded CAs. SHA-1 has had
//! chosen-prefix collisions since 2020: whoever can choose what such a CA signs can forge. So it is opt-in, it never
//! mixes with other CAs, and it never counts for a proof of possession.

use std::sync::LazyLock;

use aws_lc_rs::digest;
use aws_lc_rs::signature::{self, UnparsedPublicKey, VerificationAlgorithm};
use p384::ecdsa::signature::hazmat::PrehashVerifier as _;
use rustls::pki_types::{AlgorithmIdentifier, InvalidSignature, SignatureVerificationAlgorithm, alg_id};

/// `sha1WithRSAEncryption`, 1.2.840.113549.1.1.5, with its NULL parameters (RFC 3279, 2.2.1).
const RSA_SHA1: AlgorithmIdentifier =
    AlgorithmIdentifier::from_slice(&[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 5, 5, 0]);
/// `ecdsa-with-SHA1`, 1.2.840.10045.4.1, without parameters (RFC 3279, 2.2.3).
const ECDSA_SHA1: AlgorithmIdentifier =
    AlgorithmIdentifier::from_slice(&[6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 1]);

#[derive(Debug)]
struct Sha1 {
    key: AlgorithmIdentifier,
    signature: AlgorithmIdentifier,
    verification: &'static (dyn VerificationAlgorithm + Sync),
}

impl SignatureVerificationAlgorithm for Sha1 {
    fn verify_signature(&self, key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        UnparsedPublicKey::new(self.verification, key)
            .verify(message, signature)
            .map_err(|_| InvalidSignature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        self.key
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        self.signature
    }
}

static RSA: Sha1 = Sha1 {
    key: alg_id::RSA_ENCRYPTION,
    signature: RSA_SHA1,
    verification: &signature::RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY,
};
static ECDSA_P256: Sha1 =
    Sha1 { key: alg_id::ECDSA_P256, signature: ECDSA_SHA1, verification: &signature::ECDSA_P256_SHA1_ASN1 };
static ECDSA_P521: Sha1 =
    Sha1 { key: alg_id::ECDSA_P521, signature: ECDSA_SHA1, verification: &signature::ECDSA_P521_SHA1_ASN1 };

/// P-384, whose SHA-1 variant aws-lc-rs does not have.
#[derive(Debug)]
struct EcdsaP384;

static ECDSA_P384: EcdsaP384 = EcdsaP384;

impl SignatureVerificationAlgorithm for EcdsaP384 {
    fn verify_signature(&self, key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        p384_verifies(key, digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, message).as_ref(), signature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::ECDSA_P384
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        ECDSA_SHA1
    }
}

/// Whether `signature` is one of a digest that is no longer than the field.
pub(super) fn p384_verifies(key: &[u8], digest: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
    let key = p384::ecdsa::VerifyingKey::from_sec1_bytes(key).map_err(|_| InvalidSignature)?;
    let signature = p384::ecdsa::Signature::from_der(signature).map_err(|_| InvalidSignature)?;
    // A hash shorter than the field is the same number with zeros in front (FIPS 186-5, 6.4.2).
    let mut prehash = [0; 48];
    prehash.iter_mut().rev().zip(digest.iter().rev()).for_each(|(to, from)| *to = *from);
    key.verify_prehash(&prehash, &signature).map_err(|_| InvalidSignature)
}

/// The standard algorithms, and those with SHA-1 behind them.
pub(super) fn with_sha1() -> &'static [&'static dyn SignatureVerificationAlgorithm] {
    static ALL: LazyLock<Vec<&'static dyn SignatureVerificationAlgorithm>> = LazyLock::new(|| {
        let standard = rustls::crypto::aws_lc_rs::default_provider().signature_verification_algorithms.all;
        let sha1: [&'static dyn SignatureVerificationAlgorithm; 4] =
            [&RSA, &ECDSA_P256, &ECDSA_P384, &ECDSA_P521];
        standard.iter().copied().chain(sha1).collect()
    });
    &ALL
}
