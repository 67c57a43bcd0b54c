//! Serving one stream: the decision, the origin, and then whatever comes first: its end, a bound in time, or a change that
//! takes the permit away.

use std::convert::Infallible;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{self, Poll};

use arc_swap::ArcSwap;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::account::{Account, log_denial};
use super::clock::{Clock, Due};
use super::end::End;
use super::relay::{Broken, Way};
use crate::connection::{AsOf, Connection, InForce, State, terminated};
use crate::device::verdicts::Verdicts;
use crate::origin::Dialer;
use crate::snapshot::Snapshot;
use crate::telemetry::{AccessLog, Metrics};
use crate::tls::Accepted;

/// What all streams of a worker share.
pub struct Context {
    /// The snapshot in force.
    pub snapshot: Arc<ArcSwap<Snapshot>>,
    /// Verdicts.
    pub verdicts: Arc<Verdicts>,
    /// Metrics.
    pub metrics: Metrics,
    /// The access log.
    pub access_log: AccessLog,
    /// Connects to origins.
    pub dialer: Dialer,
}

impl Context {
    fn in_force(&self) -> InForce<'_> {
        InForce { snapshot: &self.snapshot, verdicts: &self.verdicts }
    }
}

/// Serves a stream until it ends. A drain leaves it alone until its deadline: nobody can tell when a stream is done.
pub async fn serve(context: Rc<Context>, accepted: Accepted, source: SocketAddr, as_of: AsOf) {
    let connection = Connection::new(&accepted, source, as_of);
    let label = Arc::clone(&accepted.host.label);
    let mut device = accepted.stream;
    // From here on changes are heard of; what came during the handshake is looked for at once.
    let changes = context.verdicts.subscribe();
    if let Some(reason) = connection.lost(context.in_force()) {
        terminated(&context.metrics, &label, source, reason);
    } else if let Some(state) = connection.state(context.in_force()) {
        pass(&context, &connection, &state, &mut device, changes).await;
    }
    close(&mut device).await;
}

/// Says goodbye, as far as that is possible without waiting.
async fn close(device: &mut (impl AsyncWrite + Unpin)) {
    poll_fn(|cx| {
        let _ = Pin::new(&mut *device).poll_shutdown(cx);
        Poll::Ready(())
    })
    .await;
}

async fn pass(
    context: &Context,
    connection: &Connection,
    state: &State,
    device: &mut (impl AsyncRead + AsyncWrite + Unpin),
    changes: watch::Receiver<u64>,
) {
    let permit = match state.authorize(&context.metrics) {
        Ok(permit) => permit,
        Err(denial) => return log_denial(context, connection, state, denial),
    };
    connection.permit();
    let mut account = Account::open(context, connection, state, permit);
    let host = &state.host;
    let connect = context.snapshot.load().timeouts.origin_connect;
    let mut origin = match Box::pin(context.dialer.dial(&host.origin, connect)).await {
        Ok(origin) => origin,
        Err(error) => {
            context.metrics.origin_errors.with_label_values(&[&*host.label, error.label()]).inc();
            tracing::warn!(host = &*host.label, ray_id = account.ray_id(), %error, "origin failed");
            account.end = End::NoOrigin(error.label());
            return;
        }
    };
    let mut relay = Relay { context, connection, account: &mut account, changes };
    let end = relay.run(device, &mut origin).await;
    account.end = end;
}

/// A stream that is under way.
struct Relay<'a, 'b> {
    context: &'a Context,
    connection: &'a Connection,
    account: &'b mut Account<'a>,
    changes: watch::Receiver<u64>,
}

impl Relay<'_, '_> {
    /// Moves bytes until there is a reason to stop, and says which.
    async fn run(
        &mut self,
        device: &mut (impl AsyncRead + AsyncWrite + Unpin),
        origin: &mut (impl AsyncRead + AsyncWrite + Unpin),
    ) -> End {
        let timeouts = &self.context.snapshot.load().timeouts;
        let mut clock = Clock::new(timeouts.stream_idle, timeouts.stream_total);
        let (mut up, mut down) = (Way::default(), Way::default());
        let mut timer = pin!(sleep_until(wake(self.connection, &clock)));
        let (context, connection) = (self.context, self.connection);
        let account = &mut *self.account;
        loop {
            let moving = poll_fn(|cx| {
                let end = poll_both(cx, device, origin, &mut up, &mut down);
                if account.moved(up.bytes, down.bytes) {
                    clock.moved();
                }
                end
            });
            tokio::select! {
                end = moving => return end,
                // The sender lives as long as the process: an error means the same as the news.
                _ = self.changes.changed() => {}
                () = timer.as_mut() => match clock.due() {
                    Some(Due::Idle) => return End::IdleTimeout,
                    Some(Due::Total) => return End::TotalTimeout,
                    None => {}
                }
            }
            if let Some(reason) = connection.lost(context.in_force()) {
                terminated(&context.metrics, account.host(), connection.source, reason);
                return End::Lost(reason);
            }
            timer.as_mut().reset(wake(connection, &clock));
        }
    }
}

/// When to look again although nothing happens: a bound in time, or the end of the device's certificate.
fn wake(connection: &Connection, clock: &Clock) -> Instant {
    let expiry = connection.expires_in().and_then(|left| Instant::now().checked_add(left));
    expiry.map_or(clock.next(), |expiry| expiry.min(clock.next()))
}

/// Moves bytes both ways. Ready once both sides are at their end, or when one is gone.
fn poll_both(
    cx: &mut task::Context<'_>,
    device: &mut (impl AsyncRead + AsyncWrite + Unpin),
    origin: &mut (impl AsyncRead + AsyncWrite + Unpin),
    up: &mut Way,
    down: &mut Way,
) -> Poll<End> {
    let broken = |broken: Broken<Infallible>, reading: End, writing: End| {
        let (end, error) = match broken {
            Broken::Read(error) => (reading, error),
            Broken::Write(error) => (writing, error),
            Broken::Refused(never) => match never {},
        };
        tracing::debug!(end = end.label(), %error, "stream broke off");
        end
    };
    let up = match up.poll(cx, device, origin, |_| Ok(())) {
        Poll::Ready(Err(error)) => return Poll::Ready(broken(error, End::DeviceLost, End::OriginLost)),
        Poll::Ready(Ok(())) => true,
        Poll::Pending => false,
    };
    match down.poll(cx, origin, device, |_| Ok(())) {
        Poll::Ready(Err(error)) => Poll::Ready(broken(error, End::OriginLost, End::DeviceLost)),
        Poll::Ready(Ok(())) if up => Poll::Ready(End::Closed),
        Poll::Ready(Ok(())) | Poll::Pending => Poll::Pending,
    }
}
