//! Listening sockets that were open before this process was: a service manager's, or those of the gateway before.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;

use socket2::{SockRef, Type};

/// Sockets that wait to be taken, by the address that they listen on. Connections may wait in them.
#[derive(Debug, Default)]
pub struct Inherited(Vec<(SocketAddr, TcpListener)>);

impl Inherited {
    /// Looks through descriptors. What is no listening TCP socket is closed, with a warning.
    pub fn new(descriptors: impl IntoIterator<Item = OwnedFd>) -> Self {
        let look = |descriptor| match prepare(descriptor) {
            Ok(found) => Some(found),
            Err(error) => {
                tracing::warn!(%error, "an inherited descriptor is no listening TCP socket; it is closed");
                None
            }
        };
        Self(descriptors.into_iter().filter_map(look).collect())
    }

    /// Those that listen on `address`, each once.
    pub fn take(&mut self, address: SocketAddr) -> Vec<TcpListener> {
        let (taken, left) = std::mem::take(&mut self.0).into_iter().partition(|(of, _)| *of == address);
        self.0 = left;
        let taken: Vec<(SocketAddr, TcpListener)> = taken;
        taken.into_iter().map(|(_, socket)| socket).collect()
    }

    /// What is left.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.0.iter().map(|(address, _)| *address).collect()
    }
}

fn prepare(descriptor: OwnedFd) -> io::Result<(SocketAddr, TcpListener)> {
    let socket = SockRef::from(&descriptor);
    let is_ours = socket.r#type()? == Type::STREAM && socket.is_listener()?;
    let address = socket.local_addr()?.as_socket().filter(|_| is_ours);
    let address = address.ok_or_else(|| io::Error::other("it is another kind of socket"))?;
    socket.set_nonblocking(true)?;
    // Whoever had it before may have ended with a last call. Without a filter there is nothing to detach.
    let _ = socket.detach_filter();
    Ok((address, TcpListener::from(descriptor)))
}

#[cfg(test)]
mod tests {
    use std::net::{TcpStream, UdpSocket};
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn listening_tcp_sockets_are_found_by_their_address_and_nothing_else_is_taken() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, again) = (listener.local_addr().unwrap(), listener.try_clone().unwrap());
        let connection = TcpStream::connect(address).unwrap();
        let folder = tempfile::TempDir::new().unwrap();
        let unix = UnixListener::bind(folder.path().join("socket")).unwrap();
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        let file = std::fs::File::open("/dev/null").unwrap();
        let descriptors: [OwnedFd; 6] =
            [connection.into(), listener.into(), unix.into(), udp.into(), again.into(), file.into()];
        let mut inherited = Inherited::new(descriptors);
        assert_eq!(inherited.addresses(), [address, address]);
        assert!(inherited.take("127.0.0.2:1".parse().unwrap()).is_empty());
        assert_eq!(inherited.take(address).len(), 2);
        assert!(inherited.addresses().is_empty());
    }
}
