//! A host's `ServerConfig`.

use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::NoServerSessionStorage;
use rustls::{Error, ServerConfig, SupportedProtocolVersion};

use crate::config::{CipherSuites, ClientAuth, TlsVersion};
use crate::device::trust::TrustSet;
use crate::device::verdicts::Verdicts;
use crate::device::verifier::{Demand, DeviceVerifier};
use crate::model::{suite_order, tls_record};

static TLS13_ONLY: &[&SupportedProtocolVersion] = &[&rustls::version::TLS13];

/// What an operator says of a host's handshakes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settings<'a> {
    pub(super) client_auth: ClientAuth,
    pub(super) min_tls: TlsVersion,
    pub(super) cipher_suites: &'a CipherSuites,
    pub(super) ca_hints: bool,
    pub(super) http2: bool,
}

impl Settings<'_> {
    /// The versions that are spoken. One without a cipher suite is not offered either.
    pub(super) fn versions(&self) -> &'static [&'static SupportedProtocolVersion] {
        match self.min_tls {
            TlsVersion::Tls12 => rustls::ALL_VERSIONS,
            TlsVersion::Tls13 => TLS13_ONLY,
        }
    }

    /// Our provider, with no more cipher suites than these.
    pub(super) fn provider(&self) -> CryptoProvider {
        let mut provider = rustls::crypto::aws_lc_rs::default_provider();
        provider.cipher_suites.retain(|suite| self.cipher_suites.include(suite.suite()));
        suite_order::sort(&mut provider);
        provider
    }
}

/// Builds the configuration of one host.
///
/// # Errors
/// What rustls says of the certificate and key; `InconsistentKeys` when they do not belong together.
pub(super) fn server_config(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    settings: &Settings<'_>,
    trust: &Arc<TrustSet>,
    verdicts: &Arc<Verdicts>,
) -> Result<ServerConfig, Error> {
    let provider = Arc::new(settings.provider());
    let builder =
        ServerConfig::builder_with_provider(provider).with_protocol_versions(settings.versions())?;
    let verifier = |demand| {
        let verifier = DeviceVerifier::new(Arc::clone(trust), Arc::clone(verdicts), demand);
        Arc::new(verifier.with_hints(settings.ca_hints))
    };
    let builder = match settings.client_auth {
        ClientAuth::Access => builder.with_client_cert_verifier(verifier(Demand::Ask)),
        ClientAuth::Require => builder.with_client_cert_verifier(verifier(Demand::Require)),
        ClientAuth::None => builder.with_no_client_auth(),
    };
    let mut config = builder.with_single_cert(chain, key)?;
    let protocols: &[&[u8]] = if settings.http2 { &[b"h2", b"http/1.1"] } else { &[b"http/1.1"] };
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    config.max_fragment_size = tls_record::FRAGMENT;
    // A resumed session skips the certificate and every check of it: revocation, removal of a CA, another host's
    // trust set (CVE-2025-23419, CVE-2025-23048). There is none to resume.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    config.max_early_data_size = 0;
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_there_to_resume() {
        let identity = rcgen::generate_simple_self_signed(["iot.example.com".to_owned()]).unwrap();
        let key = PrivateKeyDer::try_from(identity.signing_key.serialize_der()).unwrap();
        let algorithms = rustls::crypto::aws_lc_rs::default_provider().signature_verification_algorithms;
        let trust = Arc::new(TrustSet::new([], algorithms, crate::device::trust::Rules::default()));
        let verdicts = Arc::new(Verdicts::new(1));
        for client_auth in [ClientAuth::Access, ClientAuth::Require, ClientAuth::None] {
            let chain = vec![identity.cert.der().clone()];
            let cipher_suites = &CipherSuites::default();
            let settings = Settings {
                client_auth,
                min_tls: TlsVersion::Tls12,
                cipher_suites,
                ca_hints: true,
                http2: true,
            };
            let config = server_config(chain, key.clone_key(), &settings, &trust, &verdicts).unwrap();
            assert!(!config.ticketer.enabled());
            assert!(!config.session_storage.can_cache());
            assert_eq!((config.send_tls13_tickets, config.max_early_data_size), (0, 0));
        }
    }
}
