//! `cargo xtask bench`: the gateway beside what others take for the same work.

mod all;
mod fleet;
mod page;
mod pingora;

use std::path::PathBuf;
use std::process::Command;

use clap::{Args, ValueEnum};

use crate::packages::{self, Tool};
use crate::privilege::Privilege;
use crate::process::{self, Error, Result};
use crate::{ui, workspace};

/// Options of `cargo xtask bench`.
#[derive(Clone, Debug, Args)]
pub(crate) struct Options {
    /// What to measure.
    #[arg(value_enum)]
    suite: Suite,
    /// Write the result as JSON as well.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Beside whom; what is missing is installed, and `pingora` is built, which takes minutes.
    #[arg(
        long,
        value_name = "NAMES",
        value_delimiter = ',',
        value_enum,
        default_value = "nginx,haproxy,caddy"
    )]
    peers: Vec<Peer>,
    /// Less of everything: to see that it works, and roughly how things stand.
    #[arg(long)]
    quick: bool,
    /// Write the result into docs/performance.md.
    #[arg(long)]
    update: bool,
    #[command(flatten)]
    fleet: fleet::Options,
}

/// What counts instructions.
pub(crate) const VALGRIND: Tool = Tool::new("valgrind", "valgrind");

/// What can be measured so far.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Suite {
    /// New connections: a full TLS 1.3 handshake with a client certificate, and one request each.
    Handshake,
    /// Held connections: small requests, answers of 1 MiB, latency; and streams. Draws `bench/results/proxy.svg`.
    Proxy,
    /// Memory of an idle device, over HTTP/1.1, HTTP/2 and as a byte stream, beside nginx.
    Memory,
    /// Changes of a policy where 10,000 policies and 1,000 certificates are stored: how long they take, how soon they are in
    /// force, and what devices notice of them.
    Change,
    /// Instructions of a handshake without a CRL and with long ones, beside webpki; loading a long one; and how soon a
    /// revoked device is refused and its connections closed.
    Crl,
    /// Instructions of a handshake, a request and a decision, beside those of `bench/instructions.json`; `--update` writes that
    /// anew. Fails where they are more than a tenth more.
    Instructions,
    /// Hits of the verdict cache among 100,000 entries, and the map in it beside another one.
    Cache,
    /// Nanoseconds a packet on each way through the XDP program, above one that passes everything. Needs root.
    Xdp,
    /// What devices achieve while the gateway is flooded: with XDP, without it, and with nftables. Needs root. Draws
    /// `bench/results/survival.svg`.
    Survival,
    /// A scenario, played by devices: `--scenario NAME`, of those in `bench/scenarios`. Needs root. Its page is
    /// `bench/results/fleet-NAME.html`.
    Fleet,
    /// All of them, and every scenario.
    All,
}

impl Suite {
    /// Those that are measured, one after the other.
    const EACH: [Self; 9] = [
        Self::Handshake,
        Self::Proxy,
        Self::Memory,
        Self::Change,
        Self::Crl,
        Self::Instructions,
        Self::Cache,
        Self::Xdp,
        Self::Survival,
    ];
}

/// Somebody else's server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Peer {
    /// nginx with OpenSSL.
    Nginx,
    /// `HAProxy` with OpenSSL.
    Haproxy,
    /// Caddy, in Go.
    Caddy,
    /// Pingora with `BoringSSL`, built from source: about six minutes the first time. For `handshake` and `proxy`.
    Pingora,
}

impl Peer {
    /// The package that brings it.
    fn tool(self) -> Option<Tool> {
        match self {
            Self::Nginx => Some(Tool::new("nginx", "nginx")),
            Self::Haproxy => Some(Tool::new("haproxy", "haproxy")),
            Self::Caddy => Some(Tool::new("caddy", "caddy")),
            Self::Pingora => None,
        }
    }
}

/// Builds, installs peers, measures, prints the table.
pub(crate) fn run(options: &Options) -> Result {
    match options.suite {
        Suite::All => all::run(options),
        Suite::Fleet => fleet::run(options),
        suite => {
            let name = word(&suite);
            let mut words = vec![name.clone()];
            if matches!(suite, Suite::Handshake | Suite::Proxy | Suite::Memory) {
                words.push(format!("--peers {}", options.peers()));
            }
            measure(prepare(suite, &name, options)?, options, &name, &words)
        }
    }
}

/// Measures into what the options say; `words` are what was asked for, for the page.
fn measure(mut bench: Command, options: &Options, name: &str, words: &[String]) -> Result {
    ui::stage(&format!("measuring: {name}"));
    if let Some(json) = &options.json {
        bench.arg("--json").arg(json);
    }
    // Counts are no better for more of them.
    if options.quick && !matches!(options.suite, Suite::Instructions) {
        bench.arg("--quick");
    }
    if !options.update {
        return process::run(&mut bench);
    }
    let markdown = workspace::target(&format!("tmp/bench-{name}.md"));
    // One of another run would be taken for ours.
    let _ = std::fs::remove_file(&markdown);
    let measured = process::run(bench.arg("--markdown").arg(&markdown));
    let quick = if options.quick { " --quick" } else { "" };
    // Also what is not as it should be is to be seen.
    page::update(name, &format!("cargo xtask bench {}{quick} --update", words.join(" ")), &markdown)?;
    measured
}

/// Builds and installs what a suite takes, and calls it by `name`.
fn prepare(suite: Suite, name: &str, options: &Options) -> Result<Command> {
    let mut bench = Command::new(workspace::target("release/fleetgate-bench"));
    bench.arg(name);
    match suite {
        Suite::Handshake | Suite::Proxy | Suite::Memory => {
            install(&options.peers);
            if !matches!(suite, Suite::Memory) && options.peers.contains(&Peer::Pingora) {
                find_in(&mut bench, pingora::build())?;
            }
            build(&[])?;
            bench.arg("--gateway").arg(workspace::target("release/fleetgate"));
            // Those that could not be installed are left out, and named, there.
            bench.arg("--peers").arg(options.peers());
            bench.arg("--plot").arg(plot(name));
        }
        Suite::Change => {
            build(&[])?;
            bench.arg("--gateway").arg(workspace::target("release/fleetgate"));
        }
        Suite::Crl => {
            packages::ensure(&[VALGRIND], "counting instructions");
            build(&["--bins", "--example", "measure"])?;
            bench.arg("--program").arg(workspace::target("release/examples/measure"));
            bench.arg("--gateway").arg(workspace::target("release/fleetgate"));
        }
        Suite::Instructions => {
            packages::ensure(&[VALGRIND], "counting instructions");
            build_counted()?;
            let built = workspace::target(workspace::DEMO);
            bench = Command::new(built.join("fleetgate-bench"));
            bench.arg(name).arg("--program").arg(built.join("examples/measure"));
            bench.arg("--gateway").arg(built.join("fleetgate"));
            bench.arg("--baseline").arg(workspace::root().join("bench/instructions.json"));
            bench.args(options.update.then_some("--update"));
        }
        Suite::Cache => {
            build(&["--bins"])?;
            bench.arg("--program").arg(build_bench("verdict_cache")?);
        }
        Suite::Xdp => {
            // Its object alone: rows beside it are left out where it could not be installed.
            packages::ensure(&[Tool::new("xdp-filter", "xdp-tools")], "a program to measure beside");
            build(&["--bins"])?;
            // What takes the time is the kernel's.
            let mut example = Command::new("cargo");
            example.args(["build", "--locked", "--package", "fleetgate-tests", "--example", "xdp"]);
            process::run(example.current_dir(workspace::root()))?;
            bench.arg("--program").arg(workspace::target("debug/examples/xdp"));
        }
        Suite::Survival => {
            let tools = [("ip", "iproute2"), ("ethtool", "ethtool"), ("nft", "nftables")];
            packages::ensure(&tools.map(|(probe, package)| Tool::new(probe, package)), "flooding a gateway");
            build(&["--bins"])?;
            bench.arg("--gateway").arg(workspace::target("release/fleetgate"));
            bench.arg("--plot").arg(plot(name));
        }
        Suite::Fleet | Suite::All => {
            let tools = [("ip", "iproute2"), ("ethtool", "ethtool")];
            packages::ensure(&tools.map(|(probe, package)| Tool::new(probe, package)), "a place for devices");
            build(&["--bins"])?;
            bench.arg("--gateway").arg(workspace::target("release/fleetgate"));
        }
    }
    Ok(bench)
}

/// Has the bench find programs in another folder too.
fn find_in(bench: &mut Command, folder: Option<PathBuf>) -> Result {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths(folder.into_iter().chain(std::env::split_paths(&path)));
    bench.env("PATH", path.map_err(|error| Error::message(error.to_string()))?);
    Ok(())
}

/// Where a suite is drawn.
fn plot(suite: &str) -> PathBuf {
    workspace::root().join(format!("bench/results/{suite}.svg"))
}

/// Builds the gateway and the bench; `targets` are those beyond what cargo takes by itself.
fn build(targets: &[&str]) -> Result {
    build_as("release", targets)
}

/// Builds what instructions are counted of.
pub(crate) fn build_counted() -> Result {
    build_as(workspace::DEMO, &["--bins", "--example", "measure"])
}

/// The same by a profile.
fn build_as(profile: &str, targets: &[&str]) -> Result {
    ui::stage(&format!("building the gateway and the bench ({profile}: some minutes the first time)"));
    let mut build = Command::new("cargo");
    build.args(["build", "--profile", profile, "--locked"]);
    build.args(["--package", "fleetgate", "--package", "fleetgate-bench"]);
    process::run(build.args(targets).current_dir(workspace::root()))
}

/// Builds one of the gateway's criterion benches, and says where it is: its name has a hash in it.
fn build_bench(name: &str) -> Result<PathBuf> {
    let mut build = Command::new("cargo");
    build.args(["build", "--release", "--locked", "--package", "fleetgate", "--bench", name]);
    build.args(["--message-format", "json-render-diagnostics"]).current_dir(workspace::root());
    let said = process::capture(&mut build)?;
    let executable = |line: &str| {
        let message: serde_json::Value = serde_json::from_str(line).ok()?;
        let of = |field| message.pointer(field)?.as_str();
        of("/executable").filter(|_| of("/target/name") == Some(name)).map(PathBuf::from)
    };
    let found = said.lines().find_map(executable);
    found.ok_or_else(|| Error::message(format!("cargo does not say where the bench {name} is")))
}

impl Options {
    /// The peers, as they are written on the command line.
    fn peers(&self) -> String {
        self.peers.iter().map(word).collect::<Vec<_>>().join(",")
    }
}

/// Installs what is missing of `peers`, and leaves no service of it running.
fn install(peers: &[Peer]) {
    let all = peers.iter().filter_map(|peer| Some((*peer, peer.tool()?)));
    let missing: Vec<_> = all.filter(|(_, tool)| !tool.is_here()).collect();
    let tools: Vec<_> = missing.iter().map(|(_, tool)| *tool).collect();
    packages::ensure(&tools, "servers to measure beside");
    let installed = missing.into_iter().filter(|(_, tool)| tool.is_here()).map(|(peer, _)| peer);
    stop_services(&installed.collect::<Vec<_>>());
}

/// Packages start the servers that they bring; nobody asked for those, and they would be measured along.
fn stop_services(installed: &[Peer]) {
    for peer in installed {
        let name = word(peer);
        let stop: [&[&str]; 2] = [&["systemctl", "disable", "--now", &name], &["service", &name, "stop"]];
        let stopped = stop.iter().any(|words| Privilege::detect().run(words.iter().copied()).is_ok());
        if !stopped {
            ui::note(&format!("{name} was installed; if its service runs now, stop it"));
        }
    }
}

/// How a value is written on the command line.
fn word(value: &impl ValueEnum) -> String {
    value.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}
