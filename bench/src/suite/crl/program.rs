//! The measured program: the gateway's example `measure`.

use std::path::Path;

use serde::Deserialize;
use tokio::process::Command;

use super::callgrind;
use crate::suite::program::{ProgramError, run};

/// Who judges the devices, and with a CRL of how many entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Case {
    /// Nobody: rustls by itself.
    Bare,
    /// The gateway, which knows them.
    Gateway(Option<usize>),
    /// What comes with rustls.
    Webpki(Option<usize>),
}

/// The program, and the folder of what it measures with.
pub(super) struct Program<'a> {
    path: &'a Path,
    folder: &'a Path,
}

/// What a load took, as the program says it.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(super) struct Load {
    entries: usize,
    pub(super) seconds: f64,
    pub(super) file_bytes: usize,
    pub(super) heap_bytes: usize,
    pub(super) rss_before_bytes: usize,
    pub(super) rss_peak_bytes: usize,
}

impl Case {
    /// Who judges.
    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::Bare => "bare rustls",
            Self::Gateway(None) => "fleetgate, no CRL",
            Self::Webpki(None) => "webpki's default, no CRL",
            Self::Gateway(Some(_)) => "fleetgate",
            Self::Webpki(Some(_)) => "webpki's default",
        }
    }

    pub(super) fn name(self) -> String {
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
    pub(super) fn new(path: &'a Path, folder: &'a Path) -> Self {
        Self { path, folder }
    }

    /// Makes what it measures with.
    pub(super) async fn prepare(&self, crls: &[usize]) -> Result<(), ProgramError> {
        let crls: Vec<_> = crls.iter().map(usize::to_string).collect();
        let mut command = Command::new(self.path);
        command.arg("prepare").arg(self.folder).arg("--crls").arg(crls.join(","));
        run("certificates and CRLs", command).await.map(drop)
    }

    /// Instructions a handshake, of the server's side.
    pub(super) async fn instructions(&self, case: Case, handshakes: usize) -> Result<f64, ProgramError> {
        let output = self.folder.join("callgrind.out");
        let mut command = callgrind::command(self.path, &output);
        command.arg("handshakes").arg(self.folder).arg(case.word());
        command.arg("--count").arg(handshakes.to_string());
        if let Some(entries) = case.crl() {
            command.arg("--crl").arg(entries.to_string());
        }
        run(&case.name(), command).await?;
        let total = callgrind::instructions(&output);
        let total = total.ok_or_else(|| ProgramError::NoFigure { what: case.name() })?;
        #[expect(clippy::cast_precision_loss, reason = "nobody waits for 2^53 instructions here")]
        Ok(total as f64 / handshakes as f64)
    }

    /// What loading a CRL takes, in a process of its own.
    pub(super) async fn load(&self, entries: usize) -> Result<Load, ProgramError> {
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
