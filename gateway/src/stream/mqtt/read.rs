//! Reading the first packet, and nothing behind it.

use tokio::io::{AsyncRead, AsyncReadExt as _};

use super::connect::{CONNECT, Connect, Length, Malformed, VERSION_LENGTH, version};
use super::refusal::{Refusal, Refused};

/// Octets of a CONNECT at most: its longest fields have 64 KiB each, and none of them is for that.
const MAX_CONNECT: usize = 64 * 1024;

/// Reads a CONNECT of at most `most` octets.
///
/// # Errors
/// The refusal, with the version of its answer where that is known.
pub(in crate::stream) async fn read(
    device: &mut (impl AsyncRead + Unpin),
    most: usize,
) -> Result<Connect, Refused> {
    let late = |_| Refused { refusal: Refusal::Late, version: None };
    if device.read_u8().await.map_err(late)? != CONNECT {
        return Err(Malformed::NotConnect.into());
    }
    let mut length = Length::default();
    let rest = loop {
        if let Some(rest) = length.push(device.read_u8().await.map_err(late)?)? {
            break rest;
        }
    };
    if rest < VERSION_LENGTH {
        return Err(Malformed::NotConnect.into());
    }
    let mut body = vec![0; VERSION_LENGTH];
    device.read_exact(&mut body).await.map_err(late)?;
    let version = version(&body)?;
    let refused = |refusal| Refused { refusal, version: Some(version) };
    if 1 + length.octets() + rest > most.min(MAX_CONNECT) {
        return Err(refused(Refusal::TooLarge));
    }
    let left = (rest - VERSION_LENGTH) as u64;
    // Grows with what comes, not with what is announced.
    device.take(left).read_to_end(&mut body).await.map_err(late)?;
    if body.len() < rest {
        return Err(refused(Refusal::Late));
    }
    Connect::parse(body).map_err(|_| refused(Refusal::Malformed))
}

#[cfg(test)]
mod tests {
    use super::super::connect::Version;
    use super::*;

    async fn refusal(octets: &[u8], most: usize) -> (Refusal, Option<Version>) {
        let mut octets = octets;
        let Refused { refusal, version } = read(&mut octets, most).await.unwrap_err();
        (refusal, version)
    }

    #[tokio::test]
    async fn what_is_behind_the_packet_stays_there() {
        let packet = b"\x10\x0d\0\x04MQTT\x04\x02\0\x3c\0\x01x";
        let sent = [&packet[..], b"\xc0\0"].concat();
        let mut left = &sent[..];
        let connect = read(&mut left, 100).await.unwrap();
        assert_eq!((connect.client_id(), left), ("x", &b"\xc0\0"[..]));
        assert_eq!(connect.into_packet(), packet);
    }

    #[tokio::test]
    async fn what_is_no_connect_is_refused_before_it_is_read() {
        use Refusal::{Late, Malformed, NotMqtt, TooLarge, Version as Other};
        let v5 = Some(Version::V5);
        for (octets, expected) in [
            (&b"GET / HTTP/1.1\r\n"[..], (NotMqtt, None)),
            (b"\x10\x02\0\0", (NotMqtt, None)),
            (b"\x10\xff\xff\xff\xff\x01", (Malformed, None)),
            (b"\x10\x0d\0\x04MQTT\x05", (Late, v5)),
            (b"\x10\x0d\0\x04MQTT\x03", (Other, Some(Version::V311))),
            (b"\x10\x65\0\x04MQTT\x05", (TooLarge, v5)),
            (b"\x10\xff\xff\xff\x7f\0\x04MQTT\x05", (TooLarge, v5)),
            (b"\x10\x0d\0\x04MQTT\x05\x03\0\x3c\0\0\x01x", (Malformed, v5)),
            (b"\x10", (Late, None)),
            (b"", (Late, None)),
        ] {
            assert_eq!(refusal(octets, 100).await, expected, "{octets:x?}");
        }
    }
}
