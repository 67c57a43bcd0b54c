//! WebSocket by the Python library `websockets`, at both ends.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

use crate::pki::Identity;
use crate::site::{HOST, Site};
use crate::{python, wait};

const SCRIPT: &str = "websocket_device.py";

/// An origin that echoes. Dropping it kills it.
pub struct WebSocketOrigin {
    process: Child,
    port: String,
    said: Arc<Mutex<Vec<Value>>>,
}

/// A device that says what happens to it. Dropping it kills it.
pub struct WebSocketDevice {
    process: Child,
    output: BufReader<ChildStdout>,
}

impl WebSocketOrigin {
    /// Starts one. Where Python's packages are missing, the test is listed as skipped, and should return.
    pub fn start() -> Option<Self> {
        Self::start_with(&[])
    }

    /// One that speaks TLS.
    pub fn start_tls(identity: &Identity) -> Option<Self> {
        Self::start_with(&[&identity.certificate, &identity.key])
    }

    fn start_with(files: &[&PathBuf]) -> Option<Self> {
        let mut command = python::script(&python::interpreter()?, SCRIPT);
        let (process, mut output) = spawn(command.arg("origin").args(files));
        let mut port = String::new();
        output.read_line(&mut port).expect("its port");
        let said = Arc::<Mutex<Vec<Value>>>::default();
        let saying = Arc::clone(&said);
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                let line = serde_json::from_str(&line).expect("JSON");
                saying.lock().unwrap_or_else(PoisonError::into_inner).push(line);
            }
        });
        Some(Self { process, port: port.trim().to_owned(), said })
    }

    /// As the configuration names it, without TLS.
    pub fn url(&self) -> String {
        self.url_with("http")
    }

    /// The same with another scheme.
    pub fn url_with(&self, scheme: &str) -> String {
        format!("{scheme}://127.0.0.1:{}", self.port)
    }

    /// What it has seen: connections that `opened` with their `headers`, and `closed` ones with the code that came.
    pub fn said(&self) -> Vec<Value> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until it says something about this.
    #[track_caller]
    pub fn wait(&self, what: &str) -> Value {
        wait::until(what, || self.said().into_iter().find(|said| !said[what].is_null()))
    }
}

impl WebSocketDevice {
    /// Connects to the host's `path`, and does `what`. `None` where Python's packages are missing.
    pub fn start(
        site: &Site,
        address: SocketAddr,
        identity: Option<&Identity>,
        path: &str,
        what: &str,
    ) -> Option<Self> {
        let mut command = python::script(&python::interpreter()?, SCRIPT);
        let (certificate, key) =
            identity.map_or_else(Default::default, |device| (device.certificate.clone(), device.key.clone()));
        let files: [PathBuf; 3] = [site.servers.path.clone(), certificate, key];
        command.arg("device").arg(address.port().to_string()).args(files);
        let (process, output) = spawn(command.arg(format!("wss://{HOST}{path}")).arg(what));
        Some(Self { process, output })
    }

    /// The next thing that it says.
    #[track_caller]
    pub fn says(&mut self) -> Value {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("its output");
        serde_json::from_str(&line).expect("JSON")
    }
}

fn spawn(command: &mut Command) -> (Child, BufReader<ChildStdout>) {
    let mut process = command.stdout(Stdio::piped()).spawn().expect("start Python");
    let output = process.stdout.take().expect("its output");
    (process, BufReader::new(output))
}

impl Drop for WebSocketOrigin {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Drop for WebSocketDevice {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
