//! A stream that is under way: until its end, a bound in time, or a change that takes its permit away.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{self, Poll};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::clock::{Clock, Due};
use super::end::End;
use super::mqtt::{Guarded, Offence};
use super::open::Open;
use super::paced::Paced;
use super::relay::{Broken, Way};
use super::serve::Context;
use crate::connection::{Connection, terminated};
use crate::limit::Direction;
use crate::origin::Opened;

/// Both ways of a stream, and who looks at them.
struct Ways {
    up: Way,
    down: Way,
    guard: Option<Guarded>,
}

/// Moves bytes until there is a reason to stop.
pub(super) async fn run(
    context: &Context,
    connection: &Connection,
    device: &mut (impl AsyncRead + AsyncWrite + Unpin),
    open: Open<'_>,
    mut changes: watch::Receiver<u64>,
) {
    let Open { mut account, origin, first, guard, seat } = open;
    let pace = |direction| seat.as_ref().and_then(|seat| seat.pace(direction));
    let mut device = Paced::new(device, pace(Direction::Received));
    let Opened { stream, counted: _counted, .. } = origin;
    let mut origin = Paced::new(stream, pace(Direction::Sent));
    let mut clock = clock(context);
    let mut ways = Ways { up: Way::after(first), down: Way::default(), guard };
    let mut timer = pin!(sleep_until(wake(connection, &clock)));
    account.end = loop {
        let moving = poll_fn(|cx| {
            let end = ways.poll(cx, &mut device, &mut origin);
            if account.moved(ways.up.bytes, ways.down.bytes) {
                clock.moved();
            }
            end
        });
        tokio::select! {
            end = moving => break end,
            // The sender lives as long as the process: an error means the same as the news.
            _ = changes.changed() => {}
            () = timer.as_mut() => match clock.due() {
                Some(Due::Idle) => break End::IdleTimeout,
                Some(Due::Total) => break End::TotalTimeout,
                None => {}
            }
        }
        if let Some(reason) = lost(context, connection, ways.guard.as_ref()) {
            terminated(&context.metrics, account.host(), connection.source, reason);
            break End::Lost(reason);
        }
        timer.as_mut().reset(wake(connection, &clock));
    };
    if let End::Refused(refusal) = account.end {
        context.metrics.mqtt_refusals.with_label_values(&[account.host(), refusal.label()]).inc();
        if let Some(packet) = ways.goodbye(refusal) {
            send(&mut device, &packet).await;
        }
    }
}

/// The bounds of a stream that begins now. It keeps nothing of the snapshot.
fn clock(context: &Context) -> Clock {
    let snapshot = context.snapshot.load();
    Clock::new(snapshot.timeouts.stream_idle, snapshot.timeouts.stream_total)
}

/// Why a stream may not go on, after something changed. What its guard asked at its beginning has to be what is asked now.
fn lost(context: &Context, connection: &Connection, guard: Option<&Guarded>) -> Option<&'static str> {
    connection.lost(context.in_force()).or_else(|| {
        let state = connection.state(context.in_force())?;
        let same = state.host.mqtt.as_deref() == guard.map(Guarded::settings);
        (!same).then_some("mqtt_changed")
    })
}

/// When to look again although nothing happens: a bound in time, or the end of the device's certificate.
fn wake(connection: &Connection, clock: &Clock) -> Instant {
    let expiry = connection.expires_in().and_then(|left| Instant::now().checked_add(left));
    expiry.map_or(clock.next(), |expiry| expiry.min(clock.next()))
}

/// Sends a few octets, as far as that is possible without waiting.
async fn send(device: &mut (impl AsyncWrite + Unpin), packet: &[u8]) {
    poll_fn(|cx| {
        let _ = Pin::new(&mut *device).poll_write(cx, packet);
        Poll::Ready(())
    })
    .await;
}

impl Ways {
    /// Moves bytes both ways. Ready once both sides are at their end, or when one is gone or refused.
    fn poll(
        &mut self,
        cx: &mut task::Context<'_>,
        device: &mut (impl AsyncRead + AsyncWrite + Unpin),
        origin: &mut (impl AsyncRead + AsyncWrite + Unpin),
    ) -> Poll<End> {
        let Self { up, down, guard } = self;
        let from_device = |piece: &[u8]| guard.as_mut().map_or(Ok(()), |guard| guard.follow_up(piece));
        let up = match up.poll(cx, device, origin, from_device) {
            Poll::Ready(Err(broken)) => return Poll::Ready(end(broken, End::DeviceLost, End::OriginLost)),
            Poll::Ready(Ok(())) => true,
            Poll::Pending => false,
        };
        let from_origin = |piece: &[u8]| {
            if let Some(guard) = guard.as_mut() {
                guard.follow_down(piece);
            }
            Ok(())
        };
        match down.poll(cx, origin, device, from_origin) {
            Poll::Ready(Err(broken)) => Poll::Ready(end(broken, End::OriginLost, End::DeviceLost)),
            Poll::Ready(Ok(())) if up => Poll::Ready(End::Closed),
            Poll::Ready(Ok(())) | Poll::Pending => Poll::Pending,
        }
    }

    /// What tells the device why it is refused, where it is between two packets.
    fn goodbye(&self, refusal: super::Refusal) -> Option<Vec<u8>> {
        self.guard.as_ref().filter(|_| !self.down.has_left())?.goodbye(refusal)
    }
}

/// The end that a way comes to when it breaks off.
fn end(broken: Broken<Offence>, reading: End, writing: End) -> End {
    let (end, error) = match broken {
        Broken::Read(error) => (reading, error),
        Broken::Write(error) => (writing, error),
        Broken::Refused(offence) => return End::Refused(offence.into()),
    };
    tracing::debug!(end = end.label(), %error, "stream broke off");
    end
}
