//! Waiting for something to become true, without guessing how long it takes.

use std::time::{Duration, Instant};

/// How long anything may take before a test gives up. Generous: nothing measures against it.
pub const DEADLINE: Duration = Duration::from_secs(20);

/// Asks again and again until there is an answer.
///
/// # Panics
/// With `what` once [`DEADLINE`] has passed.
#[track_caller]
pub fn until<T>(what: &str, mut answer: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(answer) = answer() {
            return answer;
        }
        assert!(begun.elapsed() < DEADLINE, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
