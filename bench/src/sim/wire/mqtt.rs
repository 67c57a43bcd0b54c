//! MQTT 3.1.1, for a client that publishes with `QoS` 1 and waits for its PUBACK.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use crate::client::{Failure, Refusal};

/// The packet that ends a connection on purpose.
pub(super) const DISCONNECT: [u8; 2] = [0xe0, 0];
const CONNACK: u8 = 0x20;
const PUBACK: u8 = 0x40;

/// The packets of a client.
#[derive(Clone, Debug)]
pub struct Client {
    connect: Vec<u8>,
    /// A PUBLISH, with the place of its identifier.
    publish: Vec<u8>,
    identifier: usize,
}

impl Client {
    /// A client with this name, as identifier and as user, that publishes the same report again and again.
    pub(super) fn new(name: &str, topic: &str, report: &[u8], keep_alive: Duration) -> Self {
        let seconds = u16::try_from(keep_alive.as_secs()).unwrap_or(u16::MAX);
        // A user name, and a clean session.
        let mut connect = [&[0, 4][..], b"MQTT", &[4, 0x82], &seconds.to_be_bytes()].concat();
        connect.extend(string(name));
        connect.extend(string(name));
        let topic = string(topic);
        let publish = packet(0x32, &[&topic[..], &[0, 0], report].concat());
        let identifier = publish.len() - report.len() - 2;
        Self { connect: packet(0x10, &connect), publish, identifier }
    }

    pub(super) async fn connect<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: &mut S,
    ) -> Result<(), Failure> {
        send(stream, &self.connect).await?;
        match receive(stream).await? {
            (CONNACK, [_, 0]) => Ok(()),
            (CONNACK, [_, code]) => Err(Failure::Refused(Refusal::Connack(code))),
            _ => Err(Failure::Protocol("no CONNACK")),
        }
    }

    pub(super) async fn publish<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: &mut S,
        number: u64,
    ) -> Result<(), Failure> {
        // 0 is none.
        let identifier = u16::try_from(number % 65_535 + 1).unwrap_or(1).to_be_bytes();
        let mut publish = self.publish.clone();
        publish.iter_mut().skip(self.identifier).zip(identifier).for_each(|(place, byte)| *place = byte);
        send(stream, &publish).await?;
        match receive(stream).await? {
            (PUBACK, acknowledged) if acknowledged == identifier => Ok(()),
            _ => Err(Failure::Protocol("no PUBACK")),
        }
    }
}

async fn send<S: AsyncWrite + Unpin>(stream: &mut S, packet: &[u8]) -> Result<(), Failure> {
    stream.write_all(packet).await.map_err(Failure::from_io)?;
    stream.flush().await.map_err(Failure::from_io)
}

/// The two bytes of a CONNACK or PUBACK, with what it is: nothing else is ever sent to us.
async fn receive<S: AsyncRead + Unpin>(stream: &mut S) -> Result<(u8, [u8; 2]), Failure> {
    let mut packet = [0; 4];
    stream.read_exact(&mut packet).await.map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => Failure::Closed(error),
        _ => Failure::from_io(error),
    })?;
    match packet {
        [kind, 2, first, second] => Ok((kind, [first, second])),
        _ => Err(Failure::Protocol("a packet that nobody asked for")),
    }
}

fn packet(kind: u8, content: &[u8]) -> Vec<u8> {
    let mut packet = vec![kind];
    let mut left = content.len();
    loop {
        let digit = u8::try_from(left % 128).unwrap_or_default();
        left /= 128;
        packet.push(if left > 0 { digit | 0x80 } else { digit });
        if left == 0 {
            break;
        }
    }
    packet.extend_from_slice(content);
    packet
}

/// With its length in front. One that is too long for MQTT is cut.
fn string(text: &str) -> Vec<u8> {
    let length = u16::try_from(text.len()).unwrap_or(u16::MAX);
    let bytes = text.as_bytes().get(..length.into()).unwrap_or_default();
    [&length.to_be_bytes()[..], bytes].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_written_in_digits_of_seven_bits() {
        assert_eq!(packet(0xe0, &[]), DISCONNECT);
        for (length, head) in
            [(127, &[0x30, 127][..]), (128, &[0x30, 0x80, 1]), (16_384, &[0x30, 0x80, 0x80, 1])]
        {
            let packet = packet(0x30, &vec![7; length]);
            assert_eq!(&packet[..head.len()], head);
            assert_eq!(packet.len(), head.len() + length);
        }
    }

    #[test]
    fn a_connect_says_who_it_is_twice_and_how_long_it_may_be_silent() {
        let client = Client::new("ab", "t", b"report", Duration::from_secs(258));
        assert_eq!(client.connect, b"\x10\x12\0\x04MQTT\x04\x82\x01\x02\0\x02ab\0\x02ab");
        assert_eq!(client.publish, b"\x32\x0b\0\x01t\0\0report");
        assert_eq!(client.identifier, 5);
    }
}
