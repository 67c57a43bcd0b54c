//! A connection that requests are sent on.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Empty};
use hyper::client::conn::http1::{SendRequest, handshake};
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

/// An open connection. It closes when this is dropped.
pub struct Session {
    sender: SendRequest<Empty<Bytes>>,
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
        let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(Failure::Http)?;
        Ok(Self { sender, connection: spawn_local(connection), host })
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
        self.sender.ready().await?;
        let mut request = Request::new(Empty::new());
        *request.uri_mut() = path.clone();
        request.headers_mut().insert(header::HOST, self.host.clone());
        let response = self.sender.send_request(request).await?;
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
