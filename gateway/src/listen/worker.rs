//! A worker: one thread, one runtime, its own sockets, its own connections from accept to close.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use arc_swap::ArcSwap;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError, watch};
use tokio::task::{LocalSet, spawn_local};
use tokio::time::{sleep, timeout};

use super::limiter::Limiter;
use super::sockets::Sockets;
use crate::access::token::Tokens;
use crate::config::Timeouts;
use crate::device::Device;
use crate::device::verdicts::Verdicts;
use crate::http::{self, AsOf, Context};
use crate::origin::{self, Dialer, Pool};
use crate::snapshot::{Host, Snapshot};
use crate::telemetry::access_log::Line;
use crate::telemetry::metrics::OTHER;
use crate::telemetry::{AccessLog, Metrics};
use crate::tls::{self, Accepted, HandshakeError};

/// How often idle connections to origins are looked through.
const REAP: Duration = Duration::from_secs(5);

/// What all workers share.
#[derive(Clone)]
pub struct Shared {
    /// The snapshot in force.
    pub snapshot: Arc<ArcSwap<Snapshot>>,
    /// Verdicts.
    pub verdicts: Arc<Verdicts>,
    /// Application tokens.
    pub tokens: Arc<Tokens>,
    /// Metrics.
    pub metrics: Metrics,
    /// The access log.
    pub access_log: AccessLog,
    /// A permit for each connection that may be open.
    pub permits: Arc<Semaphore>,
    /// Limits, where XDP does not enforce them.
    pub limiter: Arc<Limiter>,
    /// True once no more connections are accepted.
    pub draining: watch::Receiver<bool>,
    /// Idle connections that each worker keeps to each origin.
    pub max_idle_origin_connections: usize,
    /// Requests that each worker has under way to each origin.
    pub max_origin_requests: usize,
    /// Bytes of a request's head at most.
    pub max_request_header: usize,
    /// Requests at the same time on an HTTP/2 connection.
    pub max_streams: u32,
}

struct Worker {
    shared: Shared,
    context: Rc<Context>,
}

/// Starts a worker. It ends when `draining` says so and its last connection is closed.
///
/// # Errors
/// When the thread or its runtime cannot be started.
pub fn spawn(index: usize, sockets: Sockets, shared: Shared) -> io::Result<JoinHandle<()>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    Builder::new().name(format!("worker-{index}")).spawn(move || {
        let local = LocalSet::new();
        local.block_on(&runtime, run(sockets, shared));
        // Connections that are still open finish here; the process ends with the drain deadline at the latest.
        runtime.block_on(local);
    })
}

async fn run(sockets: Sockets, shared: Shared) {
    let snapshot = shared.snapshot.load();
    let context = Context {
        snapshot: Arc::clone(&shared.snapshot),
        verdicts: Arc::clone(&shared.verdicts),
        metrics: shared.metrics.clone(),
        access_log: shared.access_log.clone(),
        pool: Pool::new(Dialer::default(), shared.metrics.clone(), pool_limits(&snapshot.timeouts, &shared)),
        max_header: shared.max_request_header,
        max_streams: shared.max_streams,
        tokens: Arc::clone(&shared.tokens),
    };
    let mut draining = shared.draining.clone();
    let worker = Rc::new(Worker { shared, context: Rc::new(context) });
    for socket in sockets.0 {
        match TcpListener::from_std(socket) {
            Ok(listener) => drop(spawn_local(accept_loop(listener, Rc::clone(&worker)))),
            Err(error) => tracing::error!(%error, "cannot listen"),
        }
    }
    let reaper = spawn_local(reap(Rc::clone(&worker)));
    // The sender lives as long as the process: an error means the same as `true`.
    let _ = draining.wait_for(|draining| *draining).await;
    reaper.abort();
}

fn pool_limits(timeouts: &Timeouts, shared: &Shared) -> origin::Limits {
    origin::Limits {
        connect: timeouts.origin_connect,
        response: timeouts.origin_response,
        stall: timeouts.origin_stall,
        idle: timeouts.origin_idle,
        max_idle: shared.max_idle_origin_connections,
        max_requests: shared.max_origin_requests,
    }
}

/// Closes idle connections to origins, and applies the bounds of a new snapshot to the others.
async fn reap(worker: Rc<Worker>) {
    loop {
        sleep(REAP).await;
        let timeouts = worker.shared.snapshot.load().timeouts.clone();
        worker.context.pool.set_limits(pool_limits(&timeouts, &worker.shared));
        worker.context.pool.reap();
    }
}

async fn accept_loop(listener: TcpListener, worker: Rc<Worker>) {
    let mut draining = worker.shared.draining.clone();
    let mut backoff = Backoff::default();
    loop {
        // One connection waits for its permit here, the others in the kernel's queue. The other way around, idle
        // workers would keep permits that busy ones wait for.
        let accepted = tokio::select! {
            biased;
            _ = draining.wait_for(|draining| *draining) => return,
            accepted = async {
                let accepted = listener.accept().await;
                (worker.permit().await, accepted)
            } => accepted,
        };
        match accepted {
            (Some(permit), Ok((stream, source))) => {
                backoff = Backoff::default();
                let source = SocketAddr::new(source.ip().to_canonical(), source.port());
                spawn_local(connection(Rc::clone(&worker), stream, source, permit));
            }
            (_, Err(error)) => {
                worker.shared.metrics.accept_errors.inc();
                tracing::warn!(%error, "cannot accept a connection");
                backoff.wait().await;
            }
            (None, Ok(_)) => return,
        }
    }
}

/// From 5 ms doubling to 1 s: an accept error such as EMFILE does not go away by asking again at once.
struct Backoff(Duration);

impl Default for Backoff {
    fn default() -> Self {
        Self(Duration::from_millis(5))
    }
}

impl Backoff {
    async fn wait(&mut self) {
        sleep(self.0).await;
        self.0 = (self.0 * 2).min(Duration::from_secs(1));
    }
}

impl Worker {
    async fn permit(&self) -> Option<OwnedSemaphorePermit> {
        let permits = Arc::clone(&self.shared.permits);
        match Arc::clone(&permits).try_acquire_owned() {
            Ok(permit) => Some(permit),
            Err(TryAcquireError::Closed) => None,
            Err(TryAcquireError::NoPermits) => {
                self.shared.metrics.connections_limited.inc();
                permits.acquire_owned().await.ok()
            }
        }
    }
}

/// One connection, from accept to close. It holds its permit until then.
async fn connection(
    worker: Rc<Worker>,
    stream: TcpStream,
    source: SocketAddr,
    _permit: OwnedSemaphorePermit,
) {
    let _open = Open::new(&worker.shared.metrics);
    // Without it a small response waits for the ACK of the one before.
    let _ = stream.set_nodelay(true);
    if let Some((accepted, as_of)) = handshake(&worker.shared, stream, source).await {
        let draining = worker.shared.draining.clone();
        http::serve(Rc::clone(&worker.context), accepted, source, as_of, draining).await;
    }
}

/// The handshake within its limits and its time, counted and logged. Also says what it was begun under.
async fn handshake(shared: &Shared, stream: TcpStream, source: SocketAddr) -> Option<(Accepted, AsOf)> {
    let begun = Instant::now();
    let snapshot = shared.snapshot.load_full();
    let as_of = AsOf::now(&snapshot, &shared.verdicts);
    if !shared.limiter.admit_syn(&snapshot.xdp.limit.syn_per_source, source) {
        shared.metrics.limited.with_label_values(&["syn_per_source"]).inc();
        return None;
    }
    let admit = |host: &Host| admit(shared, &snapshot, host, source);
    let handshake = tls::accept(stream, &snapshot, &shared.verdicts, admit);
    let result = timeout(snapshot.timeouts.handshake, handshake).await;
    match result.unwrap_or(Err(HandshakeError::Timeout)) {
        Ok(accepted) => {
            welcome(shared, &accepted, begun);
            shared.limiter.reputation.completed(source, &accepted.device);
            Some((accepted, as_of))
        }
        Err(error) => {
            report(shared, &error, source);
            shared.limiter.reputation.failed(&snapshot.xdp.ban, source, &error);
            None
        }
    }
}

/// Whether a hello for `host` may go on to the handshake.
fn admit(shared: &Shared, snapshot: &Snapshot, host: &Host, source: SocketAddr) -> Result<(), &'static str> {
    let limits = &snapshot.xdp.limit;
    let limit = if !shared.limiter.admit_hello(&limits.hello_per_source, source) {
        "hello_per_source"
    } else if !shared.limiter.admit_host(&limits.hello_per_host, &host.pattern) {
        "hello_per_host"
    } else {
        return Ok(());
    };
    shared.metrics.limited.with_label_values(&[limit]).inc();
    Err(limit)
}

/// Counts a connection as open for as long as this lives.
struct Open(prometheus::IntGauge);

impl Open {
    fn new(metrics: &Metrics) -> Self {
        metrics.connections.inc();
        Self(metrics.connections.clone())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.dec();
    }
}

fn welcome(shared: &Shared, accepted: &Accepted, begun: Instant) {
    let host = &*accepted.host.label;
    let reason = match (&accepted.device, accepted.cached) {
        (Device::Verified(_), true) => "verified_cached",
        (device, _) => device.label(),
    };
    shared.metrics.handshakes.with_label_values(&[host, "ok", reason]).inc();
    shared.metrics.handshake_seconds.with_label_values(&[host]).observe(begun.elapsed().as_secs_f64());
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
    let time = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |time| time.as_secs_f64());
    let mut peer = http::peer(source, device);
    if let Device::Verified(_) = device {
        // The certificate is good, and who sent it has not shown to be its device.
        peer.certificate = "unproven";
    }
    shared.access_log.write(&Line::Handshake { time, host, reason, detail: Some(&detail), peer });
}

#[cfg(test)]
mod tests;
