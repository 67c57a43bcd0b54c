//! The PROXY protocol header in front of what a load balancer passes on (version 1 or 2): who is really there.
//!
//! Only peers that the listener trusts may say so, and on such a listener nobody else is served: whoever could choose
//! between a header and none could choose its source.

use std::io;
use std::net::SocketAddr;

use ipnet::IpNet;
use proxy_header::{ParseConfig, ProxyHeader};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

use crate::stream::Ends;

/// The longest header of version 1, its line end included.
const MAX_V1: usize = 107;
/// The longest header of version 2 that is read. By the book it could have 64 KiB; addresses take 52 bytes.
const MAX_V2: usize = 4096;
/// What both versions have at least.
const SHORTEST: usize = 12;
/// How version 2 begins.
const V2: &[u8; SHORTEST] = b"\r\n\r\n\0\r\nQUIT\n";
/// The part of version 2 that says how long the rest is.
const V2_FIXED: usize = 16;

/// Why a connection is not taken.
#[derive(Debug, thiserror::Error)]
pub(super) enum ProxyError {
    /// Its peer may not say where it comes from.
    #[error("the peer is in none of the trusted prefixes")]
    Untrusted,
    /// There is no header, or a damaged one.
    #[error("no valid PROXY protocol header")]
    Malformed,
    /// The header is longer than is allowed.
    #[error("the PROXY protocol header is too long")]
    TooLong,
    /// The header did not come in time.
    #[error("no PROXY protocol header within timeout.handshake")]
    Timeout,
    /// The peer went away before its end.
    #[error("the peer closed the connection within its PROXY protocol header: {0}")]
    Closed(#[from] io::Error),
}

impl ProxyError {
    /// The value of the metric label and the log field `reason`.
    pub(super) const fn label(&self) -> &'static str {
        match self {
            Self::Untrusted => "proxy_untrusted",
            Self::Malformed => "proxy_malformed",
            Self::TooLong => "proxy_too_long",
            Self::Timeout => "proxy_timeout",
            Self::Closed(_) => "proxy_closed",
        }
    }
}

/// Reads the header and nothing behind it.
///
/// # Errors
/// [`ProxyError`].
pub(super) async fn read(
    stream: &mut TcpStream,
    peer: SocketAddr,
    trusted: &[IpNet],
) -> Result<Ends, ProxyError> {
    if !trusted.iter().any(|prefix| prefix.contains(&peer.ip())) {
        return Err(ProxyError::Untrusted);
    }
    let mut header = vec![0; SHORTEST];
    stream.read_exact(&mut header).await?;
    if header == V2 {
        read_v2(stream, &mut header).await?;
    } else if header.starts_with(b"PROXY ") {
        read_v1(stream, &mut header).await?;
    } else {
        return Err(ProxyError::Malformed);
    }
    ends(&header, peer)
}

async fn read_v2(stream: &mut TcpStream, header: &mut Vec<u8>) -> Result<(), ProxyError> {
    header.resize(V2_FIXED, 0);
    stream.read_exact(header.get_mut(SHORTEST..).unwrap_or_default()).await?;
    let length = match header.as_slice() {
        [.., high, low] => usize::from(u16::from_be_bytes([*high, *low])),
        _ => 0,
    };
    if V2_FIXED + length > MAX_V2 {
        return Err(ProxyError::TooLong);
    }
    header.resize(V2_FIXED + length, 0);
    stream.read_exact(header.get_mut(V2_FIXED..).unwrap_or_default()).await?;
    Ok(())
}

/// What is there is looked at before it is read: the line's end is not known, and what is behind it is TLS.
async fn read_v1(stream: &mut TcpStream, header: &mut Vec<u8>) -> Result<(), ProxyError> {
    while !header.ends_with(b"\n") {
        let room = MAX_V1 - header.len();
        if room == 0 {
            return Err(ProxyError::TooLong);
        }
        let mut ahead = [0; MAX_V1];
        let ahead = ahead.get_mut(..room).unwrap_or_default();
        let seen = stream.peek(ahead).await?;
        let ahead = ahead.get(..seen).unwrap_or_default();
        let more = ahead.iter().position(|octet| *octet == b'\n').map_or(seen, |end| end + 1);
        if more == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        let begun = header.len();
        header.resize(begun + more, 0);
        stream.read_exact(header.get_mut(begun..).unwrap_or_default()).await?;
    }
    Ok(())
}

/// The ends that a header names; those of the connection itself where it names none (a health check of the balancer).
fn ends(header: &[u8], peer: SocketAddr) -> Result<Ends, ProxyError> {
    let (parsed, length) =
        ProxyHeader::parse(header, ParseConfig { include_tlvs: false, ..ParseConfig::default() })
            .map_err(|_| ProxyError::Malformed)?;
    if length != header.len() {
        return Err(ProxyError::Malformed);
    }
    let canonical = |address: SocketAddr| SocketAddr::new(address.ip().to_canonical(), address.port());
    Ok(parsed.proxied_address().map_or(Ends { source: peer, destination: None }, |address| Ends {
        source: canonical(address.source),
        destination: Some(canonical(address.destination)),
    }))
}

#[cfg(test)]
mod tests;
