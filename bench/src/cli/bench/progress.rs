//! How far a suite is: a bar on a terminal, else a line a round.

use std::cell::Cell;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::cli::print;
use crate::suite::Event;

/// Time between lines that say how things stand, where there is no terminal.
const LINES: Duration = Duration::from_secs(5);

pub(super) struct Progress {
    bar: ProgressBar,
    round: Cell<Option<usize>>,
    said: Cell<Option<Instant>>,
}

impl Default for Progress {
    fn default() -> Self {
        let bar = ProgressBar::no_length();
        if let Ok(style) = ProgressStyle::with_template("{wide_bar} {pos}/{len}  {msg}  {eta} left") {
            bar.set_style(style);
        }
        Self { bar, round: Cell::default(), said: Cell::default() }
    }
}

impl Progress {
    pub(super) fn tell(&self, event: Event<'_>) {
        match event {
            // A bar that has nobody to look at it prints nothing by itself.
            Event::Stage(text) => self.bar.suspend(|| print::note(text)),
            Event::Steps(count) => self.bar.set_length(count as u64),
            Event::Now(text) => self.now(text),
            Event::Step(round, text) => {
                if self.bar.is_hidden() && self.round.replace(Some(round)) != Some(round) {
                    print::note(&format!("round {}", round + 1));
                }
                self.bar.set_message(text.to_owned());
                self.bar.inc(1);
            }
        }
    }

    /// On a terminal it is always there; elsewhere a line now and then is enough.
    fn now(&self, text: &str) {
        if !self.bar.is_hidden() {
            if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg}") {
                self.bar.set_style(style);
            }
            self.bar.set_message(text.to_owned());
            self.bar.tick();
        } else if self.said.get().is_none_or(|said| said.elapsed() >= LINES) {
            self.said.set(Some(Instant::now()));
            print::note(text);
        }
    }

    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
