//! Ctrl-C, where it must not end the program in the middle of something.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use nix::libc::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;

/// While there is one, the first signal that would end the program is only noted. The second ends it.
pub(super) struct Interrupt(&'static Flags);

struct Flags {
    came: Arc<AtomicBool>,
    /// Whether the next signal is the end.
    ends: Arc<AtomicBool>,
}

/// Handlers stay once they are there.
static FLAGS: OnceLock<Flags> = OnceLock::new();

impl Interrupt {
    /// From here on.
    pub(super) fn watch() -> Self {
        let flags = FLAGS.get_or_init(Flags::register);
        flags.came.store(false, Ordering::Relaxed);
        flags.ends.store(false, Ordering::Relaxed);
        Self(flags)
    }

    /// Whether a signal came.
    pub(super) fn came(&self) -> bool {
        self.0.came.load(Ordering::Relaxed)
    }
}

impl Drop for Interrupt {
    fn drop(&mut self) {
        self.0.ends.store(true, Ordering::Relaxed);
    }
}

impl Flags {
    fn register() -> Self {
        let flags = Self { came: Arc::default(), ends: Arc::default() };
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            // In this order: the first signal finds that it is not the end. One that cannot be caught ends us as ever.
            let _ = flag::register_conditional_default(signal, Arc::clone(&flags.ends));
            let _ = flag::register(signal, Arc::clone(&flags.came));
            let _ = flag::register(signal, Arc::clone(&flags.ends));
        }
        flags
    }
}
