//! Closing a listening socket without resetting anybody who was answered.
//!
//! Closing it resets the connections that wait in it, and those whose handshake is under way. So new ones are kept out before:
//! a filter drops their SYNs, to be sent again a second later and refused by then. Who was answered before finishes.

use std::io;
use std::net::TcpListener;
use std::time::Duration;

use socket2::{SockFilter, SockRef};

/// How long an open handshake may take to finish: a round trip.
pub(super) const LAST_CALL: Duration = Duration::from_millis(300);

/// Where the flags are in a TCP header.
const FLAGS: u32 = 13;
/// SYN and ACK among them.
const SYN_ACK: u32 = 0x12;
/// SYN alone.
const SYN: u32 = 0x02;

/// Classic BPF: load a byte, and it, compare, return.
const LOAD: u16 = 0x30;
const AND: u16 = 0x54;
const JUMP_IF_EQUAL: u16 = 0x15;
const RETURN: u16 = 0x06;

/// Has a socket drop every new connection, and go on with those that were answered. Whoever shares the socket shares this.
pub(super) fn keep_out_newcomers(socket: &TcpListener) -> io::Result<()> {
    SockRef::from(socket).attach_filter(&[
        SockFilter::new(LOAD, 0, 0, FLAGS),
        SockFilter::new(AND, 0, 0, SYN_ACK),
        SockFilter::new(JUMP_IF_EQUAL, 0, 1, SYN),
        SockFilter::new(RETURN, 0, 0, 0),
        SockFilter::new(RETURN, 0, 0, u32::MAX),
    ])
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpStream;

    use super::*;

    #[test]
    fn newcomers_are_kept_out_and_whoever_was_answered_is_heard() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let mut before = TcpStream::connect(address).unwrap();
        keep_out_newcomers(&listener).unwrap();
        let patience = Duration::from_millis(100);
        let error = TcpStream::connect_timeout(&address, patience).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        before.write_all(b"x").unwrap();
        let (mut accepted, _) = listener.accept().unwrap();
        let mut byte = [0];
        accepted.read_exact(&mut byte).unwrap();
        assert_eq!(&byte, b"x");
        SockRef::from(&listener).detach_filter().unwrap();
        TcpStream::connect(address).unwrap();
    }
}
