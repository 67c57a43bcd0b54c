//! A client of the admin socket.

mod awaited;

use std::path::Path;

use http::{Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use percent_encoding::{NON_ALPHANUMERIC, PercentEncode, utf8_percent_encode};
use serde_json::Value;
use tokio::net::UnixStream;

use awaited::Awaited;

/// What the gateway answered.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    /// As it came, for `--json`.
    pub(super) text: String,
    pub(super) body: Value,
}

/// Any name, as a part of a path.
pub(super) fn segment(name: &str) -> PercentEncode<'_> {
    utf8_percent_encode(name, NON_ALPHANUMERIC)
}

/// Asks the gateway at `socket` for something, with or without a body.
///
/// # Errors
/// It cannot be reached, or refuses: its problems.
pub(super) fn ask(socket: &Path, method: Method, path: &str, body: Option<&Value>) -> Result<Answer, String> {
    send(socket, method, path, body.map_or_else(Bytes::new, |body| body.to_string().into()))
}

/// The same with any body.
pub(super) fn send(socket: &Path, method: Method, path: &str, body: Bytes) -> Result<Answer, String> {
    let (status, body) = run(socket, method, path, body)?;
    let text = String::from_utf8_lossy(&body).into_owned();
    let parsed: Result<Value, _> = serde_json::from_slice(&body);
    match parsed {
        Ok(body) if body.get("problems").is_none() => Ok(Answer { status, text, body }),
        Ok(body) => Err(problems(&body)),
        Err(_) => Err(format!("the gateway answered oddly ({status}): {text}; is it of this version?")),
    }
}

fn problems(reply: &Value) -> String {
    let problems = reply["problems"].as_array().into_iter().flatten().filter_map(Value::as_str);
    problems.collect::<Vec<_>>().join("\n")
}

/// Sends a request to the gateway at `socket` and returns status and body.
pub(super) fn call(socket: &Path, method: Method, path: &str) -> Result<(StatusCode, Bytes), String> {
    run(socket, method, path, Bytes::new())
}

fn run(socket: &Path, method: Method, path: &str, body: Bytes) -> Result<(StatusCode, Bytes), String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()
        .map_err(|error| format!("cannot start: {error}"))?;
    runtime.block_on(exchange(socket, method, path, body))
}

async fn exchange(
    socket: &Path,
    method: Method,
    path: &str,
    body: Bytes,
) -> Result<(StatusCode, Bytes), String> {
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
        .body(())
        .map_err(|error| error.to_string())?;
    let response = sender.send_request(Awaited::with(request, body)).await.map_err(lost)?;
    let status = response.status();
    let body = response.into_body().collect().await.map_err(lost)?.to_bytes();
    connection.abort();
    Ok((status, body))
}
