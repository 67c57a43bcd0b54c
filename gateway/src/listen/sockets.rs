//! The listening sockets: one for each worker and address, so that the kernel spreads connections (`SO_REUSEPORT`).

use std::io;
use std::net::{SocketAddr, TcpListener};

use socket2::{Domain, Protocol, Socket, Type};

/// Connections that wait in the kernel until a worker accepts them.
const BACKLOG: i32 = 4096;

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

/// The sockets of one worker.
#[derive(Debug)]
pub struct Sockets(pub Vec<TcpListener>);

impl Sockets {
    /// Binds every address once for each of `workers`.
    ///
    /// # Errors
    /// The first address that cannot be bound. An address that another program listens on is refused although both
    /// could share it: the kernel would give it every other connection.
    pub fn bind(addresses: &[SocketAddr], workers: usize) -> Result<Vec<Self>, BindError> {
        for address in addresses {
            // Fails where somebody else listens, reusable or not.
            drop(bind(*address, false)?);
        }
        (0..workers)
            .map(|_| addresses.iter().map(|address| bind(*address, true)).collect::<Result<_, _>>().map(Self))
            .collect()
    }
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
