//! New connections to origins: look the name up, connect, do the TLS handshake, all within one time.

use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::race;
use super::resolve::Resolver;
use super::stream::Stream;
use super::target::Target;
use super::tls::TlsToOrigin;
use crate::model::origin::{OriginUrl, Place};

/// Connects to origins. Cloning gives another handle to the same memory of names; one a worker.
#[derive(Clone, Default)]
pub struct Dialer(Rc<Resolver>);

/// Why there is no connection to an origin.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    /// Its name leads nowhere.
    #[error("cannot resolve the name of {origin}: {error}")]
    Resolve {
        /// Which one.
        origin: OriginUrl,
        /// What the system said.
        error: io::Error,
    },
    /// None of its addresses, or its socket, takes connections.
    #[error("cannot connect to {origin}: {error}")]
    Connect {
        /// Where to.
        origin: OriginUrl,
        /// What the system said, of the last address.
        error: io::Error,
    },
    /// The TLS handshake failed: its certificate is not for its name or from none of `origin_ca`, or it does not like
    /// ours, or it does not speak TLS.
    #[error("no TLS with {origin} as `{name}`: {error}")]
    Tls {
        /// Which one.
        origin: OriginUrl,
        /// The name that was asked for.
        name: Box<str>,
        /// What rustls said.
        error: io::Error,
    },
    /// No connection in time.
    #[error("connecting to {0} timed out")]
    Timeout(OriginUrl),
    /// There is none. It never comes to that: a host has at least one.
    #[error("there is no origin")]
    NoOrigin,
}

impl DialError {
    /// The value of the metric label and the log field `reason`.
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Resolve { .. } => "origin_resolve",
            Self::Connect { .. } | Self::NoOrigin => "origin_connect",
            Self::Tls { .. } => "origin_tls",
            Self::Timeout(_) => "origin_connect_timeout",
        }
    }
}

impl Dialer {
    /// A new connection to `target`, within `limit`.
    ///
    /// # Errors
    /// [`DialError`]; the origin has seen nothing of what was to be sent to it.
    pub async fn dial(&self, target: &Target, limit: Duration) -> Result<Stream, DialError> {
        let dialled = timeout(limit, self.connect(target, false)).await;
        dialled.unwrap_or_else(|_| Err(DialError::Timeout(target.url.clone())))
    }

    /// A new connection, whose time the caller watches; over TLS perhaps one that offers HTTP/1.1 only.
    pub(super) async fn connect(&self, target: &Target, only_http1: bool) -> Result<Stream, DialError> {
        let failed = |error| DialError::Connect { origin: target.url.clone(), error };
        let (host, port) = match target.url.place() {
            Place::Socket(path) => return UnixStream::connect(path).await.map(Stream::Unix).map_err(failed),
            Place::Port { host, port } => (host, *port),
        };
        let stream = match host {
            ServerName::IpAddress(address) => race::connect(&[(*address).into()], port).await,
            name => {
                let addresses = self.0.resolve(&name.to_str()).await;
                let addresses =
                    addresses.map_err(|error| DialError::Resolve { origin: target.url.clone(), error })?;
                race::connect(&addresses, port).await
            }
        }
        .map_err(failed)?;
        // Latency matters more than a packet saved; failing to say so does not matter at all.
        let _ = stream.set_nodelay(true);
        match target.tls() {
            None => Ok(Stream::Tcp(stream)),
            Some(tls) => secure(stream, tls, only_http1, &target.url).await,
        }
    }
}

async fn secure(
    stream: TcpStream,
    tls: &TlsToOrigin,
    only_http1: bool,
    origin: &OriginUrl,
) -> Result<Stream, DialError> {
    let connector = TlsConnector::from(Arc::clone(tls.config(only_http1)));
    match connector.connect(tls.name.clone(), stream).await {
        Ok(stream) => Ok(Stream::Tls(Box::new(stream))),
        Err(error) => {
            Err(DialError::Tls { origin: origin.clone(), name: tls.name.to_str().as_ref().into(), error })
        }
    }
}

#[cfg(test)]
mod tests;
