//! What was found.

use std::fmt;

use serde::Serialize;

/// What is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// Whether one runs, and what it says of itself.
    Gateway,
    /// The file, and all that it names.
    Configuration,
    /// What XDP needs of the kernel.
    Kernel,
    /// Who gives SYN cookies.
    SynCookies,
    /// Interfaces with XDP.
    Interfaces,
    /// Capabilities.
    Rights,
    /// `xdp.pin_dir`
    Pins,
    /// Files that may be open at once.
    OpenFiles,
    /// Connections that may wait.
    Backlog,
    /// `server.state_dir`
    State,
    /// Files with private keys.
    Keys,
    /// The system's clock.
    Clock,
    /// Certificates that end soon.
    Certificates,
}

impl Check {
    /// Every one.
    pub const ALL: [Self; 13] = [
        Self::Gateway,
        Self::Configuration,
        Self::Kernel,
        Self::SynCookies,
        Self::Interfaces,
        Self::Rights,
        Self::Pins,
        Self::OpenFiles,
        Self::Backlog,
        Self::State,
        Self::Keys,
        Self::Clock,
        Self::Certificates,
    ];

    /// Its word, in reports and in JSON.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Configuration => "configuration",
            Self::Kernel => "kernel",
            Self::SynCookies => "syn_cookies",
            Self::Interfaces => "interfaces",
            Self::Rights => "rights",
            Self::Pins => "pins",
            Self::OpenFiles => "open_files",
            Self::Backlog => "backlog",
            Self::State => "state",
            Self::Keys => "keys",
            Self::Clock => "clock",
            Self::Certificates => "certificates",
        }
    }
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// As it should be.
    Ok,
    /// It works, and not as well as it could, or not for long.
    Warning,
    /// Something that is configured does not work, or is open to others.
    Problem,
}

impl Level {
    /// Its word.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Problem => "problem",
        }
    }
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What.
    pub check: Check,
    /// How bad it is.
    pub level: Level,
    /// What was found.
    pub says: String,
    /// What to do about it.
    pub remedy: Option<String>,
}

impl Finding {
    /// Something that is as it should be.
    pub(super) fn ok(check: Check, says: impl Into<String>) -> Self {
        Self { check, level: Level::Ok, says: says.into(), remedy: None }
    }

    /// Something that could be better.
    pub(super) fn warning(check: Check, says: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { check, level: Level::Warning, says: says.into(), remedy: Some(remedy.into()) }
    }

    /// Something that is wrong.
    pub(super) fn problem(check: Check, says: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { check, level: Level::Problem, says: says.into(), remedy: Some(remedy.into()) }
    }

    /// What another part says in one message, as all of them do: the remedy is behind the last semicolon.
    pub(super) fn told(check: Check, level: Level, message: &str) -> Self {
        let (says, remedy) = message.rsplit_once("; ").unzip();
        let says = says.unwrap_or(message).to_owned();
        Self { check, level, says, remedy: remedy.map(str::to_owned) }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { check, level, says, remedy } = self;
        write!(f, "{:8} {:14} {says}", level.label(), check.label())?;
        remedy.as_ref().map_or(Ok(()), |remedy| write!(f, "; {remedy}"))
    }
}

/// All that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// In the order in which it was looked at.
    pub findings: Vec<Finding>,
}

impl Report {
    /// How many there are of a level.
    pub fn count(&self, level: Level) -> usize {
        self.findings.iter().filter(|finding| finding.level == level).count()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.findings {
            writeln!(f, "{finding}")?;
        }
        write!(f, "{} problem(s), {} warning(s)", self.count(Level::Problem), self.count(Level::Warning))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_the_json() {
        for check in Check::ALL {
            assert_eq!(serde_json::to_value(check).unwrap(), check.label());
        }
        for level in [Level::Ok, Level::Warning, Level::Problem] {
            assert_eq!(serde_json::to_value(level).unwrap(), level.label());
        }
    }

    #[test]
    fn a_line_has_level_check_words_and_remedy() {
        let findings = vec![
            Finding::ok(Check::Clock, "it is right"),
            Finding::told(Check::SynCookies, Level::Problem, "they are off; and more; sysctl -w a=1"),
        ];
        let report = Report { findings };
        let lines = "ok       clock          it is right\n\
                     problem  syn_cookies    they are off; and more; sysctl -w a=1\n\
                     1 problem(s), 0 warning(s)";
        assert_eq!(report.to_string(), lines);
        let remedy = report.findings.last().and_then(|finding| finding.remedy.as_deref());
        assert_eq!(remedy, Some("sysctl -w a=1"));
    }
}
