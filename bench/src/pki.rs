//! Certificates for a fleet: a CA, devices, a server, and a stranger of another CA.

mod authority;
mod issue;
mod key;
mod revoke;
mod write;

pub use authority::{Authority, Subject};
pub use issue::{IssueError, Plan, issue};
pub use key::KeyKind;
pub use revoke::{RevokeError, crl, crl_file};
pub use write::{WriteError, write};

/// The devices' root.
pub const CA: &str = "ca";
/// The issuing CA below the root, where there is one.
pub const INTERMEDIATE: &str = "intermediate";
/// The server's identity.
pub const SERVER: &str = "server";
/// What the server's identity is verified with.
pub const SERVER_CA: &str = "server-ca";
/// A device of another CA.
pub const STRANGER: &str = "stranger";

/// A device's name: of its files, and its common name.
pub fn device(number: usize) -> String {
    format!("device-{number:05}")
}

/// The file with the certificates of a name, the leaf first.
pub fn certificate_file(name: &str) -> String {
    format!("{name}.pem")
}

/// The file with the private key of a name.
pub fn key_file(name: &str) -> String {
    format!("{name}-key.pem")
}

/// A file of a PKI.
#[derive(Debug)]
pub struct File {
    /// Its name in the folder.
    pub name: String,
    /// PEM.
    pub content: String,
    /// Whether it holds a private key.
    pub secret: bool,
}
