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
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use tokio_rustls::server::TlsStream;

use super::account::{Account, log_denial};
use super::clock::{Clock, Due};
use super::end::End;
use super::proxy_header;
use super::relay::{Broken, Way};
use crate::config::ProxyProtocol;
use crate::connection::{AsOf, Connection, InForce, State, terminated};
use crate::device::verdicts::Verdicts;
use crate::origin::{self, Dialer};
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

/// Where a connection comes from, and where it went, as far as a balancer in front says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ends {
    /// The device's address.
    pub source: SocketAddr,
    /// The address that it connected to, where that is not our own.
    pub destination: Option<SocketAddr>,
}

/// Serves a stream until it ends. A drain leaves it alone until its deadline: nobody can tell when a stream is done.
pub async fn serve(context: Rc<Context>, accepted: Accepted, ends: Ends, as_of: AsOf) {
    let connection = Connection::new(&accepted, ends.source, as_of);
    let label = Arc::clone(&accepted.host.label);
    let mut device = accepted.stream;
    // From here on changes are heard of; what came during the handshake is looked for at once.
    let changes = context.verdicts.subscribe();
    if let Some(reason) = connection.lost(context.in_force()) {
        terminated(&context.metrics, &label, ends.source, reason);
    } else if let Some(state) = connection.state(context.in_force()) {
        let introduction = introduction(&connection, &state, ends, &device);
        let stream = Stream { context: &context, connection: &connection, state: &state };
        stream.pass(&mut device, introduction, changes).await;
    }
    close(&mut device).await;
}

/// Who is there, where the origin wants to know.
fn introduction<'a>(
    connection: &'a Connection,
    state: &'a State,
    ends: Ends,
    device: &TlsStream<TcpStream>,
) -> Option<proxy_header::Facts<'a>> {
    if state.host.proxy_protocol == ProxyProtocol::Off {
        return None;
    }
    let (tcp, tls) = device.get_ref();
    Some(proxy_header::Facts {
        source: ends.source,
        // Without it, it is where the device is that counts.
        destination: ends.destination.or(tcp.local_addr().ok()).unwrap_or(ends.source),
        name: connection.name.as_str(),
        tls: Some(proxy_header::Tls::of(tls, &state.host.certificate_facts, &state.device)),
    })
}

/// Says goodbye, as far as that is possible without waiting.
async fn close(device: &mut (impl AsyncWrite + Unpin)) {
    poll_fn(|cx| {
        let _ = Pin::new(&mut *device).poll_shutdown(cx);
        Poll::Ready(())
    })
    .await;
}

/// A stream that is to be decided about.
struct Stream<'a> {
    context: &'a Context,
    connection: &'a Connection,
    state: &'a State,
}

impl Stream<'_> {
    async fn pass(
        &self,
        device: &mut (impl AsyncRead + AsyncWrite + Unpin),
        introduction: Option<proxy_header::Facts<'_>>,
        changes: watch::Receiver<u64>,
    ) {
        let Self { context, connection, state } = *self;
        let permit = match state.authorize(&context.metrics) {
            Ok(permit) => permit,
            Err(denial) => return log_denial(context, connection, state, denial),
        };
        connection.permit();
        let mut account = Account::open(context, connection, state, permit);
        let first = introduction.map(|facts| facts.encode(account.ray_id())).unwrap_or_default();
        let mut origin = match Box::pin(self.dial(account.ray_id())).await {
            Ok(origin) => origin,
            Err(reason) => {
                account.end = End::NoOrigin(reason);
                return;
            }
        };
        let mut relay = Relay { context, connection, account: &mut account, changes };
        let end = relay.run(device, &mut origin, first).await;
        account.end = end;
    }

    /// The connection to the origin, or why there is none.
    async fn dial(&self, ray_id: &str) -> Result<origin::Stream, &'static str> {
        let (context, host) = (self.context, &self.state.host);
        let limit = context.snapshot.load().timeouts.origin_connect;
        context.dialer.dial(&host.origin, limit).await.map_err(|error| {
            context.metrics.origin_errors.with_label_values(&[&*host.label, error.label()]).inc();
            tracing::warn!(host = &*host.label, ray_id, %error, "origin failed");
            error.label()
        })
    }
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
        origin: &mut origin::Stream,
        first: Vec<u8>,
    ) -> End {
        let mut clock = clock(self.context);
        let (mut up, mut down) = (Way::after(first), Way::default());
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

/// The bounds of a stream that begins now. It keeps nothing of the snapshot.
fn clock(context: &Context) -> Clock {
    let snapshot = context.snapshot.load();
    Clock::new(snapshot.timeouts.stream_idle, snapshot.timeouts.stream_total)
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
