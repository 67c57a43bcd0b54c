//! How far a suite is: a bar on a terminal, else a line a round.

use std::cell::Cell;

use indicatif::{ProgressBar, ProgressStyle};

use crate::cli::print;
use crate::suite::Event;

pub(super) struct Progress {
    bar: ProgressBar,
    round: Cell<Option<usize>>,
}

impl Default for Progress {
    fn default() -> Self {
        let bar = ProgressBar::no_length();
        if let Ok(style) = ProgressStyle::with_template("{wide_bar} {pos}/{len}  {msg}  {eta} left") {
            bar.set_style(style);
        }
        Self { bar, round: Cell::default() }
    }
}

impl Progress {
    pub(super) fn tell(&self, event: Event<'_>) {
        match event {
            // A bar that has nobody to look at it prints nothing by itself.
            Event::Stage(text) => self.bar.suspend(|| print::note(text)),
            Event::Steps(count) => self.bar.set_length(count as u64),
            Event::Step(round, text) => {
                if self.bar.is_hidden() && self.round.replace(Some(round)) != Some(round) {
                    print::note(&format!("round {}", round + 1));
                }
                self.bar.set_message(text.to_owned());
                self.bar.inc(1);
            }
        }
    }

    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
