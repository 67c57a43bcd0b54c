//! The lines that cfssl writes to standard error.

use time::OffsetDateTime;

/// What is told: cfssl's `-loglevel`, where 1 leaves nothing out but its own details.
#[derive(Clone, Copy)]
pub(super) struct Log(u8);

impl Log {
    pub(super) fn new(level: Option<&str>) -> Result<Self, String> {
        let level = level.unwrap_or("1");
        level.parse().map(Self).map_err(|_| format!("-loglevel: `{level}` is none; 0 to 5 are"))
    }

    pub(super) fn info(self, text: &str) {
        self.line(1, "INFO", text);
    }

    pub(super) fn warning(self, text: &str) {
        self.line(2, "WARNING", text);
    }

    #[expect(clippy::print_stderr, reason = "this is the command line")]
    fn line(self, level: u8, label: &str, text: &str) {
        if level < self.0 {
            return;
        }
        let now = OffsetDateTime::now_utc();
        let (year, month, day) = now.to_calendar_date();
        let (hour, minute, second) = now.to_hms();
        let month = u8::from(month);
        eprintln!("{year}/{month:02}/{day:02} {hour:02}:{minute:02}:{second:02} [{label}] {text}");
    }
}
