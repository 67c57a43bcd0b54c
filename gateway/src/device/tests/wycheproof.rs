//! Project Wycheproof's vectors, with the verification that is our own.
//!
//! What does not apply: ECDSA and RSA with SHA-1 have no vectors there. So the part of ours that is more than a call to
//! aws-lc-rs, P-384 with a hash shorter than its field, runs with those of SHA-256 and SHA-384, and the others are held
//! to be no SHA-1 signatures. Plain IEEE P1363 signatures, secp256k1, brainpool, Ed448, SHA-3 and RSA-PSS with another
//! salt or MGF are in neither X.509 nor TLS here.

use rustls::crypto::aws_lc_rs::default_provider;
use rustls::internal::msgs::codec::{Codec as _, Reader};
use rustls::pki_types::{CertificateDer, SignatureVerificationAlgorithm, alg_id};
use rustls::{DigitallySignedStruct, SignatureScheme};
use wycheproof::{TestResult, ecdsa, eddsa, rsa_pkcs1_verify, rsa_pss_verify};

use super::der;
use crate::device::proof::{self, Version};
use crate::device::sha1;

/// A vector: a key, a message, and what may be its signature.
struct Vector {
    name: String,
    /// `SubjectPublicKeyInfo`.
    key: Vec<u8>,
    /// The same without what says what it is.
    bare_key: Vec<u8>,
    message: Vec<u8>,
    signature: Vec<u8>,
    result: TestResult,
}

impl Vector {
    /// Fails unless `passes` is what the vector allows.
    #[track_caller]
    fn assert(&self, passes: bool) {
        match self.result {
            TestResult::Valid => assert!(passes, "{}: valid, but refused", self.name),
            TestResult::Invalid => assert!(!passes, "{}: invalid, but accepted", self.name),
            TestResult::Acceptable => {}
        }
    }
}

/// All vectors of a set, whose modules in the crate look alike and share no type.
macro_rules! vectors {
    ($module:ident, $set:expr, $bare:expr) => {{
        let groups = $module::TestSet::load($set).unwrap().test_groups;
        let vectors: Vec<Vector> = groups
            .into_iter()
            .flat_map(|group| {
                let (key, bare_key) = (group.der.to_vec(), $bare(&group).to_vec());
                group.tests.into_iter().map(move |test| Vector {
                    name: format!("{:?} {}, {}", $set, test.tc_id, test.comment),
                    key: key.clone(),
                    bare_key: bare_key.clone(),
                    message: test.msg.to_vec(),
                    signature: test.sig.to_vec(),
                    result: test.result,
                })
            })
            .collect();
        assert!(vectors.iter().any(|vector| vector.result == TestResult::Valid));
        vectors
    }};
}

fn of_ecdsa(set: ecdsa::TestName) -> Vec<Vector> {
    vectors!(ecdsa, set, |group: &ecdsa::TestGroup| group.key.key.to_vec())
}

fn of_rsa(set: rsa_pkcs1_verify::TestName) -> Vec<Vector> {
    vectors!(rsa_pkcs1_verify, set, |group: &rsa_pkcs1_verify::TestGroup| group.asn_key.to_vec())
}

fn of_pss(set: rsa_pss_verify::TestName) -> Vec<Vector> {
    vectors!(rsa_pss_verify, set, |group: &rsa_pss_verify::TestGroup| group.asn_key.to_vec())
}

/// An X.509 v1 certificate for a key, as far as a proof of possession looks at one. Nobody has signed it.
fn version_1(key: &[u8]) -> CertificateDer<'static> {
    const ECDSA_WITH_SHA256: &[u8] = &[0x30, 10, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];
    let (nobody, time) = (der::element(0x30, &[]), der::element(0x17, &[b"260101000000Z"]));
    let validity = der::element(0x30, &[&time, &time]);
    let body = der::element(0x30, &[&[2, 1, 1], ECDSA_WITH_SHA256, &nobody, &validity, &nobody, key]);
    der::signed(&body, ECDSA_WITH_SHA256, &[0]).into()
}

/// Whether a proof of possession passes on the raw key.
fn proves(version: Version, scheme: SignatureScheme, vector: &Vector) -> bool {
    let length = u16::try_from(vector.signature.len()).unwrap();
    let proof = [&u16::from(scheme).to_be_bytes()[..], &length.to_be_bytes(), &vector.signature].concat();
    let proof = DigitallySignedStruct::read(&mut Reader::init(&proof)).unwrap();
    let algorithms = default_provider().signature_verification_algorithms;
    proof::verify(version, &vector.message, &version_1(&vector.key), &proof, &algorithms).is_ok()
}

/// What both versions sign with.
fn assert_proofs(scheme: SignatureScheme, vectors: &[Vector]) {
    for vector in vectors {
        vector.assert(proves(Version::Tls13, scheme, vector));
        vector.assert(proves(Version::Tls12, scheme, vector));
    }
}

/// What TLS 1.3 has not: PKCS #1 v1.5, and a curve with the hash of another.
fn assert_proofs_of_tls_1_2(scheme: SignatureScheme, vectors: &[Vector]) {
    for vector in vectors {
        vector.assert(proves(Version::Tls12, scheme, vector));
        assert!(!proves(Version::Tls13, scheme, vector), "{}: with TLS 1.3", vector.name);
    }
}

#[test]
fn proofs_of_possession_on_raw_elliptic_curve_keys() {
    use SignatureScheme as Scheme;
    use ecdsa::TestName as Set;
    assert_proofs(Scheme::ECDSA_NISTP256_SHA256, &of_ecdsa(Set::EcdsaSecp256r1Sha256));
    assert_proofs(Scheme::ECDSA_NISTP384_SHA384, &of_ecdsa(Set::EcdsaSecp384r1Sha384));
    assert_proofs(Scheme::ECDSA_NISTP521_SHA512, &of_ecdsa(Set::EcdsaSecp521r1Sha512));
    assert_proofs_of_tls_1_2(Scheme::ECDSA_NISTP521_SHA512, &of_ecdsa(Set::EcdsaSecp256r1Sha512));
    assert_proofs_of_tls_1_2(Scheme::ECDSA_NISTP256_SHA256, &of_ecdsa(Set::EcdsaSecp384r1Sha256));
    assert_proofs_of_tls_1_2(Scheme::ECDSA_NISTP521_SHA512, &of_ecdsa(Set::EcdsaSecp384r1Sha512));
    let no_bare_key = |_: &eddsa::TestGroup| vec![];
    assert_proofs(Scheme::ED25519, &vectors!(eddsa, eddsa::TestName::Ed25519, no_bare_key));
}

#[test]
fn proofs_of_possession_on_raw_rsa_keys() {
    use SignatureScheme as Scheme;
    use rsa_pkcs1_verify::TestName as Pkcs1;
    use rsa_pss_verify::TestName as Pss;
    for (scheme, set) in [
        (Scheme::RSA_PKCS1_SHA256, Pkcs1::Rsa2048Sha256),
        (Scheme::RSA_PKCS1_SHA384, Pkcs1::Rsa2048Sha384),
        (Scheme::RSA_PKCS1_SHA512, Pkcs1::Rsa2048Sha512),
        (Scheme::RSA_PKCS1_SHA256, Pkcs1::Rsa3072Sha256),
        (Scheme::RSA_PKCS1_SHA512, Pkcs1::Rsa4096Sha512),
        (Scheme::RSA_PKCS1_SHA256, Pkcs1::Rsa8192Sha256),
    ] {
        assert_proofs_of_tls_1_2(scheme, &of_rsa(set));
    }
    for (scheme, set) in [
        (Scheme::RSA_PSS_SHA256, Pss::RsaPss2048Sha256Mgf1SaltLen32),
        (Scheme::RSA_PSS_SHA384, Pss::RsaPss2048Sha384Mgf1SaltLen48),
        (Scheme::RSA_PSS_SHA256, Pss::RsaPss3072Sha256Mgf1SaltLen32),
        (Scheme::RSA_PSS_SHA512, Pss::RsaPss4096Sha512Mgf1SaltLen64),
    ] {
        assert_proofs(scheme, &of_pss(set));
    }
}

#[test]
fn p384_with_a_hash_that_is_no_longer_than_its_field() {
    use aws_lc_rs::digest::{SHA256, SHA384, digest};
    for (hash, set) in
        [(&SHA256, ecdsa::TestName::EcdsaSecp384r1Sha256), (&SHA384, ecdsa::TestName::EcdsaSecp384r1Sha384)]
    {
        for vector in of_ecdsa(set) {
            let digest = digest(hash, &vector.message);
            vector.assert(sha1::p384_verifies(&vector.bare_key, digest.as_ref(), &vector.signature).is_ok());
        }
    }
}

/// Neither hash nor curve can be mistaken: what was signed with another hash is no SHA-1 signature, whatever its key and
/// however it is encoded. The RSA vectors have one that was, by mistake.
#[test]
fn only_what_is_signed_with_sha1_is_a_sha1_signature() {
    let standard = default_provider().signature_verification_algorithms.all.len();
    let with_sha1: &[&dyn SignatureVerificationAlgorithm] = &sha1::with_sha1()[standard..];
    assert_eq!(with_sha1.len(), 4);
    let vectors = [
        of_ecdsa(ecdsa::TestName::EcdsaSecp256r1Sha256),
        of_ecdsa(ecdsa::TestName::EcdsaSecp384r1Sha256),
        of_ecdsa(ecdsa::TestName::EcdsaSecp521r1Sha512),
        of_rsa(rsa_pkcs1_verify::TestName::Rsa2048Sha256),
    ];
    let mut accepted = Vec::new();
    for vector in vectors.iter().flatten() {
        for algorithm in with_sha1 {
            if algorithm.verify_signature(&vector.bare_key, &vector.message, &vector.signature).is_ok() {
                accepted.push((vector.name.as_str(), algorithm.public_key_alg_id()));
            }
        }
    }
    let [(name, alg_id::RSA_ENCRYPTION)] = accepted[..] else { panic!("{accepted:?}") };
    assert!(name.contains("The message is hashed with SHA-1 instead of SHA-256"), "{name}");
}
