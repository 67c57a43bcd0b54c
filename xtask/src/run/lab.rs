//! The place where a run happens: a folder, and a namespace for the fleet joined by a veth pair to ours.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::Command;

use super::leftovers;
use super::service::Service;
use crate::privilege::Privilege;
use crate::process::{self, Error, Result};
use crate::{ui, workspace};

/// The folder below the build folder with everything a run writes.
pub(super) const FOLDER: &str = "xtask-run";
/// The fleet's network namespace.
pub(super) const NAMESPACE: &str = "fleetgate-fleet";
/// The gateway's end of the veth pair, in the caller's namespace.
pub(super) const LINK: &str = "fleetgate0";
/// The fleet's end, before it moves.
const PEER: &str = "fleet0";
/// Addresses of the range for device benchmarks (RFC 2544): no network uses them for anything else.
const GATEWAY: Ipv4Addr = Ipv4Addr::new(198, 18, 0, 1);
const FLEET: Ipv4Addr = Ipv4Addr::new(198, 18, 0, 2);
/// The host that the demo serves.
pub(super) const HOST: &str = "iot.example.com";

/// The gateway's state, in the run's folder.
pub(super) const STATE: &str = "state";

/// Where a run happens.
#[derive(Debug)]
pub(super) struct Lab {
    /// How steps that need root get it.
    pub(super) privilege: Privilege,
    /// Whether there is a namespace for the fleet, and XDP on the link to it.
    pub(super) xdp: bool,
    /// Where the gateway listens.
    pub(super) listener: SocketAddr,
    /// Where its metrics are.
    pub(super) metrics: SocketAddr,
    /// Where its API is.
    pub(super) api: SocketAddr,
    /// Where the origin listens.
    pub(super) origin: SocketAddr,
    folder: PathBuf,
}

impl Lab {
    /// Without XDP, and without root.
    pub(super) fn on_loopback(privilege: Privilege) -> Result<Self> {
        Self::new(privilege, Ipv4Addr::LOCALHOST, false)
    }

    /// With a namespace for the fleet.
    pub(super) fn with_namespace(privilege: Privilege) -> Result<Self> {
        let (gateway, fleet) = (format!("{GATEWAY}/24"), format!("{FLEET}/24"));
        let steps: [&[&str]; 8] = [
            &["ip", "netns", "add", NAMESPACE],
            &["ip", "link", "add", LINK, "type", "veth", "peer", "name", PEER],
            &["ip", "link", "set", PEER, "netns", NAMESPACE],
            &["ip", "addr", "add", &gateway, "dev", LINK],
            &["ip", "link", "set", LINK, "up"],
            &["ip", "-n", NAMESPACE, "addr", "add", &fleet, "dev", PEER],
            &["ip", "-n", NAMESPACE, "link", "set", PEER, "up"],
            &["ip", "-n", NAMESPACE, "link", "set", "lo", "up"],
        ];
        for step in steps {
            if let Err(error) = privilege.run(step.iter().copied()) {
                leftovers::clear(privilege)?;
                return Err(error);
            }
        }
        Self::new(privilege, GATEWAY, true)
    }

    fn new(privilege: Privilege, address: Ipv4Addr, xdp: bool) -> Result<Self> {
        let folder = workspace::target(FOLDER);
        if folder.exists() {
            std::fs::remove_dir_all(&folder).map_err(Error::file(&folder))?;
        }
        let state = folder.join(STATE);
        std::fs::create_dir_all(&state).map_err(Error::file(&state))?;
        Ok(Self {
            privilege,
            xdp,
            listener: free(address, 8443)?,
            metrics: free(Ipv4Addr::LOCALHOST, 9090)?,
            api: free(Ipv4Addr::LOCALHOST, 9443)?,
            origin: free(Ipv4Addr::LOCALHOST, 9000)?,
            folder,
        })
    }

    /// A path in the run's folder.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The same as text, for command lines.
    pub(super) fn text(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    /// A command that runs where the fleet is.
    pub(super) fn in_fleet(&self, words: &[&str]) -> Command {
        if !self.xdp {
            return process::command(words.iter().copied());
        }
        let inside = ["ip", "netns", "exec", NAMESPACE];
        self.privilege.command(inside.into_iter().chain(words.iter().copied()))
    }

    /// Starts the gateway with the configuration in the run's folder, and waits until it is ready.
    pub(super) fn start_gateway(&self) -> Result<Service> {
        let binary = binary("fleetgate");
        let words =
            [&*binary.to_string_lossy(), "run", "--config", &self.text("fleetgate.toml")].map(str::to_owned);
        let mut command = if self.xdp && self.privilege == Privilege::Sudo {
            self.privilege.command(with_capabilities().iter().chain(&words).map(String::as_str))
        } else {
            process::command(words.iter().map(String::as_str))
        };
        let mut service = self.start("gateway", &mut command, self.privilege)?;
        service.wait_until(|| super::metrics::get(self.metrics, "/readyz").is_ok())?;
        Ok(service)
    }

    /// Starts the origin, and waits until it listens.
    pub(super) fn start_origin(&self) -> Result<Service> {
        let binary = binary("fleetsim");
        let mut command = Command::new(binary);
        command.args(["origin", "--listen", &self.origin.to_string()]);
        let mut service = self.start("origin", &mut command, Privilege::None)?;
        service.wait_until(|| std::net::TcpStream::connect(self.origin).is_ok())?;
        Ok(service)
    }

    /// Starts a program. It works in the run's folder, by which it is found after a crash.
    pub(super) fn start(
        &self,
        name: &'static str,
        command: &mut Command,
        privilege: Privilege,
    ) -> Result<Service> {
        let log = self.path(&format!("{name}.log"));
        Service::start(name, command.current_dir(&self.folder), &log, privilege)
    }

    /// Takes the namespace and the link away. The folder stays, to look at.
    pub(super) fn take_down(&self) {
        if let Err(error) = leftovers::clear(self.privilege) {
            ui::note(&format!("something is left behind: {error}"));
        }
    }
}

/// A program that this workspace built.
pub(super) fn binary(name: &str) -> PathBuf {
    workspace::target(workspace::DEMO).join(name)
}

/// Runs a program as the caller, with the capabilities that XDP needs and no more.
fn with_capabilities() -> Vec<String> {
    let capabilities = "+bpf,+net_admin,+perfmon";
    let (user, group) = (nix::unistd::getuid(), nix::unistd::getgid());
    let mut words = vec!["setpriv".to_owned(), format!("--reuid={user}"), format!("--regid={group}")];
    words.extend(["--init-groups".to_owned(), format!("--inh-caps={capabilities}")]);
    words.push(format!("--ambient-caps={capabilities}"));
    words
}

/// The usual port where it is free, else any.
fn free(address: Ipv4Addr, port: u16) -> Result<SocketAddr> {
    let place = |error| Error::message(format!("cannot listen on {address}: {error}"));
    let listener =
        TcpListener::bind((address, port)).or_else(|_| TcpListener::bind((address, 0))).map_err(place)?;
    listener.local_addr().map_err(place)
}
