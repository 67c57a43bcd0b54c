//! An origin of bytes: it takes connections, and the test says what happens on them.

use std::net::{SocketAddr, TcpListener, TcpStream};

use crate::wait;

/// A listening origin.
pub struct ByteOrigin(TcpListener);

impl ByteOrigin {
    /// Starts one on a free loopback port of the calling thread's network namespace.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port for the origin");
        listener.set_nonblocking(true).expect("a listener that does not block");
        Self(listener)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.0.local_addr().expect("the origin's address")
    }

    /// As the configuration names it.
    pub fn url(&self) -> String {
        format!("tcp://{}", self.address())
    }

    /// The next connection. Reading from it gives up at the deadline.
    #[track_caller]
    pub fn accept(&self) -> TcpStream {
        let stream = wait::until("a connection to the origin", || self.try_accept());
        stream.set_nonblocking(false).expect("a connection that blocks");
        stream.set_read_timeout(Some(wait::DEADLINE)).expect("a deadline");
        stream
    }

    /// A connection that is there already.
    pub fn try_accept(&self) -> Option<TcpStream> {
        self.0.accept().ok().map(|(stream, _)| stream)
    }
}
