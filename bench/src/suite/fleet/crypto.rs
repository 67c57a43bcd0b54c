//! What a handshake takes of both sides when nothing is around it: no sockets, no scheduler, no gateway.

use std::sync::Arc;
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};
use rustls::{ServerConfig, ServerConnection};

use super::FleetError;
use crate::client::Connector;

/// Handshakes that are timed, after as many that are not.
const HANDSHAKES: u32 = 200;

/// CPU time of a full handshake, both sides together.
pub(super) fn handshake(server: &Arc<ServerConfig>, device: &Connector) -> Result<Duration, FleetError> {
    (0..HANDSHAKES).try_for_each(|_| once(server, device))?;
    let begun = now()?;
    (0..HANDSHAKES).try_for_each(|_| once(server, device))?;
    Ok(now()?.saturating_sub(begun) / HANDSHAKES)
}

fn once(server: &Arc<ServerConfig>, device: &Connector) -> Result<(), FleetError> {
    let mut client = device.connection()?;
    let mut server = ServerConnection::new(Arc::clone(server))?;
    let (mut there, mut back) = (Vec::new(), Vec::new());
    while client.is_handshaking() || server.is_handshaking() {
        client.write_tls(&mut there)?;
        let mut sent = there.as_slice();
        while !sent.is_empty() {
            server.read_tls(&mut sent)?;
            server.process_new_packets()?;
        }
        there.clear();
        server.write_tls(&mut back)?;
        let mut sent = back.as_slice();
        while !sent.is_empty() {
            client.read_tls(&mut sent)?;
            client.process_new_packets()?;
        }
        back.clear();
    }
    Ok(())
}

/// CPU time of this thread.
fn now() -> Result<Duration, FleetError> {
    let now = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map_err(std::io::Error::from)?;
    Ok(now.into())
}
