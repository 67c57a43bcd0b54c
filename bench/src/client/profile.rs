//! What devices of a kind have in common: whom they trust, and what they offer.

use std::sync::Arc;

use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::{default_provider, kx_group};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, SupportedProtocolVersion};

use super::{Identity, Trust};

/// The key exchange that a device offers; one, so that all servers do the same work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Group {
    /// The usual one.
    #[default]
    X25519,
    /// The one that small hardware has.
    P256,
    /// Post-quantum; its hello takes two segments.
    X25519mlkem768,
}

/// The versions of TLS that a device offers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
pub enum Version {
    /// 1.2 and 1.3.
    #[default]
    #[serde(rename = "any")]
    Any,
    /// 1.2 alone, as old devices do.
    #[serde(rename = "1.2")]
    V12,
    /// 1.3 alone.
    #[serde(rename = "1.3")]
    V13,
}

/// Why a device cannot even try.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The host is not a name that can be in a hello.
    #[error("`{0}` is not a hostname")]
    Name(String),
    /// Nothing that can be trusted.
    #[error("cannot verify servers: {0}")]
    Trust(#[from] rustls::client::VerifierBuilderError),
    /// rustls does not want the identity.
    #[error("cannot use the identity: {0}")]
    Tls(#[from] rustls::Error),
}

/// What devices of a kind share. A device of its own is then its certificate and key.
#[derive(Clone, Debug)]
pub struct Profile {
    anonymous: ClientConfig,
    provider: Arc<CryptoProvider>,
}

impl Profile {
    /// Devices that trust `trust`, and offer one group and some versions.
    ///
    /// # Errors
    /// When rustls does not want them together.
    pub fn new(trust: &Trust, group: Group, version: Version) -> Result<Self, SetupError> {
        let kx_groups = vec![match group {
            Group::X25519 => kx_group::X25519,
            Group::P256 => kx_group::SECP256R1,
            Group::X25519mlkem768 => kx_group::X25519MLKEM768,
        }];
        let provider = Arc::new(CryptoProvider { kx_groups, ..default_provider() });
        let verifier =
            WebPkiServerVerifier::builder_with_provider(Arc::clone(&trust.0), Arc::clone(&provider));
        let mut anonymous = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(versions(version))?
            .with_webpki_verifier(verifier.build()?)
            .with_no_client_auth();
        anonymous.resumption = Resumption::disabled();
        Ok(Self { anonymous, provider })
    }

    /// The configuration of a device with `identity`, or without one.
    pub(super) fn config(&self, identity: Option<&Identity>) -> Result<ClientConfig, SetupError> {
        let mut config = self.anonymous.clone();
        if let Some(Identity { chain, key }) = identity {
            let key = CertifiedKey::from_der(chain.clone(), key.clone_key(), &self.provider)?;
            config.client_auth_cert_resolver = Arc::new(SingleCertAndKey::from(key));
        }
        Ok(config)
    }
}

fn versions(version: Version) -> &'static [&'static SupportedProtocolVersion] {
    const ANY: [&SupportedProtocolVersion; 2] = [&TLS13, &TLS12];
    const V12: [&SupportedProtocolVersion; 1] = [&TLS12];
    const V13: [&SupportedProtocolVersion; 1] = [&TLS13];
    match version {
        Version::Any => &ANY,
        Version::V12 => &V12,
        Version::V13 => &V13,
    }
}
