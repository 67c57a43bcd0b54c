//! Fetching a CRL: one GET over HTTP/1.1, bounded in time and size, without redirects, to public addresses.

use std::error::Error as StdError;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use http::header::{
    ACCEPT, CONNECTION, ETAG, HOST, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED, USER_AGENT,
};
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Empty, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::Settings;
use super::address::is_public;
use super::url::CrlUrl;

/// Fetches CRLs as the configuration wants it.
pub(super) struct Fetcher {
    settings: Arc<Settings>,
    connector: TlsConnector,
}

/// What a server said about the version that it sent.
#[derive(Clone, Debug, Default)]
pub(super) struct Validators {
    etag: Option<HeaderValue>,
    last_modified: Option<HeaderValue>,
}

/// What a fetch brought.
pub(super) enum Fetched {
    /// The server still has the version that was fetched before.
    Unchanged,
    /// Another version, or the same from a server that does not say.
    New { body: Bytes, validators: Validators },
}

/// Why nothing was fetched.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    #[error("the host leads to {0}, which is no public address; set crl.allow_private to fetch from it")]
    Address(IpAddr),
    #[error("cannot connect: {0}")]
    Connect(io::Error),
    #[error("the server speaks something other than HTTP/1.1: {0}")]
    Protocol(Box<dyn StdError + Send + Sync>),
    #[error("the server redirects, to {to}, which is not followed; configure that URL if it is the CA's")]
    Redirect { to: String },
    #[error("cannot resolve the host: {0}")]
    Resolve(io::Error),
    #[error("the server answers {0}")]
    Status(StatusCode),
    #[error("no answer within the {0:?} of crl.timeout")]
    Timeout(std::time::Duration),
    #[error("TLS: {0}; the server's CA is looked for among the system's, or in crl.ca")]
    Tls(io::Error),
    #[error("the answer has more than the {0} octets of crl.max_size")]
    TooLarge(usize),
}

impl FetchError {
    /// The value of the metric label `reason`.
    pub(super) const fn label(&self) -> &'static str {
        match self {
            Self::Address(_) => "private_address",
            Self::Connect(_) | Self::Resolve(_) => "unreachable",
            Self::Protocol(_) => "protocol",
            Self::Redirect { .. } => "redirect",
            Self::Status(_) => "status",
            Self::Timeout(_) => "timeout",
            Self::Tls(_) => "tls",
            Self::TooLarge(_) => "too_large",
        }
    }
}

impl Fetcher {
    /// # Errors
    /// There are no CAs to check servers by.
    pub(super) fn new(settings: Arc<Settings>) -> Result<Self, String> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(match &settings.roots {
            Some(roots) => roots.clone(),
            None => system_roots()?,
        });
        if roots.is_empty() {
            return Err("there is no CA to check servers by".to_owned());
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self { settings, connector: TlsConnector::from(Arc::new(config)) })
    }

    /// Fetches what is at `url`, unless it is still the version that `known` came with.
    pub(super) async fn fetch(&self, url: &CrlUrl, known: &Validators) -> Result<Fetched, FetchError> {
        let limit = self.settings.timeout;
        let fetched = timeout(limit, self.try_fetch(url, known)).await;
        fetched.unwrap_or(Err(FetchError::Timeout(limit)))
    }

    async fn try_fetch(&self, url: &CrlUrl, known: &Validators) -> Result<Fetched, FetchError> {
        let stream = self.connect(url).await?;
        if !url.tls {
            return self.exchange(stream, url, known).await;
        }
        let name = ServerName::try_from(url.host.to_string())
            .map_err(|error| FetchError::Tls(io::Error::other(error)))?;
        let stream = self.connector.connect(name, stream).await.map_err(FetchError::Tls)?;
        self.exchange(stream, url, known).await
    }

    /// Connects to an address that was looked at: a name that is resolved once more may lead elsewhere.
    async fn connect(&self, url: &CrlUrl) -> Result<TcpStream, FetchError> {
        let found: Vec<SocketAddr> =
            lookup_host((&*url.host, url.port)).await.map_err(FetchError::Resolve)?.collect();
        let mut failure = FetchError::Resolve(io::Error::other("the name has no address"));
        for address in found {
            if !self.settings.allow_private && !is_public(address.ip()) {
                failure = FetchError::Address(address.ip());
                continue;
            }
            match TcpStream::connect(address).await {
                Ok(stream) => return Ok(stream),
                Err(error) => failure = FetchError::Connect(error),
            }
        }
        Err(failure)
    }

    async fn exchange(
        &self,
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        url: &CrlUrl,
        known: &Validators,
    ) -> Result<Fetched, FetchError> {
        let protocol = |error: hyper::Error| FetchError::Protocol(error.into());
        let request = request(url, known).map_err(|error| FetchError::Protocol(error.into()))?;
        let (mut sender, connection) =
            http1::handshake::<_, Empty<Bytes>>(TokioIo::new(stream)).await.map_err(protocol)?;
        let connection = AbortOnDrop(tokio::spawn(connection));
        let response = sender.send_request(request).await.map_err(protocol)?;
        let fetched = self.read(response, known).await;
        drop(connection);
        fetched
    }

    async fn read(&self, response: Response<Incoming>, known: &Validators) -> Result<Fetched, FetchError> {
        let (head, body) = response.into_parts();
        match head.status {
            StatusCode::OK => {}
            StatusCode::NOT_MODIFIED if known.are_any() => return Ok(Fetched::Unchanged),
            status if status.is_redirection() && status != StatusCode::NOT_MODIFIED => {
                let to = head.headers.get(http::header::LOCATION);
                let to =
                    to.map_or_else(String::new, |to| String::from_utf8_lossy(to.as_bytes()).into_owned());
                return Err(FetchError::Redirect { to: to.escape_debug().take(200).collect() });
            }
            status => return Err(FetchError::Status(status)),
        }
        let max = self.settings.max_size;
        let body = Limited::new(body, max).collect().await.map_err(|error| {
            if error.is::<LengthLimitError>() {
                FetchError::TooLarge(max)
            } else {
                FetchError::Protocol(error)
            }
        })?;
        let validators = Validators {
            etag: head.headers.get(ETAG).cloned(),
            last_modified: head.headers.get(LAST_MODIFIED).cloned(),
        };
        Ok(Fetched::New { body: body.to_bytes(), validators })
    }
}

impl Validators {
    const fn are_any(&self) -> bool {
        self.etag.is_some() || self.last_modified.is_some()
    }
}

fn request(url: &CrlUrl, known: &Validators) -> http::Result<Request<Empty<Bytes>>> {
    let mut request = Request::get(&*url.target)
        .header(HOST, &*url.authority)
        .header(USER_AGENT, concat!("fleetgate/", env!("CARGO_PKG_VERSION")))
        .header(ACCEPT, "application/pkix-crl, */*;q=0.5")
        .header(CONNECTION, "close");
    if let Some(etag) = &known.etag {
        request = request.header(IF_NONE_MATCH, etag);
    }
    if let Some(last_modified) = &known.last_modified {
        request = request.header(IF_MODIFIED_SINCE, last_modified);
    }
    request.body(Empty::new())
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

#[cfg(test)]
mod tests;
