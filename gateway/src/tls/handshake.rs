//! The handshake: rustls reassembles the ClientHello, its name chooses the host, the host's configuration does the
//! rest. There is no fallback configuration: a name that nobody serves ends here.

use std::io;
use std::sync::Arc;

use rustls::server::Acceptor;
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;
use tokio_rustls::{LazyConfigAcceptor, StartHandshake};

use super::alert;
use super::recorded::Recorded;
use crate::device::Device;
use crate::device::verdicts::Verdicts;
use crate::device::verifier::{Outcome, observe};
use crate::model::hostname::Hostname;
use crate::model::suite_order;
use crate::snapshot::{Host, Snapshot};

/// A connection whose handshake is done.
#[derive(Debug)]
pub struct Accepted {
    /// The decrypted stream. Boxed: it has more than a kilobyte, and each future that it is moved through would keep that.
    pub stream: Box<TlsStream<TcpStream>>,
    /// The name that the device asked for.
    pub name: Hostname,
    /// The host that serves it.
    pub host: Arc<Host>,
    /// Who is there.
    pub device: Device,
    /// Whether the verdict came from the cache.
    pub cached: bool,
}

impl Accepted {
    /// Whether HTTP/2 was negotiated (RFC 9113, 3.2).
    pub fn is_http2(&self) -> bool {
        self.stream.get_ref().1.alpn_protocol() == Some(b"h2")
    }
}

/// A connection whose TLS goes through to its origin.
#[derive(Debug)]
pub struct Through {
    /// The connection.
    pub stream: TcpStream,
    /// What was read from it: a hello, and perhaps what is behind it.
    pub read: Vec<u8>,
    /// The name in the hello.
    pub name: Hostname,
    /// The host that has it.
    pub host: Arc<Host>,
}

/// What a hello led to.
#[derive(Debug)]
pub enum Arrived {
    /// TLS ends here.
    Accepted(Accepted),
    /// It goes through.
    Through(Through),
}

impl Arrived {
    /// The socket.
    pub fn socket(&self) -> &TcpStream {
        match self {
            Self::Accepted(accepted) => accepted.stream.get_ref().0,
            Self::Through(through) => &through.stream,
        }
    }

    /// The host.
    pub fn host(&self) -> &Arc<Host> {
        match self {
            Self::Accepted(accepted) => &accepted.host,
            Self::Through(through) => &through.host,
        }
    }
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum HandshakeError {
    /// The peer went away, or sent something that is not TLS.
    #[error("no ClientHello: {0}")]
    Hello(io::Error),
    /// The hello has no server name.
    #[error("the ClientHello has no server name")]
    NoSni,
    /// The hello's server name is no hostname, or nobody serves it.
    #[error("the server name is not served here")]
    UnknownSni,
    /// It took longer than `timeout.handshake`.
    #[error("not done within timeout.handshake")]
    Timeout,
    /// A limit was reached between hello and handshake.
    #[error("{0} reached")]
    Limited(&'static str),
    /// The handshake failed.
    #[error("handshake failed: {error}")]
    Handshake {
        /// The host it was for.
        host: Arc<Host>,
        /// The device, as far as it is known.
        device: Device,
        /// What rustls said.
        error: io::Error,
    },
}

impl HandshakeError {
    /// The value of the metric label and the log field `reason`.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Hello(error) if error.kind() == io::ErrorKind::InvalidData => "not_tls",
            Self::Hello(_) => "closed_before_hello",
            Self::NoSni => "no_sni",
            Self::UnknownSni => "unknown_sni",
            Self::Timeout => "timeout",
            Self::Limited(_) => "limited",
            Self::Handshake { device: Device::Refused(refused), .. } => refused.reason.label(),
            Self::Handshake { error, .. } => tls_label(error),
        }
    }
}

/// The reason behind a handshake error that is not about the device's chain.
fn tls_label(error: &io::Error) -> &'static str {
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match tls {
        Some(rustls::Error::NoCertificatesPresented) => "certificate_missing",
        Some(rustls::Error::AlertReceived(_)) => "peer_alert",
        Some(rustls::Error::PeerIncompatible(_)) => "incompatible",
        Some(rustls::Error::InvalidCertificate(_)) => "key_proof_failed",
        Some(rustls::Error::PeerMisbehaved(_) | rustls::Error::InvalidMessage(_)) => "protocol",
        Some(_) => "tls",
        None => "closed_during_handshake",
    }
}

/// A connection whose hello was read: which host it is for is known, and no cryptography was spent on it.
pub struct Greeted<S = TcpStream> {
    accepted: rustls::server::Accepted,
    stream: S,
    /// What was read, where TLS of some host goes through.
    record: Option<Vec<u8>>,
    name: Hostname,
    host: Arc<Host>,
}

/// The same on no runtime, on its way from one thread to another.
pub type Packed = Greeted<std::net::TcpStream>;

impl<S> std::fmt::Debug for Greeted<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Greeted").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Reads the hello on an accepted socket. `admit` is asked once, with the host that the hello names; `Err` names the limit.
///
/// # Errors
/// [`HandshakeError`]. The peer has had the alert that fits.
pub async fn greet(
    stream: TcpStream,
    snapshot: &Snapshot,
    admit: impl FnOnce(&Host) -> Result<(), &'static str>,
) -> Result<Greeted, HandshakeError> {
    let record = snapshot.passes_through().then(Vec::new);
    let start = LazyConfigAcceptor::new(Acceptor::default(), Recorded { stream, record })
        .await
        .map_err(HandshakeError::Hello)?;
    let served = serving(start.client_hello().server_name(), snapshot);
    let (name, host) = match served {
        Ok(served) => served,
        Err(error) => {
            alert::unrecognized_name(start.io).await;
            return Err(error);
        }
    };
    admit(&host).map_err(HandshakeError::Limited)?;
    let StartHandshake { accepted, io: Recorded { stream, record }, .. } = start;
    Ok(Greeted { accepted, stream, record, name, host })
}

impl<S> Greeted<S> {
    /// The host that the hello names.
    pub fn host(&self) -> &Arc<Host> {
        &self.host
    }

    /// The socket.
    pub fn stream(&self) -> &S {
        &self.stream
    }

    fn try_map<T, E>(self, map: impl FnOnce(S) -> Result<T, E>) -> Result<Greeted<T>, E> {
        let Self { accepted, stream, record, name, host } = self;
        Ok(Greeted { accepted, stream: map(stream)?, record, name, host })
    }
}

impl Packed {
    /// Puts it on the calling thread's runtime.
    ///
    /// # Errors
    /// When the runtime does not take the socket.
    pub fn unpack(self) -> io::Result<Greeted> {
        self.try_map(TcpStream::from_std)
    }
}

impl Greeted {
    /// Takes it from its runtime.
    ///
    /// # Errors
    /// When the runtime does not give the socket back.
    pub fn pack(self) -> io::Result<Packed> {
        self.try_map(TcpStream::into_std)
    }

    /// Does the handshake, where TLS ends here.
    ///
    /// # Errors
    /// [`HandshakeError`]. The peer has had the alert that fits.
    pub async fn finish(self, verdicts: &Verdicts) -> Result<Arrived, HandshakeError> {
        let Self { accepted, stream, record, name, host } = self;
        let config = host
            .tls
            .as_ref()
            .map(|tls| suite_order::for_device(tls, accepted.client_hello().cipher_suites()));
        let Some(config) = config else {
            return Ok(Arrived::Through(Through { stream, read: record.unwrap_or_default(), name, host }));
        };
        let handshake = StartHandshake::from_parts(accepted, stream).into_stream(config);
        let Outcome { result, device, cached } = observe(handshake, verdicts).await;
        match result {
            Ok(stream) => {
                let stream = Box::new(stream);
                Ok(Arrived::Accepted(Accepted { stream, name, host, device, cached }))
            }
            Err(error) => Err(HandshakeError::Handshake { host, device, error }),
        }
    }
}

fn serving(sni: Option<&str>, snapshot: &Snapshot) -> Result<(Hostname, Arc<Host>), HandshakeError> {
    let name =
        Hostname::from_wire(sni.ok_or(HandshakeError::NoSni)?).map_err(|_| HandshakeError::UnknownSni)?;
    let host = snapshot.host(&name).ok_or(HandshakeError::UnknownSni)?;
    Ok((name, Arc::clone(host)))
}
