//! A real MQTT broker: mosquitto.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::wait;

/// A running broker that lets everybody in. Dropping it kills it.
pub struct Mosquitto {
    process: Child,
    folder: TempDir,
    address: SocketAddr,
}

impl Mosquitto {
    /// Starts one on a free loopback port.
    pub fn start() -> Self {
        let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = free.local_addr().expect("its address");
        drop(free);
        let folder = TempDir::with_prefix("fleetgate-mosquitto-").expect("a folder");
        let (config, log) = (folder.path().join("mosquitto.conf"), folder.path().join("log"));
        let text =
            format!("listener {} 127.0.0.1\nallow_anonymous true\nlog_type all\nuser root\n", address.port());
        fs::write(&config, text).expect("write its configuration");
        let log = fs::File::create(log).expect("a log");
        // It is installed where not every PATH looks.
        let path = std::env::var("PATH").unwrap_or_default() + ":/usr/sbin";
        let process = Command::new("mosquitto")
            .env("PATH", path)
            .arg("-c")
            .arg(config)
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("run mosquitto");
        let broker = Self { process, folder, address };
        wait::until("mosquitto", || TcpStream::connect(address).ok().map(drop));
        broker
    }

    /// As the configuration names it.
    pub fn url(&self) -> String {
        format!("tcp://{}", self.address)
    }

    /// What it logged so far of clients that connected.
    pub fn clients(&self) -> Vec<String> {
        let log = fs::read_to_string(self.folder.path().join("log")).expect("its log");
        log.lines().filter(|line| line.contains("New client connected")).map(str::to_owned).collect()
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
