//! Cipher suites, by the names that IANA gives them.

use rustls::CipherSuite;
use toml_span::{DeserError, Deserialize, Value};

use super::value::{invalid, word};

/// Those that there are: forward secrecy and authenticated encryption, and nothing else.
const ALL: [(&str, CipherSuite); 9] = [
    ("TLS_AES_256_GCM_SHA384", CipherSuite::TLS13_AES_256_GCM_SHA384),
    ("TLS_AES_128_GCM_SHA256", CipherSuite::TLS13_AES_128_GCM_SHA256),
    ("TLS_CHACHA20_POLY1305_SHA256", CipherSuite::TLS13_CHACHA20_POLY1305_SHA256),
    ("TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384),
    ("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256),
    (
        "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    ),
    ("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384),
    ("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256),
    ("TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256),
];

/// Which cipher suites a host speaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CipherSuites(Box<[CipherSuite]>);

impl Default for CipherSuites {
    fn default() -> Self {
        Self(ALL.map(|(_, suite)| suite).into())
    }
}

impl CipherSuites {
    /// Whether `suite` is one of them.
    pub fn include(&self, suite: CipherSuite) -> bool {
        self.0.contains(&suite)
    }
}

impl<'de> Deserialize<'de> for CipherSuites {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        let span = value.span;
        let suites = Vec::<Suite>::deserialize(value)?;
        if suites.is_empty() {
            return Err(invalid("`cipher_suites` needs at least one; leave it out for all".to_owned(), span));
        }
        Ok(Self(suites.into_iter().map(|suite| suite.0).collect()))
    }
}

struct Suite(CipherSuite);

impl<'de> Deserialize<'de> for Suite {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        word(value, &ALL).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_suite_of_the_provider_has_a_name() {
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        let all = CipherSuites::default();
        assert!(provider.cipher_suites.iter().all(|suite| all.include(suite.suite())));
        assert_eq!(provider.cipher_suites.len(), ALL.len());
    }
}
