//! Work that may wait: it comes after workers where both want a CPU. Niceness belongs to a thread on Linux, and what the thread
//! starts inherits it, a successor too: so it is a thread that ends with the work. Loading CRLs and reloads are none: whoever
//! keeps the workers busy would put revocations off.

use std::panic::resume_unwind;
use std::sync::{Mutex, PoisonError};
use std::thread::{Builder, scope};

use rustix::process::setpriority_process;

/// A tenth of a CPU that a worker wants as well, and all of it where none does.
const NICENESS: i32 = 10;

/// Has `work` done on a thread that comes after workers, and waits for it; on the calling one where there is no other.
pub(super) fn in_background<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    let work = Mutex::new(Some(work));
    let take = || work.lock().unwrap_or_else(PoisonError::into_inner).take();
    let done = scope(|scope| {
        let apart = || {
            // Always permitted, and no loss where it is not.
            let _ = setpriority_process(None, NICENESS);
            take().map(|work| work())
        };
        match Builder::new().name("background".to_owned()).spawn_scoped(scope, apart) {
            Ok(thread) => thread.join().unwrap_or_else(|panic| resume_unwind(panic)),
            Err(_) => take().map(|work| work()),
        }
    });
    done.unwrap_or_else(|| unreachable!("whoever takes the work does it"))
}

#[cfg(test)]
mod tests {
    use rustix::process::getpriority_process;

    use super::*;

    #[test]
    fn it_comes_after_others_and_leaves_nothing_behind() {
        let before = getpriority_process(None).unwrap();
        let (value, meanwhile) = in_background(|| (42, getpriority_process(None).unwrap()));
        assert_eq!((value, meanwhile), (42, (before + NICENESS).min(19)));
        assert_eq!(getpriority_process(None).unwrap(), before, "the calling thread stays as it is");
    }

    #[test]
    fn its_panic_is_the_callers() {
        let panic = std::panic::catch_unwind(|| in_background(|| panic!("compiled badly")));
        assert_eq!(panic.unwrap_err().downcast_ref(), Some(&"compiled badly"));
    }
}
