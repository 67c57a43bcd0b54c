//! The measured program: the gateway's criterion bench `verdict_cache`, and the estimates that it writes.

use std::path::Path;

use serde::Deserialize;
use tokio::process::Command;

use crate::suite::program::{ProgramError, run};

/// The program, and where it writes.
pub(super) struct Program<'a> {
    path: &'a Path,
    home: &'a Path,
}

/// What criterion makes of the samples of a benchmark.
#[derive(Deserialize)]
struct Estimates {
    median: Estimate,
}

#[derive(Deserialize)]
struct Estimate {
    point_estimate: f64,
}

impl<'a> Program<'a> {
    pub(super) fn new(path: &'a Path, home: &'a Path) -> Self {
        Self { path, home }
    }

    /// Runs all of its benchmarks, each for so long.
    pub(super) async fn run(&self, seconds: u32) -> Result<(), ProgramError> {
        let mut command = Command::new(self.path);
        command.args(["--bench", "--noplot", "--warm-up-time", "1", "--measurement-time"]);
        command.arg(seconds.to_string()).env("CRITERION_HOME", self.home);
        run("the bench of the verdict cache", command).await.map(drop)
    }

    /// What the last run found of a benchmark.
    pub(super) fn nanoseconds(&self, group: &str, benchmark: &str) -> Result<f64, ProgramError> {
        let path = self.home.join(group).join(benchmark).join("new/estimates.json");
        let read = || median(&std::fs::read(path).ok()?);
        read().ok_or_else(|| ProgramError::NoFigure { what: format!("{group}/{benchmark}") })
    }
}

fn median(estimates: &[u8]) -> Option<f64> {
    let Estimates { median } = serde_json::from_slice(estimates).ok()?;
    Some(median.point_estimate).filter(|nanoseconds| *nanoseconds > 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_read_and_nothing_at_all_is_none() {
        let estimates =
            br#"{"mean":{"point_estimate":3.0},"median":{"point_estimate":2.5,"standard_error":1.0}}"#;
        assert_eq!(median(estimates), Some(2.5));
        assert_eq!(median(br#"{"median":{"point_estimate":0.0}}"#), None);
        assert_eq!(median(b"{}"), None);
    }
}
