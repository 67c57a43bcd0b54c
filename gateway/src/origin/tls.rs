//! How origins are spoken to over TLS: whom we trust, what we show, what we offer.

use std::sync::Arc;

use aws_lc_rs::digest::{self, SHA256};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, Error, RootCertStore};

use crate::model::origin::{Carries, HttpVersions};
use crate::model::tls_record;

const HTTP1: &[u8] = b"http/1.1";
const HTTP2: &[u8] = b"h2";

/// Tells settings apart from others. Never shown: a key is part of it.
type Fingerprint = [u8; 32];

/// Who may vouch for origins.
#[derive(Clone, Debug)]
pub struct Roots {
    store: Arc<RootCertStore>,
    fingerprint: Fingerprint,
}

/// What the gateway shows to origins that ask for a certificate.
#[derive(Debug)]
pub struct Identity {
    /// The chain, leaf first.
    pub chain: Vec<CertificateDer<'static>>,
    /// The leaf's private key.
    pub key: PrivateKeyDer<'static>,
}

/// TLS to the origins of a host.
#[derive(Clone, Debug)]
pub struct ClientTls {
    offered: Arc<ClientConfig>,
    http1: Arc<ClientConfig>,
    fingerprint: Fingerprint,
}

/// TLS to one origin.
#[derive(Clone, Debug)]
pub struct TlsToOrigin {
    pub(super) client: ClientTls,
    /// The name in SNI, which its certificate must be for.
    pub(super) name: ServerName<'static>,
}

impl Roots {
    /// These CAs, those left out that cannot be read. `None` when that leaves none.
    pub fn new(certificates: Vec<CertificateDer<'static>>) -> Option<Self> {
        let fingerprint = fingerprint(certificates.iter().map(AsRef::as_ref));
        let mut store = RootCertStore::empty();
        store.add_parsable_certificates(certificates);
        (!store.is_empty()).then(|| Self { store: Arc::new(store), fingerprint })
    }
}

impl ClientTls {
    /// TLS that trusts `roots` and shows `identity` to whoever asks. What is offered by ALPN depends on what the host
    /// carries.
    ///
    /// # Errors
    /// What rustls says of the identity; `InconsistentKeys` when key and certificate do not belong together.
    pub fn new(
        roots: &Roots,
        identity: Option<&Identity>,
        carries: Carries,
        versions: HttpVersions,
    ) -> Result<Self, Error> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(Arc::clone(&roots.store));
        let mut config = match identity {
            None => builder.with_no_client_auth(),
            Some(Identity { chain, key }) => builder.with_client_auth_cert(chain.clone(), key.clone_key())?,
        };
        config.max_fragment_size = tls_record::FRAGMENT;
        let mut http1 = config.clone();
        http1.alpn_protocols = alpn(carries, HttpVersions::Http1);
        config.alpn_protocols = alpn(carries, versions);
        let mut parts = vec![&roots.fingerprint[..]];
        if let Some(Identity { chain, key }) = identity {
            parts.extend(chain.iter().map(AsRef::as_ref));
            parts.push(key.secret_der());
        }
        for protocol in &config.alpn_protocols {
            parts.push(protocol);
        }
        let fingerprint = fingerprint(parts.into_iter());
        Ok(Self { offered: Arc::new(config), http1: Arc::new(http1), fingerprint })
    }

    /// To an origin that must have a certificate for `name`.
    pub fn to(&self, name: ServerName<'static>) -> TlsToOrigin {
        TlsToOrigin { client: self.clone(), name }
    }
}

impl TlsToOrigin {
    /// The configuration that offers everything, or HTTP/1.1 only.
    pub(super) fn config(&self, only_http1: bool) -> &Arc<ClientConfig> {
        if only_http1 { &self.client.http1 } else { &self.client.offered }
    }

    /// What tells it apart from TLS with another trust, identity or offer.
    pub(super) fn fingerprint(&self) -> Fingerprint {
        self.client.fingerprint
    }
}

/// Whether `protocol` is how ALPN says HTTP/2.
pub(super) fn is_http2(protocol: Option<&[u8]>) -> bool {
    protocol == Some(HTTP2)
}

fn alpn(carries: Carries, versions: HttpVersions) -> Vec<Vec<u8>> {
    let protocols: &[&[u8]] = match (carries, versions) {
        (Carries::Bytes, _) => &[],
        (Carries::Requests, HttpVersions::Auto) => &[HTTP2, HTTP1],
        (Carries::Requests, HttpVersions::Http1) => &[HTTP1],
        (Carries::Requests, HttpVersions::Http2) => &[HTTP2],
    };
    protocols.iter().map(|protocol| protocol.to_vec()).collect()
}

fn fingerprint<'a>(parts: impl Iterator<Item = &'a [u8]>) -> Fingerprint {
    let mut context = digest::Context::new(&SHA256);
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    let mut fingerprint = [0; 32];
    fingerprint.copy_from_slice(context.finish().as_ref());
    fingerprint
}
