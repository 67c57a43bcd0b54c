//! A worker: one thread, one runtime, its own sockets, its own connections from accept to close.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use arc_swap::ArcSwap;
use ipnet::IpNet;
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError, watch};
use tokio::task::{LocalSet, spawn_local};
use tokio::time::sleep;

use super::accept::accept;
use super::arrive::{Arrival, Come, Handed, arrive, go_on};
use super::give_back::give_back;
use super::limiter::Limiter;
use super::listeners::Feed;
use super::seats::{self, Mailbox, Seats};
use crate::access::token::Tokens;
use crate::config::{Protocol, Timeouts};
use crate::connection::{Phase, Turns};
use crate::device::verdicts::Verdicts;
use crate::http::{self, Context};
use crate::limit::Devices;
use crate::origin::{self, Dialer, Pool, Streams};
use crate::snapshot::Snapshot;
use crate::stream;
use crate::telemetry::{AccessLog, Counted, Metrics};
use crate::tls::Arrived;

/// How often idle connections to origins are looked through, and memory is given back.
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
    /// What each device does.
    pub devices: Arc<Devices>,
    /// Where workers are, where each has its own CPU.
    pub seats: Option<Arc<Seats>>,
    /// Limits, where XDP does not enforce them.
    pub limiter: Arc<Limiter>,
    /// How far the gateway's end has come.
    pub phase: watch::Receiver<Phase>,
    /// Idle connections that each worker keeps to each origin.
    pub max_idle_origin_connections: usize,
    /// Requests that each worker has under way to each origin.
    pub max_origin_requests: usize,
    /// Bytes of a request's head at most.
    pub max_request_header: usize,
    /// Bytes of a request's body at most; 0 is any number.
    pub max_request_body: u64,
    /// Requests at the same time on an HTTP/2 connection.
    pub max_streams: u32,
}

pub(super) struct Worker {
    index: usize,
    pub(super) shared: Shared,
    context: Rc<Context>,
    streams: Rc<stream::Context>,
}

/// Starts a worker, which accepts on what comes through its feed, and serves what others hand to it. It ends when the feed and
/// `phase` say so and its last connection is closed; where others may still hand something over, with the process.
///
/// # Errors
/// When the thread or its runtime cannot be started.
pub fn spawn(
    index: usize,
    feed: Feed,
    mailbox: Option<Mailbox>,
    shared: Shared,
) -> io::Result<JoinHandle<()>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    Builder::new().name(format!("worker-{index}")).spawn(move || {
        if let Some(cpu) = shared.seats.as_deref().and_then(|seats| seats.cpu(index))
            && let Err(error) = seats::pin(cpu)
        {
            tracing::error!(worker = index, cpu, %error, "a worker cannot be pinned to its CPU");
        }
        let local = LocalSet::new();
        local.block_on(&runtime, run(index, feed, mailbox, shared));
        // Connections that are still open finish here; the process ends with the drain deadline at the latest.
        runtime.block_on(local);
    })
}

async fn run(index: usize, feed: Feed, mailbox: Option<Mailbox>, shared: Shared) {
    let snapshot = shared.snapshot.load();
    let (dialer, turns) = (Dialer::default(), Turns::default());
    let context = Context {
        snapshot: Arc::clone(&shared.snapshot),
        verdicts: Arc::clone(&shared.verdicts),
        metrics: shared.metrics.clone(),
        access_log: shared.access_log.clone(),
        pool: Pool::new(dialer.clone(), shared.metrics.clone(), pool_limits(&snapshot.timeouts, &shared)),
        max_header: shared.max_request_header,
        max_body: shared.max_request_body,
        max_streams: shared.max_streams,
        tokens: Arc::clone(&shared.tokens),
        devices: Arc::clone(&shared.devices),
        turns: turns.clone(),
    };
    let streams = stream::Context {
        snapshot: Arc::clone(&shared.snapshot),
        verdicts: Arc::clone(&shared.verdicts),
        metrics: shared.metrics.clone(),
        access_log: shared.access_log.clone(),
        origins: Streams::new(dialer, shared.metrics.clone()),
        devices: Arc::clone(&shared.devices),
        turns,
    };
    let mut phase = shared.phase.clone();
    let worker = Rc::new(Worker { index, shared, context: Rc::new(context), streams: Rc::new(streams) });
    spawn_local(accept_all(feed, Rc::clone(&worker)));
    if let Some(mailbox) = mailbox {
        spawn_local(take_over(mailbox, Rc::clone(&worker)));
    }
    let reaper = spawn_local(reap(Rc::clone(&worker)));
    // The sender lives as long as the process: an error means the same as the end.
    let _ = phase.wait_for(|phase| *phase > Phase::Serving).await;
    reaper.abort();
}

/// Accepts on every socket that comes, until there will be no more.
async fn accept_all(mut feed: Feed, worker: Rc<Worker>) {
    while let Some(assigned) = feed.0.recv().await {
        spawn_local(accept(assigned, Rc::clone(&worker)));
    }
}

/// Serves what other workers have accepted.
async fn take_over(mut mailbox: Mailbox, worker: Rc<Worker>) {
    while let Some(Handed { greeting, permit }) = mailbox.0.recv().await {
        let worker = Rc::clone(&worker);
        spawn_local(async move {
            let _held = permit;
            let _open = Counted::new(&worker.shared.metrics.connections);
            let arriving = Box::pin(go_on(&worker.shared, worker.index, *greeting));
            let arrival = worker.context.turns.pace(arriving).await;
            serve(worker, arrival).await;
        });
    }
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
        give_back();
    }
}

impl Worker {
    pub(super) async fn permit(&self) -> Option<OwnedSemaphorePermit> {
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
pub(super) async fn connection(
    worker: Rc<Worker>,
    stream: TcpStream,
    peer: SocketAddr,
    proxies: Option<Arc<[IpNet]>>,
    permit: OwnedSemaphorePermit,
) {
    let open = Counted::new(&worker.shared.metrics.connections);
    // Without it a small response waits for the ACK of the one before.
    let _ = stream.set_nodelay(true);
    // Each phase in a box of its own: a connection that idles for hours keeps no room for its handshake, nor a stream
    // for what HTTP would need.
    let arriving = Box::pin(arrive(&worker.shared, worker.index, stream, peer, proxies));
    let arrival = match worker.context.turns.pace(arriving).await {
        Some(Come::Here(arrival)) => Some(arrival),
        Some(Come::Elsewhere(seat, greeting)) => {
            if let Some(seats) = &worker.shared.seats {
                // A worker is gone only when the process is.
                let _ = seats.hand(seat, Handed { greeting, permit });
            }
            return;
        }
        None => None,
    };
    serve(worker, arrival).await;
    drop((open, permit));
}

/// A connection from the end of its handshake on.
async fn serve(worker: Rc<Worker>, arrival: Option<Arrival>) {
    let Some(Arrival { arrived, ends, standing, as_of }) = arrival else { return };
    let streams = Rc::clone(&worker.streams);
    match arrived {
        Arrived::Through(through) => {
            Box::pin(stream::serve_through(streams, through, (ends, standing), as_of)).await;
        }
        Arrived::Accepted(accepted) if accepted.host.protocol == Protocol::Tls => {
            Box::pin(stream::serve(streams, accepted, (ends, standing), as_of)).await;
        }
        Arrived::Accepted(accepted) => {
            let phase = worker.shared.phase.clone();
            let context = Rc::clone(&worker.context);
            Box::pin(http::serve(context, accepted, (ends.source, standing), as_of, phase)).await;
        }
    }
}

#[cfg(test)]
mod tests;
