//! Where another thread may come in between.
//!
//! Verdicts, the revocation index and the news of a change are each safe by themselves; what has to hold is the order in
//! which a handshake, a request and a change take them. Each of them begins with a step. In the gateway that is nothing.
//! In the model below it is where a scheduler chooses who goes on, so that the gateway's own code is tried in every
//! order.

/// Another thread may come in here.
#[cfg(not(test))]
#[inline(always)]
pub(super) const fn step() {}

#[cfg(test)]
pub(super) use model::step;

#[cfg(test)]
pub(crate) mod model {
    //! shuttle, and not loom: its threads take turns on one, so that what lies between two steps may be anything that
    //! does not wait (dashmap, arc-swap, tokio's watch, signatures). loom wants all of them made of its own atomics.

    use std::cell::Cell;

    thread_local! {
        static MODELLED: Cell<bool> = const { Cell::new(false) };
    }

    /// Another thread of the model may come in here.
    pub(crate) fn step() {
        if MODELLED.get() {
            shuttle::thread::yield_now();
        }
    }

    /// Tries `scene` in every order of the steps in it.
    pub(crate) fn in_every_order(scene: impl Fn() + Send + Sync + 'static) {
        modelled(|| {
            shuttle::check_dfs(scene, None);
        });
    }

    /// Tries `scene` in so many orders, chosen by chance: of more than two threads there are too many.
    pub(crate) fn in_some_orders(scene: impl Fn() + Send + Sync + 'static, orders: usize) {
        modelled(|| {
            shuttle::check_random(scene, orders);
        });
    }

    fn modelled(check: impl FnOnce()) {
        MODELLED.set(true);
        check();
        MODELLED.set(false);
    }
}
