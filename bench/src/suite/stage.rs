//! Everything that a suite needs, up and answering: certificates, an origin, servers.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use http::{HeaderValue, Uri};
use nix::errno::Errno;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use super::{Event, Options};
use crate::client::{
    Connector, Failure, Group, Identity, LoadError, Profile, Session, SetupError, Target, Trust, Version,
};
use crate::machine::{self, Cpus};
use crate::pki::{self, IssueError, KeyKind, RevokeError, WriteError};
use crate::server::{self, HOST, Kind, Process, Site, StartError, Tickets};

/// How long a server may take until it answers, in seconds.
const READY: u64 = 20;

/// Why there is nothing to measure.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// No certificates.
    #[error(transparent)]
    Issue(#[from] IssueError),
    /// They cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// No CRL.
    #[error(transparent)]
    Revoke(#[from] RevokeError),
    /// They cannot be read.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// They cannot be used.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// A server is not there.
    #[error(transparent)]
    Start(#[from] StartError),
    /// No CPU to pin to.
    #[error("cannot choose CPUs: {0}")]
    Cpu(#[from] Errno),
    /// Files or ports.
    #[error("cannot set up: {0}")]
    Io(#[from] io::Error),
}

/// A server that answers.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) kind: Kind,
    pub(super) process: Process,
    pub(super) target: Target,
}

/// Devices with keys of one kind.
pub(super) struct Devices {
    pub(super) label: &'static str,
    pub(super) connectors: Vec<Connector>,
}

/// Everything that a suite needs. All processes end when it is dropped.
pub(super) struct Stage {
    pub(super) servers: Vec<Server>,
    pub(super) devices: Vec<Devices>,
    pub(super) origin: Target,
    /// What it was measured on, and what took part.
    pub(super) description: String,
    pub(super) cpus: Cpus,
    paths: Paths,
    _origin: Process,
    folder: TempDir,
}

/// Paths in the stage's folder, and programs.
struct Paths {
    folder: PathBuf,
    roots: Vec<PathBuf>,
    all_roots: PathBuf,
    gateway: PathBuf,
    own: PathBuf,
}

impl Stage {
    /// Sets up `kinds` of servers, for devices with `keys`.
    pub(super) async fn set(
        kinds: &[Kind],
        keys: &[KeyKind],
        options: &Options,
        tell: &dyn Fn(Event<'_>),
    ) -> Result<Self, StageError> {
        let mut stage = Self::empty(kinds, keys, options, tell).await?;
        tell(Event::Stage("starting the servers"));
        for kind in kinds {
            stage.servers.push(stage.start(*kind).await?);
        }
        Ok(stage)
    }

    /// The same with no server yet; `kinds` are described.
    pub(super) async fn empty(
        kinds: &[Kind],
        keys: &[KeyKind],
        options: &Options,
        tell: &dyn Fn(Event<'_>),
    ) -> Result<Self, StageError> {
        let folder = tempfile::Builder::new().prefix("fleetgate-bench-").tempdir()?;
        let mut devices = Vec::new();
        for key in keys {
            tell(Event::Stage(&format!(
                "making certificates for {} devices, {}",
                options.sizes.identities,
                key.label()
            )));
            devices.push(Devices::make(folder.path(), *key, options.sizes.identities).await?);
        }
        let paths = Paths::new(folder.path(), keys, &options.gateway)?;
        let cpus = Cpus::choose()?;
        machine::pin(cpus.load)?;
        let (process, origin) = start_origin(&paths, cpus).await?;
        let description = describe(kinds, &options.gateway, cpus);
        let servers = Vec::new();
        Ok(Self { servers, devices, origin, description, cpus, paths, _origin: process, folder })
    }

    /// Another server, which has seen one connection.
    pub(super) async fn start(&self, kind: Kind) -> Result<Server, StageError> {
        self.start_at(kind, server::free_address()?).await
    }

    /// The same, at an address.
    pub(super) async fn start_at(&self, kind: Kind, listen: SocketAddr) -> Result<Server, StageError> {
        let site = OwnFolder::new(&self.paths, self.origin.address, listen)?;
        let named = |error| StartError::Start { name: kind.label().to_owned(), error };
        let command = kind.command(&site.site(&self.paths)).map_err(named)?;
        let mut process = Process::start(kind.label(), command, self.cpus.server, &site.folder.join("log"))?;
        let target = Target { address: site.listen, source: None };
        if let Some(device) = self.devices.first().and_then(|devices| devices.connectors.first()) {
            until_ready(&mut process, async || device.connect(target).await).await?;
        }
        Ok(Server { kind, process, target })
    }

    /// The command of a server at an address.
    pub(super) fn command(&self, kind: Kind, listen: SocketAddr) -> Result<Command, StageError> {
        let site = OwnFolder::new(&self.paths, self.origin.address, listen)?;
        Ok(kind.command(&site.site(&self.paths))?)
    }

    /// Whether the gateway has hosts that pass on bytes.
    pub(super) fn knows_streams(&self) -> Result<bool, StageError> {
        let site = OwnFolder::new(&self.paths, self.origin.address, server::free_address()?)?;
        Ok(server::knows_streams(&site.site(&self.paths))?)
    }

    /// A server's own folder.
    pub(super) fn folder_of(&self, server: &Server) -> PathBuf {
        self.paths.own_folder(server.target.address)
    }

    /// The folder of everything.
    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// This program.
    pub(super) fn own(&self) -> &Path {
        &self.paths.own
    }

    /// The folder of the devices' certificates, where they have keys on P-256.
    pub(super) fn pki(&self) -> PathBuf {
        self.folder.path().join(KeyKind::P256.name())
    }
}

impl Devices {
    async fn make(folder: &Path, key: KeyKind, count: usize) -> Result<Self, StageError> {
        let folder = folder.join(key.name());
        let plan = pki::Plan { devices: count, hosts: vec![HOST.to_owned()], key, intermediate: true };
        // On another thread: RSA keys take their time, and Ctrl-C should not.
        let files =
            tokio::task::spawn_blocking(move || pki::issue(&plan)).await.map_err(io::Error::from)??;
        pki::write(&folder, &files, false)?;
        std::fs::write(pki::crl_file(&folder.join(pki::CA)), pki::crl(&folder, 1, false)?)?;
        // All servers have the identity that is made first.
        let first = folder.with_file_name(KeyKind::P256.name());
        let trust = Trust::load(&first.join(pki::certificate_file(pki::SERVER_CA)))?;
        let profile = Profile::new(&trust, Group::X25519, Version::Any)?;
        let connectors = (0..count).map(|number| {
            let identity = Identity::load(&folder, &pki::device(number))?;
            Ok(Connector::of(&profile, Some(&identity), HOST)?)
        });
        Ok(Self { label: key.label(), connectors: connectors.collect::<Result<_, StageError>>()? })
    }
}

impl Paths {
    fn new(folder: &Path, keys: &[KeyKind], gateway: &Path) -> Result<Self, StageError> {
        let roots: Vec<_> =
            keys.iter().map(|key| folder.join(key.name()).join(pki::certificate_file(pki::CA))).collect();
        let all_roots = folder.join("roots.pem");
        let all = roots.iter().map(std::fs::read_to_string).collect::<io::Result<String>>()?;
        std::fs::write(&all_roots, all)?;
        let own = std::env::current_exe()?;
        Ok(Self { folder: folder.to_owned(), roots, all_roots, gateway: gateway.to_owned(), own })
    }

    /// Not by a label: not every configuration can hold a path with a space.
    fn own_folder(&self, listen: SocketAddr) -> PathBuf {
        self.folder.join(listen.port().to_string())
    }

    fn of_server(&self, name_of: impl Fn(&str) -> String) -> PathBuf {
        self.folder.join(KeyKind::P256.name()).join(name_of(pki::SERVER))
    }
}

/// Where a server is, and what is its alone.
struct OwnFolder {
    folder: PathBuf,
    certificate: PathBuf,
    key: PathBuf,
    listen: SocketAddr,
    origin: SocketAddr,
}

impl OwnFolder {
    fn new(paths: &Paths, origin: SocketAddr, listen: SocketAddr) -> io::Result<Self> {
        let folder = paths.own_folder(listen);
        std::fs::create_dir_all(&folder)?;
        let (certificate, key) = (paths.of_server(pki::certificate_file), paths.of_server(pki::key_file));
        Ok(Self { folder, certificate, key, listen, origin })
    }

    fn site<'a>(&'a self, paths: &'a Paths) -> Site<'a> {
        Site {
            folder: &self.folder,
            listen: self.listen,
            origin: self.origin,
            certificate: &self.certificate,
            key: &self.key,
            roots: &paths.roots,
            all_roots: &paths.all_roots,
            gateway: &paths.gateway,
            own: &paths.own,
        }
    }
}

async fn start_origin(paths: &Paths, cpus: Cpus) -> Result<(Process, Target), StageError> {
    let address = server::free_address()?;
    let mut command = Command::new(&paths.own);
    command.arg("origin").arg("--listen").arg(address.to_string());
    let mut process = Process::start("the origin", command, cpus.load, &paths.folder.join("origin.log"))?;
    let target = Target { address, source: None };
    let connect = async || Session::plain(target, HeaderValue::from_static("origin")).await;
    until_ready(&mut process, connect).await?;
    Ok((process, target))
}

/// Waits until a request over a new connection is answered well.
async fn until_ready(
    process: &mut Process,
    connect: impl AsyncFn() -> Result<Session, Failure>,
) -> Result<(), StartError> {
    let deadline = Instant::now() + Duration::from_secs(READY);
    let path = Uri::from_static("/bytes/1");
    loop {
        process.check()?;
        let answer = async { connect().await?.get(&path).await };
        let last = match answer.await {
            Ok(answer) if answer.status.is_success() => return Ok(()),
            Ok(answer) => answer.status.to_string(),
            Err(failure) => failure.to_string(),
        };
        if Instant::now() > deadline {
            return Err(process.silent(READY, &last));
        }
        sleep(Duration::from_millis(50)).await;
    }
}

fn describe(kinds: &[Kind], gateway: &Path, cpus: Cpus) -> String {
    let mut description = machine::describe();
    if cpus.server == cpus.load {
        description.push_str("; ONE CPU FOR SERVER AND LOAD");
    }
    for kind in kinds {
        let program = match kind {
            Kind::Fleetgate | Kind::FleetgateCrl | Kind::FleetgateGuarded(_) | Kind::FleetgateStored => {
                Some(gateway.to_owned())
            }
            Kind::Peer(peer, Tickets::Off) => server::find(peer.name()),
            Kind::FleetgateCold
            | Kind::FleetgateOpen
            | Kind::FleetgateStream
            | Kind::HaproxyStream
            | Kind::Peer(_, Tickets::Default)
            | Kind::Floor => None,
        };
        if let Some(program) = program {
            // No two say it the same way.
            let version = server::version(&program, &["-v", "--version", "version"]);
            let version = version.unwrap_or_else(|| "unknown version".to_owned());
            description.push_str(&["; ", kind.label(), " ", &version].concat());
        }
    }
    description
}
