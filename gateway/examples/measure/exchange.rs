//! A handshake in memory. What the client does in it is not counted, and neither is setting up.

use std::sync::Arc;

use rustls::{ClientConfig, ClientConnection, Error, ServerConfig, ServerConnection};

use crate::Failure;

/// The client's answer to what the server has sent.
pub(crate) type Turn = fn(&mut ClientConnection, &[u8]) -> Result<Vec<u8>, Failure>;

/// The server's side of a handshake, or what it ended with.
pub(crate) fn exchange(
    config: &Arc<ServerConfig>,
    client: &mut ClientConnection,
    turn: Turn,
) -> Result<(), Failure> {
    let mut server = ServerConnection::new(Arc::clone(config))?;
    let mut sent = Vec::new();
    while server.is_handshaking() {
        let received = turn(client, &sent)?;
        if received.is_empty() {
            return Err("the client has nothing to say, and the handshake is not done".into());
        }
        let mut rest = received.as_slice();
        while !rest.is_empty() {
            server.read_tls(&mut rest)?;
            server.process_new_packets()?;
        }
        sent.clear();
        while server.wants_write() {
            server.write_tls(&mut sent)?;
        }
    }
    Ok(())
}

/// A client that has said nothing yet.
pub(crate) fn client(config: &Arc<ClientConfig>) -> Result<ClientConnection, Failure> {
    Ok(ClientConnection::new(Arc::clone(config), "iot.example.com".try_into()?)?)
}

/// The client's turn.
pub(crate) fn client_turn(client: &mut ClientConnection, mut sent: &[u8]) -> Result<Vec<u8>, Failure> {
    while !sent.is_empty() {
        client.read_tls(&mut sent)?;
        client.process_new_packets()?;
    }
    let mut answer = Vec::new();
    while client.wants_write() {
        client.write_tls(&mut answer)?;
    }
    Ok(answer)
}

/// The client's turn within something counted. Callgrind stops at its name.
#[inline(never)]
pub(crate) fn client_turn_not_counted(
    client: &mut ClientConnection,
    sent: &[u8],
) -> Result<Vec<u8>, Failure> {
    std::hint::black_box(client_turn(client, sent))
}

/// Whether a handshake ended because the server turned the certificate away as revoked.
pub(crate) fn is_revoked(ended: &Result<(), Failure>) -> bool {
    let Err(failure) = ended else { return false };
    let Some(Error::InvalidCertificate(error)) = failure.downcast_ref() else { return false };
    *error == rustls::CertificateError::Revoked
}
