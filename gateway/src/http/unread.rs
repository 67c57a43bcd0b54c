//! Responses that their device does not read.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use tokio::time::sleep;

/// The responses of a connection that are under way, and whose turn it is.
#[derive(Default)]
pub(super) struct Responses {
    turns: RefCell<Vec<Turn>>,
    /// How many are the device's.
    handed: Cell<usize>,
}

/// Where a response is.
#[derive(Clone, Copy)]
pub(super) struct Place(usize);

/// Whose turn it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Turn {
    /// There is no response in this place.
    Nobody,
    /// The device waits.
    Ours,
    /// There is something for the device to read.
    Devices,
    /// There was already when somebody looked last.
    DevicesStill,
}

impl Turn {
    const fn is_devices(self) -> bool {
        matches!(self, Self::Devices | Self::DevicesStill)
    }
}

impl Responses {
    /// A place for a response.
    pub(super) fn begin(&self) -> Place {
        let mut turns = self.turns.borrow_mut();
        let free = turns.iter().position(|turn| *turn == Turn::Nobody);
        let place = free.unwrap_or_else(|| {
            turns.push(Turn::Nobody);
            turns.len() - 1
        });
        drop(turns);
        self.set(place, Turn::Ours);
        Place(place)
    }

    /// It is the device's turn, from now on.
    pub(super) fn handed(&self, Place(place): Place) {
        self.set(place, Turn::Devices);
    }

    /// The device has taken what was there.
    pub(super) fn asked(&self, Place(place): Place) {
        self.set(place, Turn::Ours);
    }

    /// It is over.
    pub(super) fn end(&self, Place(place): Place) {
        self.set(place, Turn::Nobody);
    }

    /// Waits until one has been the device's turn for `limit`, at most twice that. To be polled by the connection's own
    /// task, behind the connection: whatever is handed to the device wakes it.
    pub(super) async fn unread(&self, limit: Duration) {
        loop {
            poll_fn(|_| if self.handed.get() > 0 { Poll::Ready(()) } else { Poll::Pending }).await;
            // In a box: most connections never get here, and all have room for what is in this future.
            Box::pin(sleep(limit)).await;
            if self.is_overdue() {
                return;
            }
        }
    }

    fn is_overdue(&self) -> bool {
        let mut turns = self.turns.borrow_mut();
        let overdue = turns.contains(&Turn::DevicesStill);
        for turn in turns.iter_mut().filter(|turn| turn.is_devices()) {
            *turn = Turn::DevicesStill;
        }
        overdue
    }

    fn set(&self, place: usize, turn: Turn) {
        if let Some(before) = self.turns.borrow_mut().get_mut(place) {
            let handed =
                self.handed.get() + usize::from(turn.is_devices()) - usize::from(before.is_devices());
            self.handed.set(handed);
            *before = turn;
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{Instant, timeout};

    use super::*;

    const LIMIT: Duration = Duration::from_mins(1);
    const LONG: Duration = Duration::from_hours(1);

    #[tokio::test(start_paused = true)]
    async fn one_that_nobody_reads_is_found_however_the_others_move() {
        let responses = Responses::default();
        let (stuck, moving) = (responses.begin(), responses.begin());
        let moves = async {
            loop {
                responses.handed(moving);
                sleep(Duration::from_secs(1)).await;
                responses.asked(moving);
            }
        };
        responses.handed(stuck);
        let begun = Instant::now();
        tokio::select! {
            () = moves => {}
            () = responses.unread(LIMIT) => {}
        }
        assert!((LIMIT..=2 * LIMIT).contains(&begun.elapsed()), "{:?}", begun.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_reader_a_slow_origin_and_an_end_are_none() {
        let responses = Responses::default();
        let (slow, waiting, over) = (responses.begin(), responses.begin(), responses.begin());
        responses.asked(waiting);
        responses.handed(over);
        responses.end(over);
        let reads = async {
            loop {
                responses.handed(slow);
                sleep(Duration::from_secs(59)).await;
                responses.asked(slow);
                responses.handed(slow);
            }
        };
        let both = async {
            tokio::select! {
                () = reads => {}
                () = responses.unread(LIMIT) => {}
            }
        };
        assert!(timeout(LONG, both).await.is_err());
    }

    #[test]
    fn places_are_used_again() {
        let responses = Responses::default();
        for _ in 0..3 {
            let (one, other) = (responses.begin(), responses.begin());
            responses.handed(one);
            responses.end(one);
            responses.end(other);
        }
        assert_eq!((responses.turns.borrow().len(), responses.handed.get()), (2, 0));
    }
}
