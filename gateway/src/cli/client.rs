//! A client of the admin socket.

use std::path::Path;

use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;

/// Sends a request to the gateway at `socket` and returns status and body.
pub(super) fn call(socket: &Path, method: Method, path: &str) -> Result<(StatusCode, Bytes), String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()
        .map_err(|error| format!("cannot start: {error}"))?;
    runtime.block_on(exchange(socket, method, path))
}

async fn exchange(socket: &Path, method: Method, path: &str) -> Result<(StatusCode, Bytes), String> {
    let stream = UnixStream::connect(socket).await.map_err(|error| {
        format!(
            "cannot reach a gateway at {}: {error}; is it running, with this configuration, and are you root or its user?",
            socket.display()
        )
    })?;
    let lost = |error: hyper::Error| {
        format!("the gateway at {} broke the connection off: {error}", socket.display())
    };
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(lost)?;
    let connection = tokio::spawn(connection);
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", "fleetgate")
        .body(Empty::<Bytes>::new())
        .map_err(|error| error.to_string())?;
    let response = sender.send_request(request).await.map_err(lost)?;
    let status = response.status();
    let body = response.into_body().collect().await.map_err(lost)?.to_bytes();
    connection.abort();
    Ok((status, body))
}
