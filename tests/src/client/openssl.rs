//! OpenSSL's `s_client`, and its `s_server` as a front that hands out the sessions that the gateway must not resume.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::pki::{Ca, Identity};

/// An `openssl s_client` command line in the making.
#[derive(Debug)]
pub struct SClient {
    command: Command,
    name: String,
}

/// What `s_client` printed, the server's answer included.
#[derive(Debug)]
pub struct Printed(pub String);

impl SClient {
    /// A connection to the host `name` at `address`.
    pub fn to(address: SocketAddr, name: &str) -> Self {
        // It ends, whatever the server does.
        let mut command = Command::new("timeout");
        command.args(["--signal=KILL", "30", "openssl", "s_client", "-ign_eof", "-connect"]);
        command.arg(address.to_string()).args(["-servername", name]);
        Self { command, name: name.to_owned() }
    }

    /// With a device's certificate.
    #[must_use]
    pub fn identity(self, identity: &Identity) -> Self {
        self.file("-cert", &identity.certificate).file("-key", &identity.key)
    }

    /// With anything else that `s_client` knows.
    #[must_use]
    pub fn args(mut self, arguments: &[&str]) -> Self {
        self.command.args(arguments);
        self
    }

    /// With an option that names a file.
    #[must_use]
    pub fn file(mut self, option: &str, path: &Path) -> Self {
        self.command.arg(option).arg(path);
        self
    }

    /// Connects, sends a GET, and waits for the end of the connection.
    pub fn get(mut self, path: &str) -> Printed {
        let pipes = self.command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = pipes.spawn().expect("run openssl");
        let mut input = child.stdin.take().expect("a pipe");
        // It may be gone already, with an alert.
        let _ = write!(input, "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.name);
        drop(input);
        let output = child.wait_with_output().expect("openssl's output");
        Printed(
            [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat(),
        )
    }
}

impl Printed {
    /// How many handshakes were full ones.
    pub fn new_sessions(&self) -> usize {
        self.0.matches("\nNew, TLSv1.").count()
    }

    /// How many resumed a session.
    pub fn resumed(&self) -> usize {
        self.0.matches("\nReused, TLSv1.").count()
    }

    /// The status of the answer; `None` when the connection ended without one.
    pub fn status(&self) -> Option<u16> {
        let (_, rest) = self.0.split_once("HTTP/1.1 ").or_else(|| self.0.split_once("HTTP/1.0 "))?;
        rest.get(..3)?.parse().ok()
    }
}

/// An `openssl s_server` that serves pages to devices of a CA, and sessions to resume. It ends when dropped.
#[derive(Debug)]
pub struct SServer {
    child: Child,
    address: SocketAddr,
}

impl SServer {
    /// Starts one on a free port, with further arguments.
    pub fn start(identity: &Identity, devices: &Ca, arguments: &[&str]) -> Self {
        let mut command = Command::new("openssl");
        command.args(["s_server", "-accept", "127.0.0.1:0", "-www", "-verify", "1", "-cert"]);
        command.arg(&identity.certificate).arg("-key").arg(&identity.key);
        command.arg("-CAfile").arg(&devices.path).args(arguments);
        let pipes = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = pipes.spawn().expect("run openssl");
        let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines().map_while(Result::ok);
        let port = lines.find_map(|line| line.strip_prefix("ACCEPT 127.0.0.1:")?.parse().ok());
        let address = (Ipv4Addr::LOCALHOST, port.expect("a port in what s_server prints")).into();
        Self { child, address }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for SServer {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
