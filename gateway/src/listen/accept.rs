//! Accepting: until a listener ends, and then whoever still waits in it.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::{spawn_local, yield_now};
use tokio::time::{Instant, sleep, timeout_at};

use super::Ending;
use super::last_call::LAST_CALL;
use super::listeners::{Assigned, Listener};
use super::worker::{Worker, connection};

/// Connections that are accepted between two looks at everything else.
const AT_A_TIME: usize = 16;

/// Accepts on one socket until its listener has ended.
pub(super) async fn accept(assigned: Assigned, worker: Rc<Worker>) {
    let Assigned { socket, listener, mut ending, accepting } = assigned;
    let socket = match TcpListener::from_std(socket) {
        Ok(socket) => socket,
        Err(error) => {
            tracing::error!(%error, "cannot listen");
            return;
        }
    };
    let (mut backoff, mut count) = (Backoff::default(), 0_usize);
    let end = loop {
        let accepted = tokio::select! {
            biased;
            // The listener has the sender.
            end = ending.wait_for(Option::is_some) => break end.ok().and_then(|end| *end),
            accepted = socket.accept() => accepted,
        };
        take(accepted, &listener, &worker, &mut backoff).await;
        // When thousands come at once, others have something to do as well.
        count += 1;
        if count.is_multiple_of(AT_A_TIME) {
            yield_now().await;
        }
    };
    if end == Some(Ending::LastCall) {
        last_call(&socket, &listener, &worker).await;
    }
    drop(accepting);
}

/// Accepts whoever was answered before: nobody new comes, so that this ends.
async fn last_call(socket: &TcpListener, listener: &Listener, worker: &Rc<Worker>) {
    let deadline = Instant::now() + LAST_CALL;
    let mut backoff = Backoff::default();
    // Who waits already is accepted also when the time is over.
    while let Ok(accepted) = timeout_at(deadline, socket.accept()).await {
        let failed = accepted.is_err();
        take(accepted, listener, worker, &mut backoff).await;
        if failed && Instant::now() > deadline {
            return;
        }
    }
}

/// One connection waits for its permit here, the others in the kernel's queue. The other way around, idle workers would keep
/// permits that busy ones wait for. It was accepted, and is served, whatever becomes of the listener.
async fn take(
    accepted: io::Result<(TcpStream, SocketAddr)>,
    listener: &Listener,
    worker: &Rc<Worker>,
    backoff: &mut Backoff,
) {
    match accepted {
        Ok((stream, source)) => {
            *backoff = Backoff::default();
            let Some(permit) = worker.permit().await else { return };
            let source = SocketAddr::new(source.ip().to_canonical(), source.port());
            spawn_local(connection(Rc::clone(worker), stream, source, listener.proxies(), permit));
        }
        Err(error) => {
            worker.shared.metrics.accept_errors.inc();
            tracing::warn!(%error, "cannot accept a connection");
            backoff.wait().await;
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
