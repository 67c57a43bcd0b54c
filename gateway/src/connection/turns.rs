//! Turns on a worker: of handshakes, and of connections that end. A step of a handshake is cryptography, and takes longer than
//! everything that a request takes: when thousands of devices are gone and come back at once, requests of those that are
//! connected would wait behind all of them. So whoever waits is called one by one, with a look at everything else after each turn.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::ready;
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll, Waker};

use tokio::task::{spawn_local, yield_now};

/// Turns that are taken between two looks at everything else where nobody waits; where somebody does, it is one.
const AT_ONCE: usize = 4;

/// Of so many turns, one is for who has not begun.
const OF: usize = 4;

/// Whose turn it is.
#[derive(Clone, Default)]
pub struct Turns(Rc<RefCell<Line>>);

/// Who waits. Whoever has begun goes before most of those who have not, or devices would run out of time with half of their
/// cryptography done.
#[derive(Default)]
struct Line {
    /// Turns that were taken in this round.
    taken: usize,
    /// Turns that somebody has waited for.
    calls: usize,
    /// Whether there is a task that calls who waits.
    calling: bool,
    begun: VecDeque<Waiting>,
    new: VecDeque<Waiting>,
}

struct Waiting {
    waker: Waker,
    called: Weak<Cell<bool>>,
}

impl Turns {
    /// A handshake that takes its steps in turn. The first few of a round go at once.
    pub fn pace<F: Future + Unpin>(&self, handshake: F) -> Paced<F> {
        Paced { turns: self.clone(), handshake, begun: false, called: None }
    }

    /// The turn of a connection that is over, and is about to be taken down. What it holds others may wait for: it goes before
    /// handshakes that have not begun.
    pub async fn to_end(&self) {
        Paced { begun: true, ..self.pace(ready(())) }.await;
    }

    /// Calls those who wait, until nobody does.
    async fn call(self) {
        loop {
            // Whoever was called has gone by the time this goes on, and so has everybody else who had something to do.
            yield_now().await;
            if !self.0.borrow_mut().round() {
                return;
            }
        }
    }
}

impl Line {
    /// Whether somebody may go who has not waited. Not past those who wait.
    fn is_free(&mut self) -> bool {
        let free = self.taken < AT_ONCE && self.begun.is_empty() && self.new.is_empty();
        self.taken += usize::from(free);
        free
    }

    /// Begins a round, and says whether there may be another one.
    fn round(&mut self) -> bool {
        self.calling = self.call_one();
        self.taken = usize::from(self.calling);
        self.calling
    }

    /// Says whether a task has to be there that was not.
    fn wait(&mut self, waiting: Waiting, begun: bool) -> bool {
        if begun { &mut self.begun } else { &mut self.new }.push_back(waiting);
        !std::mem::replace(&mut self.calling, true)
    }

    /// Calls the next who is still there.
    fn call_one(&mut self) -> bool {
        self.calls = self.calls.wrapping_add(1);
        let (first, second) = if self.calls.is_multiple_of(OF) {
            (&mut self.new, &mut self.begun)
        } else {
            (&mut self.begun, &mut self.new)
        };
        while let Some(Waiting { waker, called }) = first.pop_front().or_else(|| second.pop_front()) {
            if let Some(called) = called.upgrade() {
                called.set(true);
                waker.wake();
                return true;
            }
        }
        false
    }
}

/// A handshake that takes its steps in turn. One task polls it.
pub struct Paced<F> {
    turns: Turns,
    handshake: F,
    /// Whether it has had a turn.
    begun: bool,
    /// Where it waits: whether it was called.
    called: Option<Rc<Cell<bool>>>,
}

impl<F> Paced<F> {
    fn is_its_turn(&mut self, context: &Context<'_>) -> bool {
        if let Some(called) = &self.called {
            return called.get();
        }
        let mut line = self.turns.0.borrow_mut();
        if line.is_free() {
            return true;
        }
        let called = Rc::default();
        let waiting = Waiting { waker: context.waker().clone(), called: Rc::downgrade(&called) };
        if line.wait(waiting, self.begun) {
            spawn_local(self.turns.clone().call());
        }
        drop(line);
        self.called = Some(called);
        false
    }
}

impl<F: Future + Unpin> Future for Paced<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        if !self.is_its_turn(context) {
            return Poll::Pending;
        }
        self.called = None;
        self.begun = true;
        Pin::new(&mut self.handshake).poll(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::runtime::Builder;
    use tokio::task::{JoinHandle, LocalSet, spawn_local};

    use super::*;

    /// What happened, in order: steps of handshakes by their numbers, and `None` for a look at everything else.
    type Steps = Rc<RefCell<Vec<Option<usize>>>>;

    fn on_a_worker<T>(test: impl Future<Output = T>) -> T {
        let runtime = Builder::new_current_thread().build().unwrap();
        LocalSet::new().block_on(&runtime, test)
    }

    fn handshake(turns: &Turns, number: usize, count: usize, steps: &Steps) -> JoinHandle<()> {
        let (turns, steps) = (turns.clone(), Rc::clone(steps));
        spawn_local(async move {
            let handshake = Box::pin(async move {
                for step in 0..count {
                    if step > 0 {
                        yield_now().await;
                    }
                    steps.borrow_mut().push(Some(number));
                }
            });
            turns.pace(handshake).await;
        })
    }

    #[test]
    fn everything_else_has_its_turn_after_a_few_steps_however_many_handshakes_there_are() {
        let steps = Steps::default();
        on_a_worker(async {
            let turns = Turns::default();
            let handshakes: Vec<_> = (0..100).map(|number| handshake(&turns, number, 3, &steps)).collect();
            let looks = Rc::clone(&steps);
            let other = spawn_local(async move {
                loop {
                    looks.borrow_mut().push(None);
                    yield_now().await;
                }
            });
            for handshake in handshakes {
                handshake.await.unwrap();
            }
            other.abort();
        });
        let steps = steps.borrow();
        assert_eq!(steps.iter().flatten().count(), 300, "all of them are done");
        let longest = steps.split(Option::is_none).map(<[_]>::len).max().unwrap();
        assert!(longest <= AT_ONCE, "{longest} steps without a look at anything else: {steps:?}");
    }

    #[test]
    fn whoever_has_begun_goes_before_most_who_have_not() {
        let steps = Steps::default();
        on_a_worker(async {
            let turns = Turns::default();
            let handshakes: Vec<_> = (0..100).map(|number| handshake(&turns, number, 3, &steps)).collect();
            for handshake in handshakes {
                handshake.await.unwrap();
            }
        });
        let steps: Vec<_> = steps.borrow().iter().flatten().copied().collect();
        let done = |number| steps.iter().rposition(|step| *step == number).unwrap();
        assert!(done(0) < 40, "the first is done long before the last begins: {steps:?}");
        assert!(steps[..40].iter().any(|number| *number > AT_ONCE), "and others begin meanwhile: {steps:?}");
    }

    #[test]
    fn whoever_goes_away_takes_no_turn() {
        let steps = Steps::default();
        on_a_worker(async {
            let turns = Turns::default();
            let gone: Vec<_> = (0..50).map(|number| handshake(&turns, number, 1, &steps)).collect();
            yield_now().await;
            gone.iter().skip(AT_ONCE).for_each(JoinHandle::abort);
            handshake(&turns, 50, 1, &steps).await.unwrap();
        });
        let steps: Vec<_> = steps.borrow().iter().flatten().copied().collect();
        assert!(steps.contains(&50) && steps.len() < 20, "{steps:?}");
    }

    #[test]
    fn what_is_over_goes_before_who_has_not_begun() {
        let steps = Steps::default();
        on_a_worker(async {
            let turns = Turns::default();
            let handshakes: Vec<_> = (0..100).map(|number| handshake(&turns, number, 1, &steps)).collect();
            let (over, end) = (turns.clone(), Rc::clone(&steps));
            let over = spawn_local(async move {
                over.to_end().await;
                end.borrow_mut().push(Some(100));
            });
            for task in handshakes.into_iter().chain([over]) {
                task.await.unwrap();
            }
        });
        let at = steps.borrow().iter().position(|step| *step == Some(100)).unwrap();
        assert!(at <= 2 * AT_ONCE, "{at}");
    }

    #[test]
    fn the_few_that_come_in_quiet_times_go_on_forever() {
        let steps = Steps::default();
        on_a_worker(async {
            let turns = Turns::default();
            for number in 0..10 * AT_ONCE {
                handshake(&turns, number, 1, &steps).await.unwrap();
            }
        });
        assert_eq!(steps.borrow().len(), 10 * AT_ONCE);
    }
}
