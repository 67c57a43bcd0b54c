//! The `curl` command.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use crate::message::Message;
use crate::namespace::Namespace;
use crate::pki::Identity;

/// A `curl` command line in the making.
#[derive(Debug)]
pub struct Curl(Command);

/// curl's exit status and what it said.
#[derive(Debug)]
pub struct Failed {
    /// Exit status.
    pub code: i32,
    /// Standard error.
    pub stderr: String,
}

impl Curl {
    /// A GET of `https://NAME/PATH`, whose connection goes to `address` and whose server must be of this CA.
    pub fn get(address: SocketAddr, ca: &Path, url: &str) -> Self {
        Self::with(Command::new("curl"), address, ca, url)
    }

    /// The same from a network namespace.
    pub fn get_inside(namespace: &Namespace, address: SocketAddr, ca: &Path, url: &str) -> Self {
        Self::with(namespace.command("curl"), address, ca, url)
    }

    fn with(mut command: Command, address: SocketAddr, ca: &Path, url: &str) -> Self {
        command.args(["-sS", "-i", "--http1.1", "--noproxy", "*", "--max-time", "30", "--connect-to"]);
        command.arg(format!("::{address}")).arg("--cacert").arg(ca).arg(url);
        Self(command)
    }

    /// With a device's certificate.
    #[must_use]
    pub fn identity(mut self, identity: &Identity) -> Self {
        self.0.arg("--cert").arg(&identity.certificate).arg("--key").arg(&identity.key);
        self
    }

    /// With a header, `Name: value`.
    #[must_use]
    pub fn header(self, header: &str) -> Self {
        self.args(&["-H", header])
    }

    /// With anything else that curl knows.
    #[must_use]
    pub fn args(mut self, arguments: &[&str]) -> Self {
        self.0.args(arguments);
        self
    }

    /// Runs it.
    ///
    /// # Errors
    /// When curl failed; a response of any status is none.
    pub fn run(mut self) -> Result<Message, Failed> {
        let output = self.0.output().expect("run curl");
        if !output.status.success() {
            let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
            return Err(Failed { code: output.status.code().unwrap_or(-1), stderr });
        }
        Ok(Message::read_response(&mut output.stdout.as_slice()).expect("a response"))
    }

    /// Runs it and expects a response.
    #[track_caller]
    pub fn response(self) -> Message {
        self.run().unwrap_or_else(|failed| panic!("curl: {failed:?}"))
    }
}
