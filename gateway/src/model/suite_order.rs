//! Which of the cipher suites that both sides have is taken: the device's first, except that AES with 128 bits is taken where
//! the device would have AES with 256 bits before it.

use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::{CipherSuite, ServerConfig};

/// What devices, by the defaults of their libraries, want first: AES with 256 bits. It comes with SHA-384.
const LONGER: [CipherSuite; 3] = [
    CipherSuite::TLS13_AES_256_GCM_SHA384,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
];

/// What is no worse against any attack known today, and comes with SHA-256, which processors compute themselves.
const SHORTER: [CipherSuite; 3] = [
    CipherSuite::TLS13_AES_128_GCM_SHA256,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
];

/// Puts the suites of a provider in the order that [`for_device`] counts on: 128 bits before 256. By itself it changes nothing,
/// because a device's order counts.
pub fn sort(provider: &mut CryptoProvider) {
    provider.cipher_suites.sort_by_key(|suite| !SHORTER.contains(&suite.suite()));
}

/// The configuration for a device that offers these suites, of a provider that was sorted.
pub fn for_device(config: &Arc<ServerConfig>, offered: &[CipherSuite]) -> Arc<ServerConfig> {
    let spoken = &config.crypto_provider().cipher_suites;
    let is_spoken = |offered: &&CipherSuite| spoken.iter().any(|suite| suite.suite() == **offered);
    match offered.iter().find(is_spoken) {
        Some(first) if LONGER.contains(first) => {
            // Gone when the handshake is done: what is copied is a few references.
            let mut config = ServerConfig::clone(config);
            config.ignore_client_order = true;
            Arc::new(config)
        }
        _ => Arc::clone(config),
    }
}

#[cfg(test)]
mod tests {
    use rustls::pki_types::PrivateKeyDer;

    use super::*;

    const AES_128: CipherSuite = CipherSuite::TLS13_AES_128_GCM_SHA256;
    const AES_256: CipherSuite = CipherSuite::TLS13_AES_256_GCM_SHA384;
    const CHACHA20: CipherSuite = CipherSuite::TLS13_CHACHA20_POLY1305_SHA256;
    const AES_128_ECDSA: CipherSuite = CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256;
    const AES_256_ECDSA: CipherSuite = CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384;
    const CHACHA20_ECDSA: CipherSuite = CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256;

    fn config(keep: impl Fn(CipherSuite) -> bool) -> Arc<ServerConfig> {
        let identity = rcgen::generate_simple_self_signed(["iot.example.com".to_owned()]).unwrap();
        let key = PrivateKeyDer::try_from(identity.signing_key.serialize_der()).unwrap();
        let mut provider = rustls::crypto::aws_lc_rs::default_provider();
        provider.cipher_suites.retain(|suite| keep(suite.suite()));
        sort(&mut provider);
        let builder = ServerConfig::builder_with_provider(Arc::new(provider));
        let builder = builder.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
        Arc::new(builder.with_single_cert(vec![identity.cert.der().clone()], key).unwrap())
    }

    /// What rustls takes for a device that offers these, in the way that it documents `ignore_client_order`.
    fn taken(config: &Arc<ServerConfig>, offered: &[CipherSuite]) -> Option<CipherSuite> {
        let config = for_device(config, offered);
        let mut spoken =
            config.crypto_provider().cipher_suites.iter().map(rustls::SupportedCipherSuite::suite);
        if config.ignore_client_order {
            spoken.find(|suite| offered.contains(suite))
        } else {
            let spoken: Vec<_> = spoken.collect();
            offered.iter().find(|suite| spoken.contains(suite)).copied()
        }
    }

    #[test]
    fn of_aes_the_shorter_is_taken_and_else_the_devices_first() {
        let all = config(|_| true);
        for (offered, expected) in [
            (&[AES_256, CHACHA20, AES_128][..], AES_128),
            (&[AES_128, AES_256], AES_128),
            (&[CHACHA20, AES_256, AES_128], CHACHA20),
            (&[AES_256, CHACHA20], AES_256),
            (&[AES_256_ECDSA, CHACHA20_ECDSA, AES_128_ECDSA], AES_128_ECDSA),
            (&[AES_256_ECDSA, CHACHA20_ECDSA], AES_256_ECDSA),
            (&[CHACHA20_ECDSA, AES_256_ECDSA, AES_128_ECDSA], CHACHA20_ECDSA),
        ] {
            assert_eq!(taken(&all, offered), Some(expected), "{offered:?}");
        }
    }

    #[test]
    fn what_a_host_does_not_speak_is_neither_taken_nor_looked_at() {
        let offered = [AES_256, CHACHA20, AES_128];
        assert_eq!(taken(&config(|suite| suite == AES_256), &offered), Some(AES_256));
        assert_eq!(taken(&config(|suite| suite != AES_128), &offered), Some(AES_256));
        assert_eq!(taken(&config(|suite| suite != AES_256), &offered), Some(CHACHA20));
    }
}
