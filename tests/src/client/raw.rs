//! Bare sockets: bytes as a test wants them, in the pieces that it wants.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};

use crate::wait;

/// The alert for a name that nobody serves, byte for byte: a fatal `unrecognized_name` (112) in a record of its own.
pub const UNRECOGNIZED_NAME: [u8; 7] = [21, 3, 3, 0, 2, 2, 112];

/// A connected socket.
#[derive(Debug)]
pub struct Raw(pub TcpStream);

impl Raw {
    /// Connects. Nothing is held back to be sent together.
    pub fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect_timeout(&address, wait::DEADLINE).expect("connect");
        stream.set_nodelay(true).expect("TCP_NODELAY");
        stream.set_read_timeout(Some(wait::DEADLINE)).expect("a read timeout");
        Self(stream)
    }

    /// Sends each piece in a write of its own. A peer that is gone already is no failure: what it said counts.
    #[must_use]
    pub fn send(mut self, pieces: &[&[u8]]) -> Self {
        for piece in pieces {
            let _ = self.0.write_all(piece);
        }
        self
    }

    /// Says that nothing more will come.
    #[must_use]
    pub fn finish(self) -> Self {
        // A peer that is gone already needs not be told.
        let _ = self.0.shutdown(Shutdown::Write);
        self
    }

    /// What comes until the peer closes or resets.
    pub fn read_to_end(mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        if let Err(error) = self.0.read_to_end(&mut bytes) {
            assert_ne!(error.kind(), std::io::ErrorKind::WouldBlock, "the peer neither answers nor closes");
        }
        bytes
    }

    /// The type of the next TLS record; `None` when the peer closed instead.
    pub fn record_type(mut self) -> Option<u8> {
        let mut first = [0];
        (self.0.read(&mut first).expect("an answer") == 1).then_some(first[0])
    }
}
