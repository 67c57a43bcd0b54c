//! Steps with names: each passes, fails or is skipped, in a line.

use crate::process::Result;
use crate::ui;

/// What has become of the steps so far.
#[derive(Debug, Default)]
pub(super) struct Walk {
    passed: u32,
    failed: u32,
    skipped: u32,
}

impl Walk {
    /// Takes a step. What it returns is shown behind its name.
    pub(super) fn step(&mut self, name: &str, step: impl FnOnce() -> Result<String>) {
        match step() {
            Ok(detail) if detail.is_empty() => ui::line(&format!("ok      {name}")),
            Ok(detail) => ui::line(&format!("ok      {name}: {detail}")),
            Err(error) => {
                self.failed += 1;
                ui::line(&format!("FAILED  {name}: {error}"));
                return;
            }
        }
        self.passed += 1;
    }

    /// Leaves a step out, and says why.
    pub(super) fn skip(&mut self, name: &str, why: &str) {
        self.skipped += 1;
        ui::line(&format!("skipped {name}: {why}"));
    }

    /// The summary: `N passed, N failed`, and `N skipped` where there are any.
    pub(super) fn summary(&self) -> String {
        let Self { passed, failed, skipped } = self;
        let tail = if *skipped > 0 { format!(", {skipped} skipped") } else { String::new() };
        format!("{passed} passed, {failed} failed{tail}")
    }

    /// Whether no step failed.
    pub(super) fn is_good(&self) -> bool {
        self.failed == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::Error;

    #[test]
    fn a_failed_step_is_counted_and_the_next_one_taken() {
        let mut walk = Walk::default();
        walk.step("one", || Ok(String::new()));
        walk.step("two", || Err(Error::message("no")));
        walk.step("three", || Ok("yes".into()));
        assert_eq!(walk.summary(), "2 passed, 1 failed");
        assert!(!walk.is_good());
        walk.skip("four", "no rights");
        assert_eq!(walk.summary(), "2 passed, 1 failed, 1 skipped");
    }
}
