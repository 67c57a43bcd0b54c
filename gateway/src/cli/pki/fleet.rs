//! `fleetgate pki fleet`

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use time::OffsetDateTime;

use super::ca_files::CaFiles;
use super::device::{days, shortened};
use super::interrupt::Interrupt;
use super::pkcs12::Protection;
use crate::cli::print;
use crate::pki::fleet::{Done, FleetError, Order, Template};
use crate::pki::profile::Validity;
use crate::pki::{KeyKind, Profile};

/// The arguments of `fleetgate pki fleet`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  fleetgate pki fleet --count 1000 --out fleet\n  fleetgate pki fleet --count 100000 --out fleet --name 'pump-{n:06}' --subject O=Example,OU=Pumps --days 90 --json\n  fleetgate pki fleet --count 50 --out laptops --pkcs12 --encrypt-file secret.txt\n\nThe folder's manifest.jsonl lists every device. Run it again to go on after an interruption, or with a higher count to add\ndevices: what is listed and there stays as it is."
)]
pub(super) struct Fleet {
    /// How many devices there are to be in the end.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    count: u64,
    /// The fleet's folder; beyond 1000 devices, with a folder for each thousand in it.
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
    /// Their common names, which their files are called after: {n} is the number, from 1, and {n:06} has six digits.
    #[arg(long, value_name = "TEMPLATE", default_value = "device-{n}")]
    name: Template,
    /// The other parts of their names, like C=US,O=Example.
    #[arg(long, value_name = "PARTS")]
    subject: Option<String>,
    /// What keys to make.
    #[arg(long, value_enum, value_name = "KIND", default_value_t)]
    key: KeyKind,
    /// How many days they last, unless their CA ends before: 365.
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..))]
    days: Option<u32>,
    /// Where the CRL is going to be, for servers that look there.
    #[arg(long, value_name = "URL")]
    crl_url: Option<String>,
    /// Make a PKCS #12 file for each, too, as browsers import them: all with one passphrase.
    #[arg(long)]
    pkcs12: bool,
    #[command(flatten)]
    protection: Protection,
    #[command(flatten)]
    ca: CaFiles,
    /// Print JSON, with the time and the rate.
    #[arg(long)]
    json: bool,
}

impl Fleet {
    pub(super) fn run(&self) -> Result<ExitCode, String> {
        let (ca, chain) = (self.ca.load()?, self.ca.chain()?);
        let bundle = self.protection.of(self.pkcs12)?;
        let life = self.days.map_or(Validity::DEVICE, days);
        let profile = Profile::device(Validity::starting(OffsetDateTime::now_utc(), life));
        let profile = shortened(Profile { crl_url: self.crl_url.clone(), ..profile }, &ca);
        let order = Order {
            ca: &ca,
            chain: &chain,
            profile: &profile,
            key: self.key,
            subject: self.subject.as_deref(),
            names: &self.name,
            count: self.count,
            folder: &self.out,
            bundle: bundle.as_ref(),
        };
        let (bar, begin, interrupt) = (progress(self.count), Instant::now(), Interrupt::watch());
        let done = order.fill(&|| {
            bar.inc(1);
            if interrupt.came() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        match done {
            Ok(_) => bar.finish(),
            Err(_) => bar.abandon(),
        }
        self.tell(done.map_err(|error| told(&error))?, begin.elapsed().as_secs_f64());
        Ok(ExitCode::SUCCESS)
    }

    fn tell(&self, Done { made, again, kept }: Done, seconds: f64) {
        let manifest = self.out.join("manifest.jsonl");
        if self.json {
            #[expect(clippy::cast_precision_loss, reason = "a rate")]
            let rate = made as f64 / seconds.max(f64::EPSILON);
            let value = json!({
                "made": made, "made_again": again, "kept": kept, "manifest": manifest,
                "seconds": (seconds * 1000.0).round() / 1000.0, "per_second": rate.round(),
            });
            print(&value.to_string());
            return;
        }
        let again = match again {
            0 => String::new(),
            again => format!(" ({again} of them again: their certificates were gone)"),
        };
        print(&format!("{made} devices made{again}, {kept} kept; {} lists them", manifest.display()));
    }
}

fn told(error: &FleetError) -> String {
    match error {
        FleetError::Ca(_) | FleetError::Folder { .. } | FleetError::Manifest(_) | FleetError::Name(_) => {
            error.to_string()
        }
        FleetError::Device { .. } | FleetError::Stopped | FleetError::Thread => {
            format!("{error}\nwhat was made until then is listed; run it again to go on")
        }
    }
}

/// On a terminal: how many, how fast, and how much longer.
fn progress(count: u64) -> ProgressBar {
    let bar = ProgressBar::new(count);
    if let Ok(style) =
        ProgressStyle::with_template("{wide_bar} {human_pos}/{human_len}  {per_sec}  {eta} left")
    {
        bar.set_style(style);
    }
    bar
}
