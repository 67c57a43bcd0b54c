//! The measured program: the gateway's example `measure`.

use std::path::Path;

use serde::Deserialize;
use tokio::process::Command;

use crate::suite::callgrind::{self, TOGGLES};
use crate::suite::program::{ProgramError, run};

/// Who judges the devices, and with a CRL of how many entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::suite) enum Case {
    /// Nobody: rustls by itself.
    Bare,
    /// The gateway, which knows them.
    Gateway(Option<usize>),
    /// What comes with rustls.
    Webpki(Option<usize>),
}

/// The program, and the folder of what it measures with.
pub(in crate::suite) struct Program<'a> {
    path: &'a Path,
    folder: &'a Path,
}

/// What a load took, as the program says it.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(in crate::suite) struct Load {
    entries: usize,
    pub(in crate::suite) seconds: f64,
    pub(in crate::suite) file_bytes: usize,
    pub(in crate::suite) heap_bytes: usize,
    pub(in crate::suite) rss_before_bytes: usize,
    pub(in crate::suite) rss_peak_bytes: usize,
}

impl Case {
    /// Who judges.
    pub(in crate::suite) const fn label(self) -> &'static str {
        match self {
            Self::Bare => "bare rustls",
            Self::Gateway(None) => "fleetgate, no CRL",
            Self::Webpki(None) => "webpki's default, no CRL",
            Self::Gateway(Some(_)) => "fleetgate",
            Self::Webpki(Some(_)) => "webpki's default",
        }
    }

    pub(in crate::suite) fn name(self) -> String {
        match self.crl() {
            Some(entries) => format!("{}, CRL of {}", self.label(), short(entries)),
            None => self.label().to_owned(),
        }
    }

    const fn crl(self) -> Option<usize> {
        match self {
            Self::Bare => None,
            Self::Gateway(crl) | Self::Webpki(crl) => crl,
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Bare => "bare",
            Self::Gateway(_) => "gateway",
            Self::Webpki(_) => "webpki",
        }
    }
}

impl<'a> Program<'a> {
    pub(in crate::suite) fn new(path: &'a Path, folder: &'a Path) -> Self {
        Self { path, folder }
    }

    /// Makes what it measures with.
    pub(in crate::suite) async fn prepare(&self, crls: &[usize]) -> Result<(), ProgramError> {
        let crls: Vec<_> = crls.iter().map(|entries| format!("--crls={entries}")).collect();
        let mut command = Command::new(self.path);
        command.arg("prepare").arg(self.folder).args(crls);
        run("certificates and CRLs", command).await.map(drop)
    }

    /// Instructions a handshake, of the server's side.
    pub(in crate::suite) async fn instructions(
        &self,
        case: Case,
        handshakes: usize,
    ) -> Result<f64, ProgramError> {
        let crl = case.crl().map(|entries| format!("--crl={entries}"));
        let words = ["handshakes".to_owned(), self.folder.display().to_string(), case.word().to_owned()];
        self.counted(&case.name(), words.into_iter().chain(crl), handshakes).await
    }

    /// Instructions a decision.
    pub(in crate::suite) async fn decision(&self, decisions: usize) -> Result<f64, ProgramError> {
        self.counted("decide", ["decide".to_owned()], decisions).await
    }

    /// Instructions of one of `count` that a verb of the program counts.
    async fn counted(
        &self,
        what: &str,
        words: impl IntoIterator<Item = String>,
        count: usize,
    ) -> Result<f64, ProgramError> {
        let output = self.folder.join("callgrind.out");
        let mut command = callgrind::command(self.path, &TOGGLES, &output);
        command.args(words).arg("--count").arg(count.to_string());
        run(what, command).await?;
        let total = callgrind::instructions(&output);
        let total = total.ok_or_else(|| ProgramError::NoFigure { what: what.to_owned() })?;
        #[expect(clippy::cast_precision_loss, reason = "nobody waits for 2^53 instructions here")]
        Ok(total as f64 / count as f64)
    }

    /// What loading a CRL takes, in a process of its own.
    pub(in crate::suite) async fn load(&self, entries: usize) -> Result<Load, ProgramError> {
        let what = "loading a CRL";
        let mut command = Command::new(self.path);
        command.arg("load").arg(self.folder).arg(entries.to_string());
        let said = run(what, command).await?;
        let load = serde_json::from_str(&said).ok().filter(|load: &Load| load.entries == entries);
        load.ok_or_else(|| ProgramError::NoFigure { what: what.to_owned() })
    }
}

fn short(entries: usize) -> String {
    match entries {
        0 => "0".to_owned(),
        millions if millions.is_multiple_of(1_000_000) => format!("{}M", millions / 1_000_000),
        thousands if thousands.is_multiple_of(1_000) => format!("{}k", thousands / 1_000),
        other => other.to_string(),
    }
}
