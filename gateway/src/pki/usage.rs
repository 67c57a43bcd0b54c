//! What a key may be used for, in the words that cfssl has for it.

use rcgen::{ExtendedKeyUsagePurpose, KeyUsagePurpose};

/// A use of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Usage {
    /// A bit of the key usage extension.
    Key(KeyUsagePurpose),
    /// A purpose of the extended key usage extension.
    Purpose(ExtendedKeyUsagePurpose),
}

impl Usage {
    /// Every word, in the order in which they are listed.
    pub const WORDS: [&'static str; 23] = [
        "signing",
        "digital signature",
        "content commitment",
        "key encipherment",
        "key agreement",
        "data encipherment",
        "cert sign",
        "crl sign",
        "encipher only",
        "decipher only",
        "any",
        "server auth",
        "client auth",
        "code signing",
        "email protection",
        "s/mime",
        "ipsec end system",
        "ipsec tunnel",
        "ipsec user",
        "timestamping",
        "ocsp signing",
        "microsoft sgc",
        "netscape sgc",
    ];

    /// What a word means.
    pub fn named(word: &str) -> Option<Self> {
        let key = Self::Key;
        let purpose = Self::Purpose;
        let pkix = |last| purpose(ExtendedKeyUsagePurpose::Other(vec![1, 3, 6, 1, 5, 5, 7, 3, last]));
        Some(match word {
            "signing" | "digital signature" => key(KeyUsagePurpose::DigitalSignature),
            "content commitment" => key(KeyUsagePurpose::ContentCommitment),
            "key encipherment" => key(KeyUsagePurpose::KeyEncipherment),
            "key agreement" => key(KeyUsagePurpose::KeyAgreement),
            "data encipherment" => key(KeyUsagePurpose::DataEncipherment),
            "cert sign" => key(KeyUsagePurpose::KeyCertSign),
            "crl sign" => key(KeyUsagePurpose::CrlSign),
            "encipher only" => key(KeyUsagePurpose::EncipherOnly),
            "decipher only" => key(KeyUsagePurpose::DecipherOnly),
            "any" => purpose(ExtendedKeyUsagePurpose::Any),
            "server auth" => purpose(ExtendedKeyUsagePurpose::ServerAuth),
            "client auth" => purpose(ExtendedKeyUsagePurpose::ClientAuth),
            "code signing" => purpose(ExtendedKeyUsagePurpose::CodeSigning),
            "email protection" | "s/mime" => purpose(ExtendedKeyUsagePurpose::EmailProtection),
            "ipsec end system" => pkix(5),
            "ipsec tunnel" => pkix(6),
            "ipsec user" => pkix(7),
            "timestamping" => purpose(ExtendedKeyUsagePurpose::TimeStamping),
            "ocsp signing" => purpose(ExtendedKeyUsagePurpose::OcspSigning),
            "microsoft sgc" => purpose(ExtendedKeyUsagePurpose::Other(vec![1, 3, 6, 1, 4, 1, 311, 10, 3, 3])),
            "netscape sgc" => purpose(ExtendedKeyUsagePurpose::Other(vec![2, 16, 840, 1, 113_730, 4, 1])),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_means_something() {
        assert!(Usage::WORDS.iter().all(|word| Usage::named(word).is_some()));
        assert_eq!(Usage::named("clientauth"), None);
    }
}
