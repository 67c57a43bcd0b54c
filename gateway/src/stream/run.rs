//! A stream that is under way, and the guard that looks at its bytes.

use std::cell::RefCell;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{self, Poll};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;

use super::mqtt::{Guarded, Refusal};
use super::open::Open;
use super::serve::Context;
use crate::config::Mqtt;
use crate::connection::Connection;
use crate::limit::Direction;
use crate::origin::Opened;
use crate::relay::{self, Clock, End, Paced, Watched, Ways};

/// Both ways of a stream, and who looks at them.
struct Flow {
    ways: Ways,
    guard: Option<Guarded>,
    /// Why the guard refused what the device sent.
    refusal: Option<Refusal>,
}

/// Moves bytes until there is a reason to stop.
pub(super) async fn run(
    context: &Context,
    connection: &Connection,
    device: &mut (impl AsyncRead + AsyncWrite + Unpin),
    open: Open<'_>,
    changes: watch::Receiver<u64>,
) {
    let Open { mut account, origin, first, guard, seat } = open;
    let settings = guard.as_ref().map(Guarded::settings);
    let mut flow = Flow { ways: Ways::after(first), guard, refusal: None };
    let watched = Watched { connection, changes, clock: Clock::start(context.in_force()) };
    let pace = |direction| seat.as_ref().and_then(|seat| seat.pace(direction));
    let Opened { stream, counted: _counted, .. } = origin;
    let mut device = Paced::new(device, pace(Direction::Received));
    let mut origin = Paced::new(stream, pace(Direction::Sent));
    let moving = |cx: &mut task::Context<'_>| {
        let end = flow.poll(cx, &mut device, &mut origin);
        (end, flow.ways.bytes())
    };
    let lost = || lost(context, connection, settings.as_deref());
    relay::run(&mut account, watched, moving, lost).await;
    if let Some(refusal) = flow.refusal {
        context.metrics.mqtt_refusals.with_label_values(&[account.host(), refusal.label()]).inc();
        if let Some(packet) = flow.goodbye(refusal) {
            send(&mut device, &packet).await;
        }
    }
}

/// Why a stream may not go on, after something changed. What its guard asked at its beginning has to be what is asked now.
fn lost(context: &Context, connection: &Connection, guard: Option<&Mqtt>) -> Option<&'static str> {
    connection.lost(context.in_force()).or_else(|| {
        let state = connection.state(context.in_force())?;
        let same = state.host.mqtt.as_deref() == guard;
        (!same).then_some("mqtt_changed")
    })
}

/// Sends a few octets, as far as that is possible without waiting.
async fn send(device: &mut (impl AsyncWrite + Unpin), packet: &[u8]) {
    poll_fn(|cx| {
        let _ = Pin::new(&mut *device).poll_write(cx, packet);
        Poll::Ready(())
    })
    .await;
}

impl Flow {
    /// Moves bytes both ways, under the eyes of the guard.
    fn poll(
        &mut self,
        cx: &mut task::Context<'_>,
        device: &mut (impl AsyncRead + AsyncWrite + Unpin),
        origin: &mut (impl AsyncRead + AsyncWrite + Unpin),
    ) -> Poll<End> {
        let Self { ways, guard, refusal } = self;
        let Some(guard) = guard else { return ways.poll(cx, device, origin, |_| Ok(()), |_| ()) };
        let guard = RefCell::new(guard);
        let from_device = |piece: &[u8]| {
            let followed = guard.borrow_mut().follow_up(piece);
            followed.map_err(|offence| refusal.insert(offence.into()).label())
        };
        ways.poll(cx, device, origin, from_device, |piece| guard.borrow_mut().follow_down(piece))
    }

    /// What tells the device why it is refused, where it is between two packets.
    fn goodbye(&self, refusal: Refusal) -> Option<Vec<u8>> {
        self.guard.as_ref().filter(|_| !self.ways.has_left_for_device())?.goodbye(refusal)
    }
}
