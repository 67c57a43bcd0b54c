//! What devices say on a connection: no more of HTTP and MQTT than it takes, so that ten thousand of them cost little.

mod http;
mod mqtt;

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::time::timeout;

use crate::client::Failure;

/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(30);

/// What a device speaks.
#[derive(Clone, Debug)]
pub enum Wire {
    /// HTTP/1.1: the whole of a request, always the same.
    Http(Vec<u8>),
    /// MQTT 3.1.1: the packets of a client.
    Mqtt(mqtt::Client),
}

/// Whether the connection is good for another report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum After {
    /// It is.
    Open,
    /// The other side has said that it closes it.
    Closing,
}

impl Wire {
    /// A device that asks for `path` at `host`.
    pub fn get(host: &str, path: &str) -> Self {
        Self::Http(format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n").into_bytes())
    }

    /// A device that posts a report to `path` at `host`.
    pub fn post(host: &str, path: &str, report: &str) -> Self {
        let length = report.len();
        let kind = "Content-Type: application/json";
        let head =
            format!("POST {path} HTTP/1.1\r\nHost: {host}\r\n{kind}\r\nContent-Length: {length}\r\n\r\n");
        Self::Http((head + report).into_bytes())
    }

    /// A device that publishes a report to `topic`, under a name.
    pub fn mqtt(name: &str, topic: &str, report: &str, keep_alive: Duration) -> Self {
        Self::Mqtt(mqtt::Client::new(name, topic, report.as_bytes(), keep_alive))
    }

    /// Whatever comes before the first report.
    ///
    /// # Errors
    /// When the other side does not want this device, or the connection.
    pub(crate) async fn greet<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: &mut S,
    ) -> Result<(), Failure> {
        match self {
            Self::Http(_) => Ok(()),
            Self::Mqtt(client) => in_time(client.connect(stream)).await,
        }
    }

    /// A report, up to the end of its answer. `number` is its own on this connection.
    ///
    /// # Errors
    /// When there is no good answer in 30 s.
    pub(crate) async fn report<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: &mut S,
        number: u64,
    ) -> Result<After, Failure> {
        match self {
            Self::Http(request) => in_time(http::exchange(stream, request)).await,
            Self::Mqtt(client) => in_time(client.publish(stream, number)).await.map(|()| After::Open),
        }
    }

    /// Ends a connection as the protocol and TLS want it. Who is gone already need not hear of it.
    pub(crate) async fn leave<S: AsyncWrite + Unpin>(&self, stream: &mut S) {
        if let Self::Mqtt(_) = self {
            let _ = stream.write_all(&mqtt::DISCONNECT).await;
        }
        let _ = stream.shutdown().await;
    }
}

async fn in_time<T>(exchange: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    timeout(ANSWER, exchange).await.unwrap_or(Err(Failure::RequestTimeout))
}
