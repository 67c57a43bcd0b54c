//! From an accepted connection to one whose handshake is done: limits, time, counts, log lines.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use ipnet::IpNet;
use socket2::SockRef;
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout_at;

use super::evidence::Evidence;
use super::limiter::Via;
use super::proxied::{self, ProxyError};
use super::seats::{Flow, Seats};
use super::worker::Shared;
use crate::connection::{AsOf, peer};
use crate::device::Device;
use crate::limit::Standing;
use crate::snapshot::{Host, Snapshot};
use crate::stream::Ends;
use crate::telemetry::access_log::{self, Line};
use crate::telemetry::metrics::OTHER;
use crate::tls::{self, Arrived, Greeted, HandshakeError, Packed};

/// A connection whose handshake is done, where it comes from, how its source stands, and what the handshake was begun under.
pub(super) struct Arrival {
    pub(super) arrived: Arrived,
    pub(super) ends: Ends,
    pub(super) standing: Standing,
    pub(super) as_of: AsOf,
}

/// How far a connection has come.
#[expect(clippy::large_enum_variant, reason = "the common one is the large one, and lives for a moment")]
pub(super) enum Come {
    /// Its handshake is done.
    Here(Arrival),
    /// Its hello names a host that the worker with this number has to serve.
    Elsewhere(usize, Box<Greeting>),
}

/// A connection whose hello was read, and what belongs to it.
#[derive(Debug)]
pub(super) struct Greeting<G = Packed> {
    greeted: G,
    about: About,
}

/// A connection for another worker: its hello was read, it has its permit.
#[derive(Debug)]
pub(super) struct Handed {
    pub(super) greeting: Box<Greeting>,
    pub(super) permit: OwnedSemaphorePermit,
}

/// What is known of a connection before its handshake.
#[derive(Clone, Copy, Debug)]
struct About {
    begun: Instant,
    deadline: Instant,
    from: Origin,
    ends: Ends,
    as_of: AsOf,
}

/// Where a connection comes from.
#[derive(Clone, Copy, Debug)]
struct Origin {
    via: Via,
    source: SocketAddr,
}

/// What comes before the first byte of a device's, within its limits and its time, counted and logged. `worker` is the number
/// of the one that accepted it.
pub(super) async fn arrive(
    shared: &Shared,
    worker: usize,
    mut stream: TcpStream,
    peer: SocketAddr,
    proxies: Option<Arc<[IpNet]>>,
) -> Option<Come> {
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
    let as_of = AsOf::now(&snapshot, &shared.verdicts);
    if let Some(limit) = shared.limiter.refuses(&snapshot.xdp, from.source, from.via) {
        shared.metrics.limited.with_label_values(&[limit]).inc();
        return None;
    }
    let about = About { begun, deadline, from, ends, as_of };
    let admit = |host: &Host| admit(shared, &snapshot, host, from);
    let greeted = timeout_at(deadline.into(), tls::greet(stream, &snapshot, admit)).await;
    let greeted = match greeted.unwrap_or(Err(HandshakeError::Timeout)) {
        Ok(greeted) => greeted,
        Err(error) => {
            fail(shared, &error, &about);
            return None;
        }
    };
    if let Some(seat) = shared.seats.as_deref().and_then(|seats| seat_for(seats, worker, &greeted, peer)) {
        return match greeted.pack() {
            Ok(greeted) => Some(Come::Elsewhere(seat, Box::new(Greeting { greeted, about }))),
            Err(error) => {
                tracing::warn!(%error, "cannot hand a connection to another worker");
                None
            }
        };
    }
    finish(shared, worker, Greeting { greeted, about }).await.map(Come::Here)
}

/// The rest of what [`arrive`] does, on another worker than the one that accepted.
pub(super) async fn go_on(shared: &Shared, worker: usize, greeting: Greeting) -> Option<Arrival> {
    let Greeting { greeted, about } = greeting;
    match greeted.unpack() {
        Ok(greeted) => {
            shared.metrics.handed_over.with_label_values(&[&*greeted.host().label]).inc();
            finish(shared, worker, Greeting { greeted, about }).await
        }
        Err(error) => {
            tracing::warn!(%error, "cannot take a connection from another worker");
            None
        }
    }
}

/// The worker that has to serve the host, where that is another. The flow's packets follow, where they come elsewhere.
fn seat_for(seats: &Seats, worker: usize, greeted: &Greeted, peer: SocketAddr) -> Option<usize> {
    let host = greeted.host();
    if host.cpus.is_empty() {
        return None;
    }
    let packets = packet_cpu(greeted.stream());
    let elsewhere = seats.elsewhere(worker, &host.cpus, packets);
    let cpu = seats.cpu(elsewhere.unwrap_or(worker));
    if let Some(cpu) = cpu.filter(|_| packets != cpu)
        && let Ok(local) = greeted.stream().local_addr()
    {
        seats.steer(&Flow { peer, local, cpu, host: &host.pattern });
    }
    elsewhere
}

/// The handshake, within the connection's time.
async fn finish(shared: &Shared, worker: usize, greeting: Greeting<Greeted>) -> Option<Arrival> {
    let Greeting { greeted, about } = greeting;
    let handshake = timeout_at(about.deadline.into(), greeted.finish(&shared.verdicts)).await;
    match handshake.unwrap_or(Err(HandshakeError::Timeout)) {
        Ok(arrived) => {
            welcome(shared, &arrived, about.begun);
            look_at_cpu(shared, worker, &arrived);
            let standing = standing(shared, &arrived, about.from);
            Some(Arrival { arrived, ends: about.ends, standing, as_of: about.as_of })
        }
        Err(error) => {
            fail(shared, &error, &about);
            None
        }
    }
}

fn fail(shared: &Shared, error: &HandshakeError, about: &About) {
    report(shared, error, about.ends.source);
    let snapshot = shared.snapshot.load();
    if let Some(Evidence { host, offence, rate }) = Evidence::of(error, &snapshot.xdp.ban) {
        shared.limiter.reputation(about.from.via).offended(rate, about.from.source.ip(), host, offence);
    }
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

/// Counts a connection whose packets come in on another CPU than its worker's.
fn look_at_cpu(shared: &Shared, worker: usize, arrived: &Arrived) {
    let pinned = shared.seats.as_deref().and_then(|seats| seats.cpu(worker));
    if let (Some(cpu), Some(packets)) = (pinned, packet_cpu(arrived.socket()))
        && cpu != packets
    {
        shared.metrics.off_cpu.with_label_values(&[&*arrived.host().label]).inc();
    }
}

/// The CPU that the connection's last packet came in on.
fn packet_cpu(stream: &TcpStream) -> Option<u32> {
    SockRef::from(stream).cpu_affinity().ok()?.try_into().ok()
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
