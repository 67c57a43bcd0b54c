//! A real `fleetgate run` process.

mod admin;
mod binary;
mod cli;
mod log;
mod manager;
mod process;
mod setup;
mod successor;

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use nix::sys::signal::Signal;
use tempfile::TempDir;

pub use binary::binary;
pub use cli::{Said, cli};
pub use log::Captured;
pub use manager::Manager;
pub use setup::{Host, LIMITS_OFF, Setup, quoted};
pub use successor::Successor;

use crate::message::Message;
use crate::metrics::Metrics;
use crate::wait;
use process::Process;

/// A gateway with its configuration file. Dropping it kills the process.
pub struct Gateway {
    process: Process,
    folder: TempDir,
    setup: Setup,
    ports: Ports,
}

/// A gateway that ended instead of getting ready.
#[derive(Debug)]
pub struct Refusal {
    /// How it ended.
    pub status: ExitStatus,
    /// What it wrote to standard error.
    pub stderr: String,
}

/// Where a gateway listens.
#[derive(Clone, Copy, Debug)]
struct Ports {
    devices: u16,
    metrics: u16,
}

/// Another process can take a port between its choice and its use.
const ATTEMPTS: usize = 5;

impl Gateway {
    /// Starts one and waits until it is ready.
    ///
    /// # Panics
    /// When it does not get ready.
    pub fn start(setup: Setup) -> Self {
        Self::try_start(setup).unwrap_or_else(|refusal| panic!("the gateway ended: {}", refusal.stderr))
    }

    /// Starts one and waits until it is ready or has ended.
    ///
    /// # Errors
    /// How it ended.
    pub fn try_start(setup: Setup) -> Result<Self, Refusal> {
        let folder = TempDir::with_prefix("fleetgate-test-").expect("a folder");
        let mut attempts = 0..ATTEMPTS;
        loop {
            let ports = Ports::choose(&setup);
            let config = config_path(&folder);
            std::fs::write(&config, setup.toml(&socket_path(&folder), ports.devices, ports.metrics))
                .expect("write the configuration");
            let process = Process::spawn(&setup, &config);
            match wait_ready(&process, &setup, &folder, ports) {
                Err(refusal) if refusal.stderr.contains("cannot listen on") && attempts.next().is_some() => {}
                Err(refusal) => return Err(refusal),
                Ok(()) => return Ok(Self { process, folder, setup, ports }),
            }
        }
    }

    /// Where devices connect on this machine, or in the gateway's namespace.
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.ports.devices).into()
    }

    /// The configuration file.
    pub fn config(&self) -> PathBuf {
        config_path(&self.folder)
    }

    /// The folder with the configuration file.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The admin socket.
    pub fn admin_socket(&self) -> PathBuf {
        socket_path(&self.folder)
    }

    /// Writes another configuration, for the same ports. It is not loaded yet.
    pub fn configure(&self, setup: &Setup) {
        self.write_config(&setup.toml(&self.admin_socket(), self.ports.devices, self.ports.metrics));
    }

    /// Writes any text as the configuration. It is not loaded yet.
    pub fn write_config(&self, text: &str) {
        std::fs::write(self.config(), text).expect("write the configuration");
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        self.process.signal(signal);
    }

    /// Waits until the process has ended.
    pub fn wait(&mut self) -> ExitStatus {
        wait::until("the gateway's end", || self.process.ended())
    }

    /// Starts the process again with the same file and ports, after it has ended, and waits until it is ready.
    pub fn start_again(&mut self) {
        self.process = Process::spawn(&self.setup, &self.config());
        wait_ready(&self.process, &self.setup, &self.folder, self.ports)
            .unwrap_or_else(|refusal| panic!("{}", refusal.stderr));
    }

    /// What the process writes.
    pub fn output(&self) -> &Captured {
        &self.process.output
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// A scrape of `/metrics`.
    pub fn metrics(&self) -> Metrics {
        Metrics::parse(&self.probe("/metrics").expect("the metrics endpoint").text())
    }

    /// The value of one series.
    pub fn metric(&self, name: &str, labels: &[(&str, &str)]) -> u64 {
        self.metrics().get(name, labels)
    }

    /// Waits until the series is at least `least`: what one thread counts, another may read a moment later.
    #[track_caller]
    pub fn wait_metric(&self, name: &str, labels: &[(&str, &str)], least: u64) {
        wait::until(&format!("{name} {labels:?} >= {least}"), || {
            (self.metric(name, labels) >= least).then_some(())
        });
    }

    /// A GET on the metrics endpoint: `/metrics`, `/livez` or `/readyz`. `None` while nobody answers.
    pub fn probe(&self, path: &str) -> Option<Message> {
        probe(&self.setup, self.ports, path)
    }
}

impl Ports {
    /// Free ports; in a namespace of its own every port is free, and tests know these.
    fn choose(setup: &Setup) -> Self {
        if setup.namespace.is_some() {
            let (devices, metrics) = setup.ports;
            return Self { devices, metrics };
        }
        let free = || {
            let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
            let port = socket.local_addr().expect("its address").port();
            (socket, port)
        };
        // Both at once: they must differ.
        let ((_devices, devices), (_metrics, metrics)) = (free(), free());
        Self { devices, metrics }
    }
}

fn socket_path(folder: &TempDir) -> PathBuf {
    folder.path().join("admin.sock")
}

fn config_path(folder: &TempDir) -> PathBuf {
    folder.path().join("fleetgate.toml")
}

fn wait_ready(process: &Process, setup: &Setup, folder: &TempDir, ports: Ports) -> Result<(), Refusal> {
    wait::until("a gateway that is ready", || {
        if let Some(status) = process.ended() {
            return Some(Err(Refusal { status, stderr: process.output.whole_stderr() }));
        }
        // The socket is bound after all ports, and is surely this gateway's: a port can be somebody else's by now.
        UnixStream::connect(socket_path(folder)).ok()?;
        probe(setup, ports, "/readyz").filter(|response| response.status() == 200).map(|_| Ok(()))
    })
}

fn probe(setup: &Setup, ports: Ports, path: &str) -> Option<Message> {
    let exchange = || {
        let mut stream = TcpStream::connect((IpAddr::from(Ipv4Addr::LOCALHOST), ports.metrics)).ok()?;
        stream.set_read_timeout(Some(wait::DEADLINE)).ok()?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").ok()?;
        let mut response = Vec::new();
        stream.read_to_end(&mut response).ok()?;
        Message::read_response(&mut response.as_slice()).ok()
    };
    match &setup.namespace {
        Some(namespace) => namespace.run(exchange),
        None => exchange(),
    }
}
