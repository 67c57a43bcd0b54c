//! The API over TCP: with TLS, without it on loopback, and with certificates of clients where the operator wants them.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};

use axum::middleware::from_fn_with_state;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{VerifierBuilderError, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig};
use tokio_rustls::TlsAcceptor;

use super::auth::{Guard, authenticate};
use super::{routes, server};
use crate::config::{Admin, Source};
use crate::control::Control;

/// Why the API cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum ApiListenerError {
    /// The system refused the address.
    #[error("cannot listen on {address} for the API: {error}; choose another admin.listen")]
    Bind {
        /// Where.
        address: SocketAddr,
        /// What the system said.
        error: io::Error,
    },
    /// A file cannot be read.
    #[error("{key}: cannot read {}: {error}", path.display())]
    Read {
        /// The setting.
        key: &'static str,
        /// Which file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// A file has nothing that can be used.
    #[error("{key}: {}: {error}", path.display())]
    Pem {
        /// The setting.
        key: &'static str,
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        error: pem::Error,
    },
    /// Certificate and key.
    #[error("admin.certificate and admin.key: {0}")]
    Tls(#[from] rustls::Error),
    /// The clients' CAs.
    #[error("admin.client_ca: {0}")]
    ClientCa(#[from] VerifierBuilderError),
}

/// The bound socket, and how it speaks.
pub struct ApiListener {
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    admin: Admin,
}

impl ApiListener {
    /// Prepares to serve on `listener`, with the files that `admin` names in `source`.
    ///
    /// # Errors
    /// [`ApiListenerError`]
    pub fn open(listener: TcpListener, admin: &Admin, source: &Source) -> Result<Self, ApiListenerError> {
        let tls = match &admin.identity {
            None => None,
            Some((certificate, key)) => {
                let client_ca = admin.client_ca.as_ref().map(|path| source.resolve(path));
                Some(acceptor(&source.resolve(certificate), &source.resolve(key), client_ca.as_deref())?)
            }
        };
        Ok(Self { listener, tls, admin: admin.clone() })
    }

    /// A second handle of its socket.
    ///
    /// # Errors
    /// What the system says.
    pub fn socket(&self) -> io::Result<TcpListener> {
        self.listener.try_clone()
    }

    /// Serves until the process ends.
    ///
    /// # Errors
    /// What the system says about the socket.
    pub async fn serve(self, control: Arc<Control>) -> io::Result<()> {
        let Self { listener, tls, admin } = self;
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let guard = Arc::new(Guard::new(Arc::clone(&control), &admin));
        let router = routes(&control).layer(from_fn_with_state(guard, authenticate));
        server::serve(listener, admin.max_connections as usize, tls, router).await;
        Ok(())
    }
}

fn acceptor(
    certificate: &Path,
    key: &Path,
    client_ca: Option<&Path>,
) -> Result<TlsAcceptor, ApiListenerError> {
    let chain = certificates("admin.certificate", certificate)?;
    let path = key.to_owned();
    let key = PrivateKeyDer::from_pem_slice(&read("admin.key", key)?)
        .map_err(|error| ApiListenerError::Pem { key: "admin.key", path, error })?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder =
        ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions()?;
    let builder = match client_ca {
        None => builder.with_no_client_auth(),
        Some(path) => {
            let mut roots = RootCertStore::empty();
            for certificate in certificates("admin.client_ca", path)? {
                roots.add(certificate)?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build()?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    let mut config = builder.with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn certificates(key: &'static str, path: &Path) -> Result<Vec<CertificateDer<'static>>, ApiListenerError> {
    let parsed: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&read(key, path)?).collect();
    let wrong = |error| ApiListenerError::Pem { key, path: path.to_owned(), error };
    let found = parsed.map_err(wrong)?;
    if found.is_empty() { Err(wrong(pem::Error::NoItemsFound)) } else { Ok(found) }
}

fn read(key: &'static str, path: &Path) -> Result<Vec<u8>, ApiListenerError> {
    fs::read(path).map_err(|error| ApiListenerError::Read { key, path: path.to_owned(), error })
}
