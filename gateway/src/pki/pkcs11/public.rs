//! The public half of a token's key, and how the two sign together.

use aws_lc_rs::digest;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P384_SHA384_ASN1, ECDSA_P521_SHA512_ASN1, ED25519,
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, UnparsedPublicKey,
    VerificationAlgorithm,
};
use cryptoki::error::Error as TokenError;
use cryptoki::mechanism::Mechanism;
use cryptoki::mechanism::eddsa::{EddsaParams, EddsaSignatureScheme};
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::Session;
use rcgen::{
    PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ECDSA_P521_SHA512, PKCS_ED25519, PKCS_RSA_SHA256,
    PKCS_RSA_SHA384, PKCS_RSA_SHA512, SignatureAlgorithm,
};

use super::attribute;
use crate::pki::key::MIN_RSA_BITS;
use crate::pki::layout::{integer, wrap};

/// A public key as certificates have it, and what goes with its kind.
#[derive(Debug)]
pub(super) struct Public {
    bytes: Vec<u8>,
    kind: &'static Kind,
}

/// A kind of key, with the digest that grows with it, as keys in files have it.
struct Kind {
    algorithm: &'static SignatureAlgorithm,
    verification: &'static dyn VerificationAlgorithm,
    how: How,
}

/// How a token is asked.
enum How {
    /// It hashes and pads.
    Rsa(fn() -> Mechanism<'static>),
    /// It gets a digest, and gives two numbers one behind the other.
    Ecdsa(&'static digest::Algorithm),
    /// It gets the message.
    Ed25519,
}

/// A curve as tokens name it: the OID in DER, and the length of a point.
struct Curve {
    oid: &'static [u8],
    point: usize,
    kind: Kind,
}

static CURVES: [Curve; 4] = [
    Curve {
        oid: &[6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7],
        point: 65,
        kind: Kind {
            algorithm: &PKCS_ECDSA_P256_SHA256,
            verification: &ECDSA_P256_SHA256_ASN1,
            how: How::Ecdsa(&digest::SHA256),
        },
    },
    Curve {
        oid: &[6, 5, 0x2b, 0x81, 4, 0, 0x22],
        point: 97,
        kind: Kind {
            algorithm: &PKCS_ECDSA_P384_SHA384,
            verification: &ECDSA_P384_SHA384_ASN1,
            how: How::Ecdsa(&digest::SHA384),
        },
    },
    Curve {
        oid: &[6, 5, 0x2b, 0x81, 4, 0, 0x23],
        point: 133,
        kind: Kind {
            algorithm: &PKCS_ECDSA_P521_SHA512,
            verification: &ECDSA_P521_SHA512_ASN1,
            how: How::Ecdsa(&digest::SHA512),
        },
    },
    // 1.3.101.112; older tokens have the name in place of it.
    Curve {
        oid: &[6, 3, 0x2b, 0x65, 0x70],
        point: 32,
        kind: Kind { algorithm: &PKCS_ED25519, verification: &ED25519, how: How::Ed25519 },
    },
];

/// `PrintableString edwards25519`
const EDWARDS: &[u8] = b"\x13\x0cedwards25519";

/// RSA, by the fewest bits.
static RSA: [(usize, Kind); 3] = [
    (
        4096,
        Kind {
            algorithm: &PKCS_RSA_SHA512,
            verification: &RSA_PKCS1_2048_8192_SHA512,
            how: How::Rsa(|| Mechanism::Sha512RsaPkcs),
        },
    ),
    (
        3072,
        Kind {
            algorithm: &PKCS_RSA_SHA384,
            verification: &RSA_PKCS1_2048_8192_SHA384,
            how: How::Rsa(|| Mechanism::Sha384RsaPkcs),
        },
    ),
    (
        MIN_RSA_BITS,
        Kind {
            algorithm: &PKCS_RSA_SHA256,
            verification: &RSA_PKCS1_2048_8192_SHA256,
            how: How::Rsa(|| Mechanism::Sha256RsaPkcs),
        },
    ),
];

/// Why a key's public half is not known.
#[derive(Debug, thiserror::Error)]
pub enum PublicError {
    /// Only the private one is there.
    #[error("it has no public key with the id or label of the private one; store it beside it")]
    Missing,
    /// A kind that is not known here.
    #[error("the key is neither RSA with 2048 bits or more, ECDSA on P-256, P-384 or P-521, nor Ed25519")]
    Unknown,
    /// The token said no.
    #[error(transparent)]
    Token(#[from] TokenError),
}

impl Public {
    /// The public half of a private key.
    pub(super) fn of(session: &Session, private: ObjectHandle) -> Result<Self, PublicError> {
        match attribute(session, private, AttributeType::KeyType)? {
            Some(Attribute::KeyType(KeyType::RSA)) => Self::rsa(session, private),
            Some(Attribute::KeyType(KeyType::EC | KeyType::EC_EDWARDS)) => {
                Self::on_curve(session, beside(session, private)?)
            }
            _ => Err(PublicError::Unknown),
        }
    }

    /// An RSA key's private half has the public numbers in it.
    fn rsa(session: &Session, private: ObjectHandle) -> Result<Self, PublicError> {
        let numbers =
            session.get_attributes(private, &[AttributeType::Modulus, AttributeType::PublicExponent])?;
        let [Attribute::Modulus(modulus), Attribute::PublicExponent(exponent)] = numbers.as_slice() else {
            return Err(PublicError::Missing);
        };
        let bits = modulus.iter().skip_while(|octet| **octet == 0).count() * 8;
        let kind = RSA.iter().find(|(least, _)| bits >= *least).map(|(_, kind)| kind);
        let bytes = wrap(0x30, &[integer(modulus), integer(exponent)].concat());
        Ok(Self { bytes, kind: kind.ok_or(PublicError::Unknown)? })
    }

    fn on_curve(session: &Session, public: ObjectHandle) -> Result<Self, PublicError> {
        let numbers = session.get_attributes(public, &[AttributeType::EcParams, AttributeType::EcPoint])?;
        let [Attribute::EcParams(curve), Attribute::EcPoint(point)] = numbers.as_slice() else {
            return Err(PublicError::Missing);
        };
        let oid = |known: &&Curve| known.oid == curve || (known.point == 32 && curve == EDWARDS);
        let Curve { point: length, kind, .. } = CURVES.iter().find(oid).ok_or(PublicError::Unknown)?;
        // The point is in an OCTET STRING, as the standard has it, or is not, as some tokens do.
        let header = point.len().checked_sub(*length).filter(|header| [0, 2, 3].contains(header));
        let bytes = header.and_then(|header| point.get(header..)).ok_or(PublicError::Unknown)?;
        Ok(Self { bytes: bytes.to_vec(), kind })
    }

    /// As `SubjectPublicKeyInfo` has it.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn algorithm(&self) -> &'static SignatureAlgorithm {
        self.kind.algorithm
    }

    /// Signs with the private half.
    pub(super) fn sign(
        &self,
        session: &Session,
        private: ObjectHandle,
        message: &[u8],
    ) -> Result<Vec<u8>, TokenError> {
        match &self.kind.how {
            How::Rsa(mechanism) => session.sign(&mechanism(), private, message),
            How::Ed25519 => {
                let mechanism = Mechanism::Eddsa(EddsaParams::new(EddsaSignatureScheme::Ed25519));
                session.sign(&mechanism, private, message)
            }
            How::Ecdsa(algorithm) => {
                let digest = digest::digest(algorithm, message);
                let numbers = session.sign(&Mechanism::Ecdsa, private, digest.as_ref())?;
                let (r, s) = numbers.split_at_checked(numbers.len() / 2).unwrap_or_default();
                Ok(wrap(0x30, &[integer(r), integer(s)].concat()))
            }
        }
    }

    /// Whether a signature is the private half's.
    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(self.kind.verification, &self.bytes).verify(message, signature).is_ok()
    }
}

/// The public key that belongs to a private one: of the same id, or without one of the same label.
fn beside(session: &Session, private: ObjectHandle) -> Result<ObjectHandle, PublicError> {
    let id = match attribute(session, private, AttributeType::Id)? {
        Some(Attribute::Id(id)) if !id.is_empty() => Some(Attribute::Id(id)),
        _ => attribute(session, private, AttributeType::Label)?,
    };
    let id = id.ok_or(PublicError::Missing)?;
    let found = session.find_objects(&[Attribute::Class(ObjectClass::PUBLIC_KEY), id])?;
    found.first().copied().ok_or(PublicError::Missing)
}

impl std::fmt::Debug for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kind").field("algorithm", self.algorithm).finish_non_exhaustive()
    }
}
