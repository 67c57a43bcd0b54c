//! Many connections through one gateway to one origin of bytes, each with a device's end and an origin's end: what goes in at
//! one end has to come out at the other, every byte.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use crate::byte_origin::ByteOrigin;
use crate::client::Raw;
use crate::field::Field;
use crate::gateway::Setup;
use crate::xdp::hello;

/// The host whose TLS goes through: its connections cost nobody a handshake.
pub const THROUGH: &str = "through.example.com";

/// How many bytes go each way in a round.
const BYTES: usize = 700;

/// Open connections.
pub struct Crowd {
    ends: Vec<(TcpStream, TcpStream)>,
    rounds: u8,
}

/// Adds [`THROUGH`] to a configuration.
pub fn through(setup: Setup, origin: &ByteOrigin) -> Setup {
    setup
        .array("host", format!("name = {THROUGH:?}\nprotocol = \"passthrough\"\norigin = {:?}", origin.url()))
}

impl Crowd {
    /// Opens `count` connections, one after the other.
    pub fn open(field: &Field, address: SocketAddr, origin: &ByteOrigin, count: usize) -> Self {
        let hello = hello::classic(THROUGH);
        let open = || {
            let Raw(device) = Raw::connect(address).send(&[&hello]);
            let mut origin = origin.accept();
            expect(&mut origin, &hello);
            (device, origin)
        };
        Self { ends: field.fleet.run(|| (0..count).map(|_| open()).collect()), rounds: 0 }
    }

    /// Sends on every connection, both ways.
    ///
    /// # Panics
    /// When one of them does not deliver what was sent.
    pub fn talk(&mut self) {
        self.rounds = self.rounds.wrapping_add(1);
        for (number, (device, origin)) in self.ends.iter_mut().enumerate() {
            // No two connections, and no two rounds, say the same.
            let [low, high, ..] = number.to_le_bytes();
            let said: Vec<u8> = [low, high, self.rounds].into_iter().cycle().take(BYTES).collect();
            device.write_all(&said).expect("an open connection");
            expect(origin, &said);
            origin.write_all(&said).expect("an open connection");
            expect(device, &said);
        }
    }
}

fn expect(stream: &mut TcpStream, expected: &[u8]) {
    let mut bytes = vec![0; expected.len()];
    stream.read_exact(&mut bytes).expect("the bytes that were sent");
    assert!(bytes == expected, "these are not the bytes that were sent");
}
