//! The gateway and its origins, as processes.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};

use super::FleetError;
use super::site::{Ports, Site};
use crate::server::{Process, StartError};
use crate::sim::come_first;

/// How long a process may take until it answers, in seconds.
const READY: u64 = 30;

/// The gateway.
pub(super) struct Gateway {
    binary: PathBuf,
    config: PathBuf,
    log: PathBuf,
    metrics: SocketAddr,
    process: Option<Process>,
}

impl Gateway {
    /// Starts it, and waits until it is ready.
    pub(super) async fn start(binary: &Path, site: &Site, folder: &Path) -> Result<Self, FleetError> {
        let mut gateway = Self {
            binary: binary.to_owned(),
            config: site.config(),
            log: folder.join("gateway.log"),
            metrics: site.metrics,
            process: None,
        };
        gateway.restart().await?;
        Ok(gateway)
    }

    /// Kills it, if it runs, and starts it with nothing in its memory.
    pub(super) async fn restart(&mut self) -> Result<(), FleetError> {
        drop(self.process.take());
        let command = self.command("run");
        let mut process = Process::start_anywhere("the gateway", command, &self.log)?;
        let deadline = Instant::now() + Duration::from_secs(READY);
        loop {
            process.check()?;
            let last = match get(self.metrics, "/readyz").await {
                Ok(answer) if answer.starts_with("HTTP/1.1 200") => break,
                Ok(answer) => answer,
                Err(error) => error.to_string(),
            };
            if Instant::now() > deadline {
                return Err(process.silent(READY, &last).into());
            }
            sleep(Duration::from_millis(10)).await;
        }
        self.process = Some(process);
        Ok(())
    }

    /// Has it read its configuration again.
    pub(super) async fn reload(&self) -> Result<(), FleetError> {
        let output = tokio::process::Command::from(self.command("reload")).output().await?;
        if output.status.success() {
            return Ok(());
        }
        Err(FleetError::Reload(String::from_utf8_lossy(&output.stderr).trim().to_owned()))
    }

    /// Fails when it has ended.
    pub(super) fn check(&mut self) -> Result<(), StartError> {
        self.process.as_mut().map_or(Ok(()), Process::check)
    }

    /// Its process' id.
    pub(super) fn id(&self) -> Option<u32> {
        self.process.as_ref().map(Process::id)
    }

    /// What it says of itself.
    pub(super) async fn metrics(&self) -> io::Result<String> {
        get(self.metrics, "/metrics").await
    }

    fn command(&self, verb: &str) -> Command {
        let mut command = Command::new(&self.binary);
        command.arg(verb).arg("--config").arg(&self.config);
        command
    }
}

/// Both origins. They end when these are dropped. `first` has them come before all others: origins have processors of their own.
pub(super) async fn start_origins(
    ports: Ports,
    folder: &Path,
    first: bool,
) -> Result<[Process; 2], FleetError> {
    let Ports { http_origin, mqtt_origin, .. } = ports;
    let own = std::env::current_exe()?;
    let start = async |protocol: &str, address: SocketAddr| {
        let mut command = Command::new(&own);
        command.args(["origin", "--protocol", protocol, "--listen", &address.to_string()]);
        let log = folder.join(format!("origin-{protocol}.log"));
        let mut process = Process::start_anywhere(&format!("the origin, {protocol}"), command, &log)?;
        let deadline = Instant::now() + Duration::from_secs(READY);
        while let Err(error) = TcpStream::connect(address).await {
            process.check()?;
            if Instant::now() > deadline {
                return Err(process.silent(READY, &error.to_string()));
            }
            sleep(Duration::from_millis(10)).await;
        }
        if first && let Ok(id) = i32::try_from(process.id()) {
            come_first(id);
        }
        Ok::<_, StartError>(process)
    };
    Ok([start("http", http_origin).await?, start("mqtt", mqtt_origin).await?])
}

/// A whole answer, as text.
async fn get(address: SocketAddr, path: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: metrics\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}
