//! The listening sockets: one for each worker and address, so that the kernel spreads connections (`SO_REUSEPORT`).

use std::io;
use std::net::{SocketAddr, TcpListener};

use socket2::{Domain, Protocol, SockRef, Socket, Type};

/// Connections that wait in the kernel until a worker accepts them, at each socket, as far as `net.core.somaxconn` allows.
pub const BACKLOG: i32 = 4096;

/// Cannot listen.
#[derive(Debug, thiserror::Error)]
#[error(
    "cannot listen on {address}: {error}; is another program using it, or does the gateway lack the right to?"
)]
pub struct BindError {
    /// Where.
    pub address: SocketAddr,
    /// What the system said.
    pub error: io::Error,
}

/// Fails where another program listens, although both could share the address: the kernel would give it every other
/// connection. What overlaps with `ours` cannot be told from it, and passes.
pub(super) fn check_free(address: SocketAddr, ours: &[SocketAddr]) -> Result<(), BindError> {
    if ours.iter().any(|own| overlap(*own, address)) { Ok(()) } else { bind(address, false).map(drop) }
}

/// The sockets for an address: those that are open already, and more until there is one for each of `workers`. One that was
/// not bound to be shared stays alone.
pub(super) fn complete(
    address: SocketAddr,
    mut open: Vec<TcpListener>,
    workers: usize,
) -> Result<Vec<TcpListener>, BindError> {
    let shared = |socket: &TcpListener| SockRef::from(socket).reuse_port();
    let may_join = open.iter().map(shared).collect::<io::Result<Vec<_>>>();
    if may_join.map_err(|error| BindError { address, error })?.into_iter().all(|shared| shared) {
        while open.len() < workers {
            open.push(bind(address, true)?);
        }
    }
    Ok(open)
}

fn bind(address: SocketAddr, reuse_port: bool) -> Result<TcpListener, BindError> {
    let open = || {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        if address.is_ipv6() {
            socket.set_only_v6(false)?;
        }
        socket.set_reuse_address(true)?;
        socket.set_reuse_port(reuse_port)?;
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        Ok(TcpListener::from(socket))
    };
    open().map_err(|error| BindError { address, error })
}

/// Whether a connection could be for either.
fn overlap(one: SocketAddr, other: SocketAddr) -> bool {
    let anywhere = one.ip().is_unspecified() || other.ip().is_unspecified();
    one.port() == other.port() && (anywhere || one.ip() == other.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_another_program_is_refused_and_one_beside_our_own_is_not() {
        let theirs = bind("127.0.0.1:0".parse().unwrap(), true).unwrap();
        let address = theirs.local_addr().unwrap();
        assert!(check_free(address, &[]).is_err());
        let everywhere = SocketAddr::new("0.0.0.0".parse().unwrap(), address.port());
        check_free(address, &[everywhere]).unwrap();
        let elsewhere = SocketAddr::new("127.0.0.2".parse().unwrap(), address.port());
        assert!(check_free(address, &[elsewhere]).is_err());
    }

    #[test]
    fn sockets_that_are_open_are_completed_unless_they_cannot_be_shared() {
        let port = |socket: &TcpListener| socket.local_addr().unwrap();
        let shared = bind("127.0.0.1:0".parse().unwrap(), true).unwrap();
        assert_eq!(complete(port(&shared), vec![shared], 3).unwrap().len(), 3);
        let alone = bind("127.0.0.1:0".parse().unwrap(), false).unwrap();
        assert_eq!(complete(port(&alone), vec![alone], 3).unwrap().len(), 1);
    }
}
