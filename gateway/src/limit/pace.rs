//! Bytes that wait for their turn. What waits is not read: whoever sends it has to wait too.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use tokio::time::{Sleep, sleep};

use super::record::Direction;
use super::seat::Seat;
use crate::model::limit::ByteRate;

/// One way of a connection, or of a request on it.
pub struct Pace {
    seat: Rc<Seat>,
    direction: Direction,
    rate: ByteRate,
    /// There while bytes wait.
    turn: Option<Pin<Box<Sleep>>>,
}

impl Pace {
    pub(super) fn new(seat: Rc<Seat>, direction: Direction, rate: ByteRate) -> Self {
        Self { seat, direction, rate, turn: None }
    }

    /// Ready when bytes may move. Those of one device take turns: who comes late looks again.
    pub fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            if let Some(turn) = &mut self.turn {
                ready!(turn.as_mut().poll(cx));
                self.turn = None;
            }
            match self.seat.wait(self.direction, self.rate) {
                None => return Poll::Ready(()),
                Some(wait) => self.turn = Some(Box::pin(sleep(wait))),
            }
        }
    }

    /// Notes bytes that have moved. They count, however many came at once.
    pub fn moved(&self, bytes: usize) {
        self.seat.moved(self.direction, self.rate, bytes);
    }
}
