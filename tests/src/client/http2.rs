//! HTTP/2 by the Python library `h2`, well-behaved or not.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::pki::{Ca, Identity};
use crate::python;

/// A client that speaks HTTP/2 and nothing else.
#[derive(Debug)]
pub struct Http2 {
    python: PathBuf,
    words: Vec<String>,
}

impl Http2 {
    /// One for the host `sni` at `address`, with the certificate of `device`. Where Python's packages are missing, the test
    /// is listed as skipped, and should return.
    pub fn new(address: SocketAddr, sni: &str, servers: &Ca, device: Option<&Identity>) -> Option<Self> {
        let path = |path: &PathBuf| path.display().to_string();
        let (certificate, key) =
            device.map(|device| (path(&device.certificate), path(&device.key))).unwrap_or_default();
        let words = [
            address.ip().to_string(),
            address.port().to_string(),
            sni.to_owned(),
            path(&servers.path),
            certificate,
            key,
        ];
        Some(Self { python: python::interpreter()?, words: words.to_vec() })
    }

    /// Sends requests on one connection, all at once. Each is `{"authority", "path", "method", "headers", "body", "trailers"}`;
    /// each answer `{"status", "headers", "body", "ended", "reset"}`.
    ///
    /// # Panics
    /// When the script fails.
    #[track_caller]
    pub fn requests(&self, requests: &Value) -> Vec<Value> {
        self.answers("requests", requests)
    }

    /// Sends requests, each on a connection of its own. Instead of `authority`, `path`, `method` and `headers` one may have
    /// `fields`: all of them, whether a server would take them or not.
    ///
    /// # Panics
    /// When the script fails.
    #[track_caller]
    pub fn each(&self, requests: &Value) -> Vec<Value> {
        self.answers("each", requests)
    }

    #[track_caller]
    fn answers(&self, word: &str, requests: &Value) -> Vec<Value> {
        let output = python::output_of(&mut self.command(&[word]), requests.to_string().as_bytes());
        serde_json::from_str(&output).expect("JSON")
    }

    /// Attacks, and says how that ended: the gateway `closed` the connection, it `stalled` because the gateway waits for its
    /// answers to be read, or it `survived`.
    ///
    /// # Panics
    /// When the script fails.
    #[track_caller]
    pub fn attack(&self, name: &str) -> String {
        let result = python::output(&mut self.command(&["attack", name]));
        let result: Value = serde_json::from_str(&result).expect("JSON");
        result["ended"].as_str().expect("how it ended").to_owned()
    }

    /// The script with other words.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = python::script(&self.python, "http2.py");
        command.args(&self.words).args(words);
        command
    }
}
