//! From an accepted connection to one whose handshake is done: limits, time, counts, log lines.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use ipnet::IpNet;
use tokio::net::TcpStream;
use tokio::time::timeout_at;

use super::evidence::Evidence;
use super::limiter::Via;
use super::proxied::{self, ProxyError};
use super::worker::Shared;
use crate::connection::{AsOf, peer};
use crate::device::Device;
use crate::limit::Standing;
use crate::snapshot::{Host, Snapshot};
use crate::stream::Ends;
use crate::telemetry::access_log::{self, Line};
use crate::telemetry::metrics::OTHER;
use crate::tls::{self, Arrived, HandshakeError};

/// A connection whose handshake is done, where it comes from, how its source stands, and what the handshake was begun under.
pub(super) struct Arrival {
    pub(super) arrived: Arrived,
    pub(super) ends: Ends,
    pub(super) standing: Standing,
    pub(super) as_of: AsOf,
}

/// What comes before the first byte of a device's, within its limits and its time, counted and logged.
pub(super) async fn arrive(
    shared: &Shared,
    mut stream: TcpStream,
    peer: SocketAddr,
    proxies: Option<Arc<[IpNet]>>,
) -> Option<Arrival> {
    let begun = Instant::now();
    let snapshot = shared.snapshot.load_full();
    let deadline = begun + snapshot.timeouts.handshake;
    let mut from = Origin { via: Via::Device, source: peer };
    let mut ends = Ends { source: peer, destination: None };
    if let Some(trusted) = proxies {
        let read = timeout_at(deadline.into(), proxied::read(&mut stream, peer, &trusted)).await;
        match read.unwrap_or(Err(ProxyError::Timeout)) {
            Ok(named) => ends = named,
            Err(error) => {
                refuse(shared, &error, peer);
                return None;
            }
        }
        from = Origin { via: Via::Proxy, source: ends.source };
    }
    let handshake = timeout_at(deadline.into(), handshake(shared, &snapshot, stream, from)).await;
    match handshake.unwrap_or(Some(Err(HandshakeError::Timeout)))? {
        Ok((arrived, as_of)) => {
            welcome(shared, &arrived, begun);
            let standing = standing(shared, &arrived, from);
            Some(Arrival { arrived, ends, standing, as_of })
        }
        Err(error) => {
            report(shared, &error, ends.source);
            if let Some(Evidence { host, offence, rate }) = Evidence::of(&error, &snapshot.xdp.ban) {
                shared.limiter.reputation(from.via).offended(rate, from.source.ip(), host, offence);
            }
            None
        }
    }
}

/// Where a connection comes from.
#[derive(Clone, Copy)]
struct Origin {
    via: Via,
    source: SocketAddr,
}

/// How the source of a connection stands. A verified device speaks for it.
fn standing(shared: &Shared, arrived: &Arrived, Origin { via, source }: Origin) -> Standing {
    let reputation = shared.limiter.reputation(via);
    let voice = match arrived {
        Arrived::Accepted(accepted) => reputation.completed(source, &accepted.device),
        Arrived::Through(_) => None,
    };
    Standing::new(source.ip(), Arc::clone(reputation), Arc::clone(&shared.limiter.bans), voice)
}

/// The handshake within its limits. `None` where it is not begun.
async fn handshake(
    shared: &Shared,
    snapshot: &Snapshot,
    stream: TcpStream,
    from: Origin,
) -> Option<Result<(Arrived, AsOf), HandshakeError>> {
    let as_of = AsOf::now(snapshot, &shared.verdicts);
    if let Some(limit) = shared.limiter.refuses(&snapshot.xdp, from.source, from.via) {
        shared.metrics.limited.with_label_values(&[limit]).inc();
        return None;
    }
    let admit = |host: &Host| admit(shared, snapshot, host, from);
    let arrived = tls::accept(stream, snapshot, &shared.verdicts, admit).await;
    Some(arrived.map(|arrived| (arrived, as_of)))
}

/// Counts and logs a connection that came through no trusted balancer, or said so in a way that nobody understands.
fn refuse(shared: &Shared, error: &ProxyError, source: SocketAddr) {
    let reason = error.label();
    shared.metrics.handshakes.with_label_values(&[OTHER, "error", reason]).inc();
    let (detail, time) = (error.to_string(), access_log::now());
    let peer = peer(source, &Device::Absent);
    shared.access_log.write(&Line::Handshake { time, host: OTHER, reason, detail: Some(&detail), peer });
}

/// Whether a hello for `host` may go on to the handshake.
fn admit(
    shared: &Shared,
    snapshot: &Snapshot,
    host: &Host,
    Origin { via, source }: Origin,
) -> Result<(), &'static str> {
    let Some(limit) = shared.limiter.refuses_hello(&snapshot.xdp, source, &host.pattern, via) else {
        return Ok(());
    };
    shared.metrics.limited.with_label_values(&[limit]).inc();
    Err(limit)
}

fn welcome(shared: &Shared, arrived: &Arrived, begun: Instant) {
    let (host, reason) = match arrived {
        Arrived::Through(through) => (&through.host, "passthrough"),
        Arrived::Accepted(accepted) => match (&accepted.device, accepted.cached) {
            (Device::Verified(_), true) => (&accepted.host, "verified_cached"),
            (device, _) => (&accepted.host, device.label()),
        },
    };
    shared.metrics.handshakes.with_label_values(&[&*host.label, "ok", reason]).inc();
    let seconds = begun.elapsed().as_secs_f64();
    shared.metrics.handshake_seconds.with_label_values(&[&*host.label]).observe(seconds);
}

fn report(shared: &Shared, error: &HandshakeError, source: SocketAddr) {
    let absent = Device::Absent;
    let (host, device) = match error {
        HandshakeError::Handshake { host, device, .. } => (&*host.label, device),
        HandshakeError::Hello(_)
        | HandshakeError::NoSni
        | HandshakeError::UnknownSni
        | HandshakeError::Timeout
        | HandshakeError::Limited(_) => (OTHER, &absent),
    };
    let reason = error.label();
    shared.metrics.handshakes.with_label_values(&[host, "error", reason]).inc();
    let detail = error.to_string();
    let time = access_log::now();
    let mut peer = peer(source, device);
    if let Device::Verified(_) = device {
        // The certificate is good, and who sent it has not shown to be its device.
        peer.certificate = "unproven";
    }
    shared.access_log.write(&Line::Handshake { time, host, reason, detail: Some(&detail), peer });
}
