//! A broker that has no subscribers: it lets everybody in, acknowledges what is published, and forgets it.

use std::io;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::spawn_local;

use super::PAUSE;

/// Bytes of a packet, at most: reports are smaller.
const LARGEST: usize = 65_536;

/// Serves until dropped. A connection that fails ends alone.
pub async fn serve(listener: TcpListener) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => drop(spawn_local(connection(stream))),
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

/// Answers until the client leaves, or says something that is not MQTT 3.1.1.
async fn connection(stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    // Most packets are smaller; a connection that rests has no more than this.
    let mut stream = BufReader::with_capacity(256, stream);
    let mut packet = Vec::new();
    loop {
        let kind = read(&mut stream, &mut packet).await?;
        let answer: &[u8] = match (kind >> 4, identifier(kind, &packet)) {
            (1, _) => &[0x20, 2, 0, 0],
            (3, Some([high, low])) => &[0x40, 2, high, low],
            (12, _) => &[0xd0, 0],
            (3, None) => &[],
            _ => return Ok(()),
        };
        stream.write_all(answer).await?;
        packet = Vec::new();
    }
}

/// A packet's first byte; the rest of it is in `packet`.
async fn read(stream: &mut BufReader<TcpStream>, packet: &mut Vec<u8>) -> io::Result<u8> {
    let kind = stream.read_u8().await?;
    let mut length = 0;
    for digit in 0..4 {
        let byte = stream.read_u8().await?;
        length |= usize::from(byte & 0x7f) << (7 * digit);
        if byte < 0x80 {
            break;
        }
    }
    if length > LARGEST {
        return Err(io::ErrorKind::InvalidData.into());
    }
    packet.resize(length, 0);
    stream.read_exact(packet).await?;
    Ok(kind)
}

/// What a PUBLISH with `QoS` 1 is to be acknowledged by.
fn identifier(kind: u8, packet: &[u8]) -> Option<[u8; 2]> {
    let (&[high, low], rest) = packet.split_first_chunk()?;
    let after_topic = rest.get(usize::from(u16::from_be_bytes([high, low]))..)?;
    if kind & 0x06 == 0x02 { after_topic.first_chunk().copied() } else { None }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use fleetgate_tests::mosquitto::Mosquitto;
    use fleetgate_tests::skip;
    use tokio::task::LocalSet;

    use super::*;
    use crate::sim::Wire;

    /// What a device of ours says, up to its third report.
    async fn reports(address: std::net::SocketAddr) {
        let wire = Wire::mqtt("device-1", "telemetry/device-1", &"x".repeat(200), Duration::from_mins(1));
        let mut stream = TcpStream::connect(address).await.unwrap();
        wire.greet(&mut stream).await.unwrap();
        for number in [0, 1, 65_535] {
            wire.report(&mut stream, number).await.unwrap();
        }
        wire.leave(&mut stream).await;
        assert_eq!(stream.read(&mut [0]).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn devices_report_to_it() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        LocalSet::new()
            .run_until(async {
                let _serving = spawn_local(serve(listener));
                reports(address).await;
            })
            .await;
    }

    #[tokio::test]
    async fn and_to_a_real_broker() {
        if !skip::unless_installed("mosquitto") {
            return;
        }
        let broker = Mosquitto::start();
        reports(broker.url().strip_prefix("tcp://").unwrap().parse().unwrap()).await;
        assert!(broker.clients().iter().any(|line| line.contains("as device-1 ")));
    }
}
