//! `openssl s_client`.

use std::net::SocketAddr;
use std::process::{Command, Stdio};

/// Connects to `name` at `address` with `openssl s_client` and further arguments, says nothing, and returns what it
/// printed.
pub fn s_client(address: SocketAddr, name: &str, arguments: &[&str]) -> String {
    let mut command = Command::new("openssl");
    command.args(["s_client", "-connect", &address.to_string(), "-servername", name]).args(arguments);
    let output = command.stdin(Stdio::null()).output().expect("run openssl");
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}
