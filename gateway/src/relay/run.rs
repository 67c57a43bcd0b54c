//! Bytes that are under way: until their end, a bound in time, or a change that takes the permit away.

use std::future::poll_fn;
use std::pin::pin;
use std::task::{self, Poll};

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::account::Account;
use super::clock::{Clock, Due};
use super::end::End;
use crate::connection::Connection;

/// What may end a stream from outside.
pub struct Watched<'a> {
    /// Whose bytes they are.
    pub connection: &'a Connection,
    /// Tells that something may have changed for it.
    pub changes: watch::Receiver<u64>,
    /// Its bounds in time.
    pub clock: Clock,
}

/// Moves bytes until there is a reason to stop.
///
/// `moving` moves what can be moved, and says how many bytes have come from the device and from the origin by now. `lost`
/// says why the stream may not go on, after something changed.
pub async fn run(
    account: &mut Account<'_>,
    watched: Watched<'_>,
    mut moving: impl FnMut(&mut task::Context<'_>) -> (Poll<End>, [u64; 2]),
    lost: impl Fn() -> Option<&'static str>,
) {
    let Watched { connection, mut changes, mut clock } = watched;
    let mut timer = pin!(sleep_until(wake(connection, &clock)));
    account.end = loop {
        let moving = poll_fn(|cx| {
            let (end, [received, sent]) = moving(cx);
            if account.moved(received, sent) {
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
        if let Some(reason) = lost() {
            return account.lose(reason);
        }
        timer.as_mut().reset(wake(connection, &clock));
    };
}

/// When to look again although nothing happens: a bound in time, or the end of the device's certificate.
fn wake(connection: &Connection, clock: &Clock) -> Instant {
    let expiry = connection.expires_in().and_then(|left| Instant::now().checked_add(left));
    expiry.map_or(clock.next(), |expiry| expiry.min(clock.next()))
}
