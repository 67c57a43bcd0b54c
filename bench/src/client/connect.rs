//! From nothing to a connection that requests can be sent on.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use rustls::client::Resumption;
use rustls::crypto::aws_lc_rs::{default_provider, kx_group};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::{Failure, Identity, Session, Trust};

/// How long a connection may take from its SYN to the end of its handshake.
const CONNECT: Duration = Duration::from_secs(10);

/// The key exchange that a device offers; one, so that all servers do the same work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Group {
    /// The usual one.
    #[default]
    X25519,
    /// The one that small hardware has.
    P256,
    /// Post-quantum; its hello takes two segments.
    X25519mlkem768,
}

/// Why a device cannot even try.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The host is not a name that can be in a hello.
    #[error("`{0}` is not a hostname")]
    Name(String),
    /// rustls does not want the identity.
    #[error("cannot use the identity: {0}")]
    Tls(#[from] rustls::Error),
}

/// Where connections go.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// The server.
    pub address: SocketAddr,
    /// Where from, where it matters.
    pub source: Option<IpAddr>,
}

/// What ALPN calls HTTP/2.
const H2: &[u8] = b"h2";

/// Connects as one device, again and again, without resuming sessions.
#[derive(Clone)]
pub struct Connector {
    tls: Arc<ClientConfig>,
    name: ServerName<'static>,
    host: HeaderValue,
}

impl Connector {
    /// A device with `identity`, or without one, that wants to talk to `host`.
    ///
    /// # Errors
    /// When the host or the identity cannot be used.
    pub fn new(
        trust: &Trust,
        identity: Option<&Identity>,
        host: &str,
        group: Group,
    ) -> Result<Self, SetupError> {
        let mut provider = default_provider();
        provider.kx_groups = vec![match group {
            Group::X25519 => kx_group::X25519,
            Group::P256 => kx_group::SECP256R1,
            Group::X25519mlkem768 => kx_group::X25519MLKEM768,
        }];
        let builder = ClientConfig::builder_with_provider(Arc::new(provider))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(Arc::clone(&trust.0));
        let mut config = match identity {
            Some(identity) => {
                builder.with_client_auth_cert(identity.chain.clone(), identity.key.clone_key())?
            }
            None => builder.with_no_client_auth(),
        };
        config.resumption = Resumption::disabled();
        let bad_name = || SetupError::Name(host.to_owned());
        Ok(Self {
            tls: Arc::new(config),
            name: ServerName::try_from(host.to_owned()).map_err(|_| bad_name())?,
            host: HeaderValue::try_from(host).map_err(|_| bad_name())?,
        })
    }

    /// The same device, speaking HTTP/2 with a server that does.
    #[must_use]
    pub fn with_http2(&self) -> Self {
        let mut config = ClientConfig::clone(&self.tls);
        config.alpn_protocols = vec![H2.to_vec()];
        Self { tls: Arc::new(config), ..self.clone() }
    }

    /// What it would send first on a connection.
    ///
    /// # Errors
    /// When rustls does not make one.
    pub fn hello(&self) -> Result<Vec<u8>, SetupError> {
        let mut tls = ClientConnection::new(Arc::clone(&self.tls), self.name.clone())?;
        let mut hello = Vec::new();
        // Writing to memory cannot fail.
        let _ = tls.write_tls(&mut hello);
        Ok(hello)
    }

    /// A new connection, after a full handshake.
    ///
    /// # Errors
    /// When it fails, or takes longer than 10 s.
    pub async fn connect(&self, target: Target) -> Result<Session, Failure> {
        let connect = async {
            let stream = tcp(target).await.map_err(Failure::Connect)?;
            let tls = TlsConnector::from(Arc::clone(&self.tls));
            let stream = tls.connect(self.name.clone(), stream).await.map_err(Failure::from_io)?;
            if stream.get_ref().1.alpn_protocol() == Some(H2) {
                return Session::over_http2(stream, self.host.clone()).await;
            }
            Session::over(stream, self.host.clone()).await
        };
        timeout(CONNECT, connect).await.unwrap_or(Err(Failure::ConnectTimeout))
    }
}

/// A TCP connection for small messages.
///
/// # Errors
/// As the system says.
pub(crate) async fn tcp(Target { address, source }: Target) -> io::Result<TcpStream> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    if let Some(source) = source {
        socket.bind((source, 0).into())?;
    }
    let stream = socket.connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}
