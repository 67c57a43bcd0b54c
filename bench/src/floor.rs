//! What the work costs at least: rustls on tokio, a verifier that says yes at once, an answer of its own. No gateway
//! that verifies, decides, forwards and counts can take less.

mod answer;

use std::path::Path;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::{default_provider, kx_group};
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::NoServerSessionStorage;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::spawn_local;
use tokio_rustls::TlsAcceptor;

/// Why it cannot start.
#[derive(Debug, thiserror::Error)]
pub enum FloorError {
    /// The identity is no PEM.
    #[error("cannot read the identity: {0}")]
    Pem(#[from] pem::Error),
    /// rustls does not want it.
    #[error("cannot use the identity: {0}")]
    Tls(#[from] Error),
}

/// An acceptor with the identity of these files.
///
/// # Errors
/// When the identity cannot be used.
pub fn acceptor(certificate: &Path, key: &Path) -> Result<TlsAcceptor, FloorError> {
    let chain = CertificateDer::pem_file_iter(certificate)?.collect::<Result<_, _>>()?;
    let key = PrivateKeyDer::from_pem_file(key)?;
    let provider = Arc::new(CryptoProvider { kx_groups: vec![kx_group::X25519], ..default_provider() });
    let verifier = Arc::new(Yes(provider.signature_verification_algorithms));
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, key)?;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(Arc::new(config).into())
}

/// Serves until dropped.
pub async fn serve(listener: TcpListener, acceptor: TlsAcceptor) {
    loop {
        if let Ok((stream, _)) = listener.accept().await {
            spawn_local(connection(stream, acceptor.clone()));
        }
    }
}

async fn connection(stream: TcpStream, acceptor: TlsAcceptor) {
    // What fails, fails for the load, which says so.
    let _ = stream.set_nodelay(true);
    if let Ok(stream) = acceptor.accept(stream).await {
        let _ = answer::answer(stream).await;
    }
}

/// A verdict that is already known. The proof that the peer holds its key is checked all the same: that is the floor.
#[derive(Debug)]
struct Yes(WebPkiSupportedAlgorithms);

impl ClientCertVerifier for Yes {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.0)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}
