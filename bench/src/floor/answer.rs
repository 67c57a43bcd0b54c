//! Requests answered without a library: `GET /bytes/N` only, which is all that the load asks for.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// The body, as often as it takes.
static CHUNK: [u8; 16_384] = [b'x'; 16_384];

/// Answers requests until the peer closes.
pub(super) async fn answer<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S) -> io::Result<()> {
    let mut buffer = Vec::with_capacity(1024);
    loop {
        while !buffer.ends_with(b"\r\n\r\n") {
            if buffer.len() > 65_536 {
                return Err(io::ErrorKind::InvalidData.into());
            }
            if stream.read_buf(&mut buffer).await? == 0 {
                return stream.shutdown().await;
            }
        }
        let length = length(&buffer).ok_or(io::ErrorKind::InvalidData)?;
        buffer.clear();
        respond(&mut stream, &mut buffer, length).await?;
        buffer.clear();
    }
}

/// Head and the body's beginning in one write, so that they share a record.
async fn respond<S: AsyncWrite + Unpin>(
    stream: &mut S,
    buffer: &mut Vec<u8>,
    length: usize,
) -> io::Result<()> {
    buffer.extend_from_slice(format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n").as_bytes());
    let first = CHUNK.get(..length.min(8192)).unwrap_or_default();
    buffer.extend_from_slice(first);
    stream.write_all(buffer).await?;
    let mut left = length - first.len();
    while left > 0 {
        let chunk = CHUNK.get(..left.min(CHUNK.len())).unwrap_or_default();
        stream.write_all(chunk).await?;
        left -= chunk.len();
    }
    stream.flush().await
}

fn length(request: &[u8]) -> Option<usize> {
    let line = request.split(|byte| *byte == b'\r').next()?;
    let line = std::str::from_utf8(line).ok()?;
    line.strip_prefix("GET /bytes/")?.strip_suffix(" HTTP/1.1")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_request_for_bytes_has_a_length() {
        assert_eq!(length(b"GET /bytes/2048 HTTP/1.1\r\nhost: a\r\n\r\n"), Some(2048));
        for other in
            ["GET / HTTP/1.1\r\n\r\n", "POST /bytes/1 HTTP/1.1\r\n\r\n", "GET /bytes/x HTTP/1.1\r\n\r\n", ""]
        {
            assert_eq!(length(other.as_bytes()), None, "{other}");
        }
    }

    #[tokio::test(flavor = "current_thread")]
    async fn the_body_is_as_long_as_asked_for() {
        for count in [0, 8192, 100_001] {
            let (mut client, server) = tokio::io::duplex(4096);
            let ask = async {
                client.write_all(format!("GET /bytes/{count} HTTP/1.1\r\n\r\n").as_bytes()).await.unwrap();
                client.shutdown().await.unwrap();
                let mut all = Vec::new();
                client.read_to_end(&mut all).await.unwrap();
                all.len() - all.windows(4).position(|four| four == b"\r\n\r\n").unwrap() - 4
            };
            let (answered, body) = tokio::join!(answer(server), ask);
            answered.unwrap();
            assert_eq!(body, count);
        }
    }
}
