//! A connection that requests are sent on.

use std::time::Duration;

use bytes::Bytes;
use http::uri::{Authority, Scheme};
use http::{HeaderValue, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Empty};
use hyper::Response;
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper::rt::Executor;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::{JoinHandle, spawn_local};
use tokio::time::timeout;

use super::{Failure, Target, connect};

/// How long an answer may take, body and all.
const REQUEST: Duration = Duration::from_secs(30);

/// What came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// Bytes of the body.
    pub bytes: u64,
}

enum Sender {
    Http1(http1::SendRequest<Empty<Bytes>>),
    Http2(http2::SendRequest<Empty<Bytes>>),
}

/// Runs what HTTP/2 has to do on this thread.
#[derive(Clone, Copy)]
struct Here;

impl<F: Future + 'static> Executor<F> for Here {
    fn execute(&self, future: F) {
        spawn_local(future);
    }
}

/// An open connection. It closes when this is dropped.
pub struct Session {
    sender: Sender,
    connection: JoinHandle<hyper::Result<()>>,
    host: HeaderValue,
}

impl Session {
    /// A connection without TLS, as to an origin.
    ///
    /// # Errors
    /// When it cannot be made.
    pub async fn plain(target: Target, host: HeaderValue) -> Result<Self, Failure> {
        Self::over(connect::tcp(target).await.map_err(Failure::Connect)?, host).await
    }

    pub(super) async fn over<S>(stream: S, host: HeaderValue) -> Result<Self, Failure>
    where
        S: AsyncRead + AsyncWrite + Unpin + 'static,
    {
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(Failure::Http)?;
        Ok(Self { sender: Sender::Http1(sender), connection: spawn_local(connection), host })
    }

    pub(super) async fn over_http2<S>(stream: S, host: HeaderValue) -> Result<Self, Failure>
    where
        S: AsyncRead + AsyncWrite + Unpin + 'static,
    {
        let handshake = http2::handshake(Here, TokioIo::new(stream));
        let (sender, connection) = handshake.await.map_err(Failure::Http)?;
        Ok(Self { sender: Sender::Http2(sender), connection: spawn_local(connection), host })
    }

    /// Whether it is still there, as far as this side has heard.
    pub fn is_open(&self) -> bool {
        !self.connection.is_finished()
    }

    /// GETs `path` and reads all of the answer.
    ///
    /// # Errors
    /// When there is none within 30 s. A status that is no success is an answer.
    pub async fn get(&mut self, path: &Uri) -> Result<Answer, Failure> {
        match timeout(REQUEST, self.exchange(path)).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(self.explain(error).await),
            Err(_) => Err(Failure::RequestTimeout),
        }
    }

    /// Waits until the other side has closed it. Nothing may be under way on it.
    pub async fn closed(&mut self) {
        // However it ended, and also when its task was lost: there is no connection.
        let _ = (&mut self.connection).await;
    }

    async fn exchange(&mut self, path: &Uri) -> hyper::Result<Answer> {
        let response = self.sender.send(path, &self.host).await?;
        let status = response.status();
        let mut body = response.into_body();
        let mut bytes = 0;
        while let Some(frame) = body.frame().await {
            bytes += frame?.data_ref().map_or(0, Bytes::len) as u64;
        }
        Ok(Answer { status, bytes })
    }

    /// A request that found the connection gone knows less than the connection does: an alert that refuses a
    /// certificate comes after the client's side of a TLS 1.3 handshake is done.
    async fn explain(&mut self, error: hyper::Error) -> Failure {
        if (error.is_closed() || error.is_canceled())
            && let Ok(Err(cause)) = (&mut self.connection).await
        {
            return Failure::from_http(cause);
        }
        Failure::from_http(error)
    }
}

impl Sender {
    async fn send(&mut self, path: &Uri, host: &HeaderValue) -> hyper::Result<Response<Incoming>> {
        let mut request = Request::new(Empty::new());
        match self {
            Self::Http1(sender) => {
                sender.ready().await?;
                *request.uri_mut() = path.clone();
                request.headers_mut().insert(header::HOST, host.clone());
                sender.send_request(request).await
            }
            Self::Http2(sender) => {
                sender.ready().await?;
                *request.uri_mut() = absolute(path, host);
                sender.send_request(request).await
            }
        }
    }
}

/// HTTP/2 has the host in the URI (RFC 9113, 8.3.1).
fn absolute(path: &Uri, host: &HeaderValue) -> Uri {
    let mut parts = path.clone().into_parts();
    parts.scheme = Some(Scheme::HTTPS);
    parts.authority = Authority::try_from(host.as_bytes()).ok();
    // A host that is no authority could not have been in a hello either.
    Uri::from_parts(parts).unwrap_or_default()
}
