//! Request bodies that were not read to their end: as long as there is one, nobody knows where the next request begins.

use std::cell::Cell;
use std::rc::Rc;

/// How many of a connection's there are.
#[derive(Clone, Debug, Default)]
pub(super) struct Bodies(Rc<Cell<usize>>);

/// One body. What is dropped before its end stays unread.
#[derive(Debug)]
pub(super) struct Reading {
    bodies: Bodies,
    is_done: bool,
}

impl Bodies {
    /// Notes that a body has come.
    pub(super) fn add(&self) {
        self.0.update(|count| count + 1);
    }

    /// One of them is going to be read.
    pub(super) fn reading(&self) -> Reading {
        Reading { bodies: self.clone(), is_done: false }
    }

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.0.get() == 0
    }
}

impl Reading {
    /// Notes that it was read to its end.
    pub(super) fn done(&mut self) {
        if !std::mem::replace(&mut self.is_done, true) {
            self.bodies.0.update(|count| count.saturating_sub(1));
        }
    }
}
