//! Fetching a CRL: one GET over HTTP/1.1, bounded in time and size, without redirects, to public addresses.

use std::error::Error as StdError;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use http::header::{ACCEPT, ETAG, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED};
use http::{HeaderValue, Request, StatusCode};
use http_body_util::Full;
use hyper::body::Bytes;
use tokio::time::timeout;

use super::Settings;
use super::url::CrlUrl;
use crate::web::{Answer, Client, WebError};

/// Fetches CRLs as the configuration wants it.
pub(super) struct Fetcher {
    settings: Arc<Settings>,
    client: Client,
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

impl From<WebError> for FetchError {
    fn from(error: WebError) -> Self {
        match error {
            WebError::Address(address) => Self::Address(address),
            WebError::Connect(error) => Self::Connect(error),
            WebError::Protocol(error) => Self::Protocol(error),
            WebError::Resolve(error) => Self::Resolve(error),
            WebError::Tls(error) => Self::Tls(error),
            WebError::TooLarge(max) => Self::TooLarge(max),
        }
    }
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
        let client = Client::new(settings.roots.as_deref(), settings.allow_private)?;
        Ok(Self { settings, client })
    }

    /// Fetches what is at `url`, unless it is still the version that `known` came with.
    pub(super) async fn fetch(&self, url: &CrlUrl, known: &Validators) -> Result<Fetched, FetchError> {
        let limit = self.settings.timeout;
        let fetched = timeout(limit, self.try_fetch(url, known)).await;
        fetched.unwrap_or(Err(FetchError::Timeout(limit)))
    }

    async fn try_fetch(&self, url: &CrlUrl, known: &Validators) -> Result<Fetched, FetchError> {
        let request = request(known).map_err(|error| FetchError::Protocol(error.into()))?;
        self.read(self.client.send(url, request).await?, known).await
    }

    async fn read(&self, answer: Answer, known: &Validators) -> Result<Fetched, FetchError> {
        match answer.head.status {
            StatusCode::OK => {}
            StatusCode::NOT_MODIFIED if known.are_any() => return Ok(Fetched::Unchanged),
            status if status.is_redirection() && status != StatusCode::NOT_MODIFIED => {
                let to = answer.head.headers.get(http::header::LOCATION);
                let to =
                    to.map_or_else(String::new, |to| String::from_utf8_lossy(to.as_bytes()).into_owned());
                return Err(FetchError::Redirect { to: to.escape_debug().take(200).collect() });
            }
            status => return Err(FetchError::Status(status)),
        }
        let header = |name| answer.head.headers.get(name).cloned();
        let validators = Validators { etag: header(ETAG), last_modified: header(LAST_MODIFIED) };
        Ok(Fetched::New { body: answer.read(self.settings.max_size).await?, validators })
    }
}

impl Validators {
    const fn are_any(&self) -> bool {
        self.etag.is_some() || self.last_modified.is_some()
    }
}

fn request(known: &Validators) -> http::Result<Request<Full<Bytes>>> {
    let mut request = Request::get("/").header(ACCEPT, "application/pkix-crl, */*;q=0.5");
    if let Some(etag) = &known.etag {
        request = request.header(IF_NONE_MATCH, etag);
    }
    if let Some(last_modified) = &known.last_modified {
        request = request.header(IF_MODIFIED_SINCE, last_modified);
    }
    request.body(Full::default())
}

#[cfg(test)]
mod tests;
