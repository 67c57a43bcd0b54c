//! How devices share processors with the gateway that they are devices of. Devices have processors of their own, out there; here
//! they take the gateway's, and what the gateway is measured by should not be how long the system lets a thread go on.

use std::future::poll_fn;
use std::pin::pin;

use nix::libc;
use nix::sched::sched_yield;

/// What a thread of devices does about processors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Share {
    /// Nothing: it goes on for as long as the system lets it.
    Any,
    /// It comes first, for what little it has to do: devices that something is measured by.
    First,
    /// It gives its processor away after each step of a device: many devices, with much to do.
    Steps,
}

/// Has a thread come before all that have no such priority; the calling one where `thread` is 0. Where that is not permitted it
/// waits like all others.
pub(crate) fn come_first(thread: libc::pid_t) {
    let parameters = libc::sched_param { sched_priority: 1 };
    // SAFETY: it reads the parameters, which live until it returns.
    unsafe { libc::sched_setscheduler(thread, libc::SCHED_FIFO, &raw const parameters) };
}

/// Does `work`, and gives the processor away after each of its steps.
pub(super) async fn in_steps<F: Future>(work: F) -> F::Output {
    let mut work = pin!(work);
    poll_fn(|context| {
        let step = work.as_mut().poll(context);
        // It cannot fail on Linux.
        let _ = sched_yield();
        step
    })
    .await
}
