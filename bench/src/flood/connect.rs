//! Connections from a pool of sources, as many as come through.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use http::Uri;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::hello::Visit;
use super::pace::Pace;
use super::source;
use crate::client::{Connector, Failure, Target, tcp};

/// Connections at the same time: as many as are begun while patience lasts.
const AT_ONCE: usize = 6000;
/// How long one is pursued. An attacker has better things to do than to wait for packets that were dropped.
const PATIENCE: Duration = Duration::from_millis(300);
/// Between looks at what is due.
const TICK: Duration = Duration::from_millis(1);

/// Floods until `pace` says that it is over.
pub(super) async fn flood(address: SocketAddr, sources: u16, visits: Vec<Visit>, pace: &Pace) {
    let visits: Vec<_> = visits.into_iter().map(Rc::new).collect();
    let mut under_way = JoinSet::new();
    let mut begun = 0;
    let mut turns = (0..sources).cycle().zip(visits.iter().cycle());
    while let Some(due) = pace.due(begun) {
        while under_way.try_join_next().is_some() {}
        let room = AT_ONCE.saturating_sub(under_way.len()) as u64;
        for (number, visit) in turns.by_ref().take(usize::try_from(due.min(room)).unwrap_or(AT_ONCE)) {
            let target = Target { address, source: Some(source(number)) };
            begun += 1;
            under_way.spawn_local(timeout(PATIENCE, pay(target, Rc::clone(visit))));
        }
        sleep(TICK).await;
    }
}

/// A visit, whatever comes of it.
async fn pay(target: Target, visit: Rc<Visit>) {
    match &*visit {
        Visit::Bytes(bytes) => drop(say(target, bytes).await),
        Visit::Handshake(device) => drop(shake_hands(target, device).await),
    }
}

async fn say(target: Target, bytes: &[u8]) -> io::Result<()> {
    let mut stream = tcp(target).await?;
    // The pool's ports are soon needed again.
    stream.set_zero_linger()?;
    stream.write_all(bytes).await?;
    stream.read(&mut [0; 64]).await.map(drop)
}

/// With TLS 1.3 a device hears only after its handshake what the server thinks of its certificate.
async fn shake_hands(target: Target, device: &Connector) -> Result<(), Failure> {
    device.connect(target).await?.get(&Uri::from_static("/")).await.map(drop)
}
