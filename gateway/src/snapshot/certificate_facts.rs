//! How a certificate is made, in the words that OpenSSL has for it.

use x509_parser::prelude::{FromDer as _, X509Certificate};
use x509_parser::public_key::PublicKey;

/// How a certificate is made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CertificateFacts {
    /// What it was signed with, as in `ecdsa-with-SHA256`.
    pub signature: Box<str>,
    /// What its key is, as in `EC256` or `RSA2048`.
    pub key: Box<str>,
}

/// Signature algorithms by their object identifiers.
const SIGNATURES: [(&str, &str); 10] = [
    ("1.2.840.113549.1.1.5", "RSA-SHA1"),
    ("1.2.840.113549.1.1.10", "RSASSA-PSS"),
    ("1.2.840.113549.1.1.11", "RSA-SHA256"),
    ("1.2.840.113549.1.1.12", "RSA-SHA384"),
    ("1.2.840.113549.1.1.13", "RSA-SHA512"),
    ("1.2.840.10045.4.1", "ecdsa-with-SHA1"),
    ("1.2.840.10045.4.3.2", "ecdsa-with-SHA256"),
    ("1.2.840.10045.4.3.3", "ecdsa-with-SHA384"),
    ("1.2.840.10045.4.3.4", "ecdsa-with-SHA512"),
    ("1.3.101.112", "ED25519"),
];

impl CertificateFacts {
    /// Reads them from a certificate. An algorithm without a name here stands there by its object identifier.
    pub(super) fn of(der: &[u8]) -> Self {
        let Ok((_, certificate)) = X509Certificate::from_der(der) else { return Self::default() };
        let signature = certificate.signature_algorithm.algorithm.to_id_string();
        let named = SIGNATURES.iter().find(|(identifier, _)| *identifier == signature);
        let signature = named.map_or(signature.as_str(), |(_, name)| name).into();
        let key = match certificate.public_key().parsed() {
            Ok(PublicKey::RSA(rsa)) => format!("RSA{}", rsa.key_size()).into(),
            Ok(PublicKey::EC(point)) => format!("EC{}", point.key_size()).into(),
            _ => {
                let key = certificate.public_key().algorithm.algorithm.to_id_string();
                if key == "1.3.101.112" { "ED25519".into() } else { key.into() }
            }
        };
        Self { signature, key }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519};

    #[test]
    fn algorithms_have_the_names_that_openssl_gives_them() {
        for (algorithm, signature, key) in [
            (&PKCS_ECDSA_P256_SHA256, "ecdsa-with-SHA256", "EC256"),
            (&PKCS_ECDSA_P384_SHA384, "ecdsa-with-SHA384", "EC384"),
            (&PKCS_ED25519, "ED25519", "ED25519"),
        ] {
            let key_pair = KeyPair::generate_for(algorithm).unwrap();
            let certificate = CertificateParams::default().self_signed(&key_pair).unwrap();
            let facts = CertificateFacts::of(certificate.der());
            assert_eq!((&*facts.signature, &*facts.key), (signature, key));
        }
    }
}
