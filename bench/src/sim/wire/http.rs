//! HTTP/1.1, for a client that asks the same again and again and reads no more of an answer than its head.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use super::After;
use crate::client::{Failure, Refusal};

/// A head that is longer is not one of ours.
const LONGEST_HEAD: usize = 65_536;
/// Fields of a head, at most.
const FIELDS: usize = 64;

/// What a head says.
#[derive(Debug, PartialEq, Eq)]
struct Head {
    status: u16,
    /// Bytes of the head itself.
    bytes: usize,
    /// Bytes of the body.
    body: usize,
    closes: bool,
}

/// Sends a request and reads all of the answer.
pub(super) async fn exchange<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    request: &[u8],
) -> Result<After, Failure> {
    stream.write_all(request).await.map_err(Failure::from_io)?;
    stream.flush().await.map_err(Failure::from_io)?;
    // Of an idle connection nothing is kept.
    let mut buffer = Vec::with_capacity(2048);
    let head = loop {
        fill(stream, &mut buffer).await?;
        if let Some(head) = parse(&buffer)? {
            break head;
        }
        if buffer.len() > LONGEST_HEAD {
            return Err(Failure::Protocol("a head without an end"));
        }
    };
    let mut left = (head.bytes + head.body)
        .checked_sub(buffer.len())
        .ok_or(Failure::Protocol("more than one answer"))?;
    while left > 0 {
        buffer.clear();
        fill(stream, &mut buffer).await?;
        left = left.checked_sub(buffer.len()).ok_or(Failure::Protocol("more than one answer"))?;
    }
    match head.status {
        200..=299 if head.closes => Ok(After::Closing),
        200..=299 => Ok(After::Open),
        status => Err(Failure::Refused(Refusal::Status(status))),
    }
}

async fn fill<S: AsyncRead + Unpin>(stream: &mut S, buffer: &mut Vec<u8>) -> Result<(), Failure> {
    match stream.read_buf(buffer).await {
        Ok(0) => Err(Failure::Closed(io::ErrorKind::UnexpectedEof.into())),
        Ok(_) => Ok(()),
        Err(error) => Err(Failure::from_io(error)),
    }
}

/// The head at the beginning of `bytes`, once it is whole.
fn parse(bytes: &[u8]) -> Result<Option<Head>, Failure> {
    let mut fields = [httparse::EMPTY_HEADER; FIELDS];
    let mut response = httparse::Response::new(&mut fields);
    let parsed = response.parse(bytes).map_err(|_| Failure::Protocol("not HTTP"))?;
    let (httparse::Status::Complete(head), Some(status)) = (parsed, response.code) else { return Ok(None) };
    let value = |name: &str| {
        let field = response.headers.iter().find(|field| field.name.eq_ignore_ascii_case(name));
        field.map(|field| field.value)
    };
    let body = match value("content-length") {
        Some(length) => std::str::from_utf8(length).ok().and_then(|length| length.parse().ok()),
        None if matches!(status, 204 | 304) => Some(0),
        None => None,
    };
    let body = body.ok_or(Failure::Protocol("no length"))?;
    let closes = value("connection").is_some_and(|value| value.eq_ignore_ascii_case(b"close"));
    Ok(Some(Head { status, bytes: head, body, closes }))
}

#[cfg(test)]
mod tests {
    use tokio::io::duplex;

    use super::*;

    async fn answered(parts: &[&str]) -> Result<After, Failure> {
        let (mut device, mut server) = duplex(1024);
        let answer = async {
            for part in parts {
                server.write_all(part.as_bytes()).await.unwrap();
                tokio::task::yield_now().await;
            }
            let mut request = [0; 7];
            server.read_exact(&mut request).await.unwrap();
            assert_eq!(&request, b"request");
            drop(server);
        };
        tokio::join!(exchange(&mut device, b"request"), answer).0
    }

    #[tokio::test]
    async fn an_answer_ends_with_its_last_byte_however_it_comes() {
        let whole = ["HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc"];
        let pieces = ["HTTP/1.1 200 OK\r\nConte", "nt-Length: 3\r\n\r\na", "b", "c"];
        assert_eq!(answered(&whole).await.unwrap(), After::Open);
        assert_eq!(answered(&pieces).await.unwrap(), After::Open);
        let closing = ["HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"];
        assert_eq!(answered(&closing).await.unwrap(), After::Closing);
    }

    #[tokio::test]
    async fn what_is_not_a_good_answer_is_counted_by_what_it_is() {
        for (parts, label) in [
            (&["HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno"][..], "status_403"),
            (&["HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nno"], "connection_closed"),
            (&["HTTP/1.1 200 OK\r\n\r\n"], "protocol_error"),
            (&["HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nno"], "protocol_error"),
            (&["SSH-2.0-OpenSSH\r\n"], "protocol_error"),
            (&[], "connection_closed"),
        ] {
            assert_eq!(answered(parts).await.unwrap_err().label(), label, "{parts:?}");
        }
    }
}
