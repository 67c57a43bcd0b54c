//! `fleetsim run`

mod progress;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::num::{NonZeroU64, NonZeroUsize};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::Uri;

use crate::cli::print;
use crate::cli::runtime::{self, Signals};
use crate::client::Group;
use crate::sim::{self, Backoff, FleetError, Plan, Role, Summary};

/// The longest rest after failures.
const LONGEST_REST: Duration = Duration::from_secs(10);

#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// The gateway's address.
    #[arg(long, value_name = "ADDR")]
    connect: SocketAddr,
    /// The host that devices want: in the hello and in requests.
    #[arg(long, value_name = "NAME")]
    host: String,
    /// What the gateway's certificate is verified with.
    #[arg(long, value_name = "FILE")]
    ca: PathBuf,
    /// A folder that `fleetsim pki` or `fleetgate pki fleet` wrote, with at least as many devices.
    #[arg(long, value_name = "DIR")]
    pki: PathBuf,
    /// How many devices.
    #[arg(long, value_name = "N")]
    devices: NonZeroUsize,
    /// Requests on a connection before the device makes a new one.
    #[arg(long, value_name = "K", default_value = "20")]
    requests_per_connection: NonZeroU64,
    /// Time between a device's requests, half to one and a half times.
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = humantime::parse_duration)]
    interval: Duration,
    /// When to stop; without it, on Ctrl-C.
    #[arg(long = "for", value_name = "TIME", value_parser = humantime::parse_duration)]
    duration: Option<Duration>,
    /// The share of devices that should be refused: by turns of another CA, without a certificate, with an unknown name.
    #[arg(long, value_name = "SHARE", default_value = "0", value_parser = share)]
    bad: f64,
    /// An address that devices connect from (again for more, taken by turns).
    #[arg(long = "source", value_name = "ADDR")]
    sources: Vec<IpAddr>,
    /// What devices ask for.
    #[arg(long, value_name = "PATH", default_value = "/telemetry")]
    path: Uri,
    /// The key exchange that devices offer.
    #[arg(long, value_enum, default_value_t)]
    group: Group,
    /// Print the summary as JSON.
    #[arg(long)]
    json: bool,
    /// Show no progress.
    #[arg(long)]
    quiet: bool,
}

#[derive(Debug, thiserror::Error)]
pub(super) enum RunError {
    #[error(transparent)]
    Fleet(#[from] FleetError),
    #[error("cannot run: {0}")]
    Start(#[from] io::Error),
}

pub(super) fn run(options: &Options) -> Result<(), RunError> {
    let fleet = sim::load(&plan(options))?;
    let devices = fleet.members.len();
    let bad = fleet.members.iter().filter(|member| member.bad.is_some()).count();
    let (ledger, begun) = (Arc::clone(&fleet.ledger), Instant::now());
    runtime::block_on(async {
        let mut signals = Signals::catch()?;
        let _devices = fleet.start();
        tokio::select! {
            () = progress::show(&ledger, devices - bad, !options.quiet) => {}
            () = end(options.duration) => {}
            () = signals.stopped() => {}
        }
        Ok::<_, RunError>(())
    })??;
    let summary = Summary { devices, bad, elapsed: begun.elapsed(), tally: ledger.so_far() };
    print::line(&if options.json { summary.json() } else { summary.to_string() });
    Ok(())
}

fn plan(options: &Options) -> Plan {
    Plan {
        pki: options.pki.clone(),
        ca: options.ca.clone(),
        host: options.host.clone(),
        devices: options.devices.get(),
        bad: options.bad,
        address: options.connect,
        sources: options.sources.clone(),
        group: options.group,
        path: options.path.to_string(),
        role: Role {
            every: options.interval,
            reports: Some(options.requests_per_connection.get()),
            backoff: Some(Backoff { first: options.interval, most: LONGEST_REST.max(options.interval) }),
        },
    }
}

async fn end(duration: Option<Duration>) {
    match duration {
        Some(duration) => tokio::time::sleep(duration).await,
        None => std::future::pending().await,
    }
}

fn share(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
        _ => Err("a share is a number from 0 to 1, like 0.1".to_owned()),
    }
}
