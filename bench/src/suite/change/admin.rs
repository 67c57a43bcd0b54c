//! Changes over the gateway's admin socket.

use std::io;
use std::path::Path;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;

/// A change that is to be made of one kept resource.
pub(super) fn write(kind: &str, id: &str, document: &Value) -> Value {
    json!({ "kind": kind, "id": id, "document": document })
}

/// Makes changes, all at once, and waits until the gateway says that they are kept and in force.
///
/// # Errors
/// When it refuses, with what it says, or does not answer.
pub(super) async fn change(socket: &Path, writes: &[Value]) -> io::Result<()> {
    let body = json!({ "writes": writes }).to_string();
    let head = format!(
        "POST /fleetgate/v1/resources HTTP/1.1\r\nHost: admin\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let mut stream = UnixStream::connect(socket).await?;
    stream.write_all((head + &body).as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    if answer.starts_with("HTTP/1.1 200") { Ok(()) } else { Err(io::Error::other(answer)) }
}
