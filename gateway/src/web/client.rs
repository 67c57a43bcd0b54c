//! One request on a connection of its own.

use std::error::Error as StdError;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use http::header::{CONNECTION, HOST, HeaderValue, USER_AGENT};
use http::response::Parts;
use http::{Request, Uri};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio_rustls::TlsConnector;

use super::Url;
use super::address::is_public;

/// Asks servers.
pub struct Client {
    connector: TlsConnector,
    allow_private: bool,
}

/// What a server answers: its head, and its body as it comes. The connection goes with it.
pub struct Answer {
    /// Status and headers.
    pub head: Parts,
    body: Incoming,
    _connection: AbortOnDrop,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum WebError {
    /// The name leads to the gateway's own network.
    #[error("the host leads to {0}, which is no public address")]
    Address(IpAddr),
    /// Nobody listens there.
    #[error("cannot connect: {0}")]
    Connect(io::Error),
    /// It is no web server, or it broke off.
    #[error("the server speaks something other than HTTP/1.1: {0}")]
    Protocol(Box<dyn StdError + Send + Sync>),
    /// The name leads nowhere.
    #[error("cannot resolve the host: {0}")]
    Resolve(io::Error),
    /// Its certificate, for the most part.
    #[error("TLS: {0}")]
    Tls(io::Error),
    /// The body has more than so many octets.
    #[error("the answer has more than {0} octets")]
    TooLarge(usize),
}

impl Client {
    /// One that trusts servers with certificates of `roots`, or else of the system's CAs.
    ///
    /// # Errors
    /// There are no CAs to check servers by.
    pub fn new(roots: Option<&[CertificateDer<'static>]>, allow_private: bool) -> Result<Self, String> {
        let mut store = RootCertStore::empty();
        store.add_parsable_certificates(match roots {
            Some(roots) => roots.to_vec(),
            None => system_roots()?,
        });
        if store.is_empty() {
            return Err("there is no CA to check servers by".to_owned());
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_root_certificates(store)
            .with_no_client_auth();
        Ok(Self { connector: TlsConnector::from(Arc::new(config)), allow_private })
    }

    /// Sends `request` to `url`: its target, its host and who asks are filled in.
    ///
    /// # Errors
    /// [`WebError`]; whatever the server answers is none.
    pub async fn send(&self, url: &Url, mut request: Request<Full<Bytes>>) -> Result<Answer, WebError> {
        address_to(&mut request, url).map_err(|error| WebError::Protocol(error.into()))?;
        let stream = self.connect(url).await?;
        if !url.tls {
            return exchange(stream, request).await;
        }
        let name = ServerName::try_from(url.host.to_string())
            .map_err(|error| WebError::Tls(io::Error::other(error)))?;
        let stream = self.connector.connect(name, stream).await.map_err(WebError::Tls)?;
        exchange(stream, request).await
    }

    /// Connects to an address that was looked at: a name that is resolved once more may lead elsewhere.
    async fn connect(&self, url: &Url) -> Result<TcpStream, WebError> {
        let found: Vec<SocketAddr> =
            lookup_host((&*url.host, url.port)).await.map_err(WebError::Resolve)?.collect();
        let mut failure = WebError::Resolve(io::Error::other("the name has no address"));
        for address in found {
            if !self.allow_private && !is_public(address.ip()) {
                failure = WebError::Address(address.ip());
                continue;
            }
            match TcpStream::connect(address).await {
                Ok(stream) => return Ok(stream),
                Err(error) => failure = WebError::Connect(error),
            }
        }
        Err(failure)
    }
}

impl Answer {
    /// The whole body, of `max` octets at most.
    ///
    /// # Errors
    /// It is larger, or breaks off.
    pub async fn read(self, max: usize) -> Result<Bytes, WebError> {
        let Self { body, _connection, .. } = self;
        let body = Limited::new(body, max).collect().await.map_err(|error| {
            if error.is::<LengthLimitError>() { WebError::TooLarge(max) } else { WebError::Protocol(error) }
        })?;
        Ok(body.to_bytes())
    }
}

fn address_to(request: &mut Request<Full<Bytes>>, url: &Url) -> http::Result<()> {
    *request.uri_mut() = url.target.parse::<Uri>()?;
    let headers = request.headers_mut();
    headers.insert(HOST, HeaderValue::from_str(&url.authority)?);
    headers.insert(USER_AGENT, HeaderValue::from_static(concat!("fleetgate/", env!("CARGO_PKG_VERSION"))));
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    Ok(())
}

async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    request: Request<Full<Bytes>>,
) -> Result<Answer, WebError> {
    let protocol = |error: hyper::Error| WebError::Protocol(error.into());
    let (mut sender, connection) =
        http1::handshake::<_, Full<Bytes>>(TokioIo::new(stream)).await.map_err(protocol)?;
    let connection = AbortOnDrop(tokio::spawn(connection));
    let response = sender.send_request(request).await.map_err(protocol)?;
    let (head, body) = response.into_parts();
    Ok(Answer { head, body, _connection: connection })
}

fn system_roots() -> Result<Vec<CertificateDer<'static>>, String> {
    let found = rustls_native_certs::load_native_certs();
    if found.certs.is_empty() {
        let errors: Vec<_> = found.errors.iter().map(ToString::to_string).collect();
        return Err(format!("the system has no CA certificates: {}", errors.join("; ")));
    }
    Ok(found.certs)
}

/// Ends the connection's task with the exchange.
struct AbortOnDrop(tokio::task::JoinHandle<hyper::Result<()>>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}
