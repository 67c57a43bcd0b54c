//! From nothing to a connection that requests can be sent on.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::IpBindAddressNoPort;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::profile::{Group, Profile, SetupError, Version};
use super::{Failure, Identity, Session, Trust};

/// How long a connection may take from its SYN to the end of its handshake.
const CONNECT: Duration = Duration::from_secs(10);

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
        Self::of(&Profile::new(trust, group, Version::Any)?, identity, host)
    }

    /// The same, of a profile that many share.
    ///
    /// # Errors
    /// When the host or the identity cannot be used.
    pub fn of(profile: &Profile, identity: Option<&Identity>, host: &str) -> Result<Self, SetupError> {
        let bad_name = || SetupError::Name(host.to_owned());
        Ok(Self {
            tls: Arc::new(profile.config(identity)?),
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

    /// Its side of a connection, over whatever carries it.
    ///
    /// # Errors
    /// When rustls does not make one.
    pub fn connection(&self) -> Result<ClientConnection, rustls::Error> {
        ClientConnection::new(Arc::clone(&self.tls), self.name.clone())
    }

    /// What it would send first on a connection.
    ///
    /// # Errors
    /// When rustls does not make one.
    pub fn hello(&self) -> Result<Vec<u8>, SetupError> {
        let mut tls = self.connection()?;
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
            let stream = self.handshake(target).await?;
            if stream.get_ref().1.alpn_protocol() == Some(H2) {
                return Session::over_http2(stream, self.host.clone()).await;
            }
            Session::over(stream, self.host.clone()).await
        };
        timeout(CONNECT, connect).await.unwrap_or(Err(Failure::ConnectTimeout))
    }

    /// The same without anything on top of TLS.
    ///
    /// # Errors
    /// When it fails, or takes longer than 10 s.
    pub async fn open(&self, target: Target) -> Result<TlsStream<TcpStream>, Failure> {
        timeout(CONNECT, self.handshake(target)).await.unwrap_or(Err(Failure::ConnectTimeout))
    }

    async fn handshake(&self, target: Target) -> Result<TlsStream<TcpStream>, Failure> {
        let stream = tcp(target).await.map_err(Failure::Connect)?;
        let tls = TlsConnector::from(Arc::clone(&self.tls));
        tls.connect(self.name.clone(), stream).await.map_err(Failure::from_io)
    }
}

/// A TCP connection for small messages.
///
/// # Errors
/// As the system says.
pub(crate) async fn tcp(Target { address, source }: Target) -> io::Result<TcpStream> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    if let Some(source) = source {
        // The port is then chosen when both ends are known: else an address would have 28,000 of them in all.
        if source.is_ipv4() {
            setsockopt(&socket, IpBindAddressNoPort, &true)?;
        }
        socket.bind((source, 0).into())?;
    }
    let stream = socket.connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}
