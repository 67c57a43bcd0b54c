//! The system's clock: certificates and CRLs are good or not by what it says.

use std::fs;
use std::mem::MaybeUninit;
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::finding::{Check, Finding};

/// What file systems and hosts may differ by.
const SLACK: Duration = Duration::from_mins(1);

pub(super) fn look(config: &Path) -> Finding {
    let written = |path: &Path| fs::metadata(path).ok()?.modified().ok();
    let program = std::env::current_exe().ok().and_then(|program| written(&program));
    let newest = written(config).into_iter().chain(program).max();
    judge(SystemTime::now(), newest, is_synchronised())
}

/// Whether the kernel's clock is kept right by somebody; none where it does not say.
fn is_synchronised() -> Option<bool> {
    let mut clock = MaybeUninit::<libc::timex>::zeroed();
    // SAFETY: all zeroes is a request that changes nothing, and the kernel writes into the place that it is given.
    let state = unsafe { libc::adjtimex(clock.as_mut_ptr()) };
    (state >= 0).then_some(state != libc::TIME_ERROR)
}

/// `newest` is when something was written that surely was written in the past.
fn judge(now: SystemTime, newest: Option<SystemTime>, synchronised: Option<bool>) -> Finding {
    let is_behind = newest.is_some_and(|newest| newest > now + SLACK);
    let remedy = "timedatectl set-ntp true, or run chrony";
    if is_behind {
        let says = "the clock is behind: the configuration or the program was written in what it takes for the future";
        return Finding::problem(Check::Clock, says, remedy);
    }
    match synchronised {
        Some(true) => Finding::ok(Check::Clock, "it is kept right by a time service"),
        Some(false) => Finding::warning(
            Check::Clock,
            "no time service keeps it right, and dates of certificates and CRLs are judged by it",
            remedy,
        ),
        None => Finding::ok(Check::Clock, "the kernel does not say whether a time service keeps it right"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::Level;
    use super::*;

    #[test]
    fn a_clock_that_is_behind_what_was_written_is_a_problem() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_hours(1);
        let level = |newest: Duration| judge(now, Some(SystemTime::UNIX_EPOCH + newest), Some(true)).level;
        assert_eq!(level(Duration::from_hours(2)), Level::Problem);
        assert_eq!(level(Duration::from_hours(1)), Level::Ok);
    }

    #[test]
    fn a_clock_that_nobody_keeps_right_is_warned_of() {
        let level = |synchronised| judge(SystemTime::now(), None, synchronised).level;
        assert_eq!(
            [level(Some(false)), level(Some(true)), level(None)],
            [Level::Warning, Level::Ok, Level::Ok]
        );
    }
}
