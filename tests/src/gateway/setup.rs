//! A configuration file, put together from parts.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::Ports;
use super::manager::Manager;
use crate::namespace::Namespace;
use crate::pki::Identity;

/// What a gateway is started with. Every limit is off unless a test asks for one: all tests come from one address.
#[derive(Clone, Debug)]
pub struct Setup {
    pub(super) namespace: Option<Namespace>,
    pub(super) wrapper: Vec<String>,
    pub(super) manager: Option<Manager>,
    /// For devices and for metrics, in a namespace.
    pub(super) ports: (u16, u16),
    address: String,
    tables: BTreeMap<String, String>,
    arrays: Vec<(&'static str, String)>,
    api: bool,
    edits: Vec<(String, String)>,
}

/// `[xdp.limit]` without any.
pub const LIMITS_OFF: &str = "syn_per_source = \"off\"\nsyn_total = \"off\"\nhello_per_source = \"off\"\n\
    hello_per_host = \"off\"\nhello_total = \"off\"\nincomplete_per_source = \"off\"\nnot_tls_per_source = \"off\"\n\
    new_flows = \"off\"";

/// A `[[host]]`.
#[derive(Clone, Debug)]
pub struct Host(String);

impl Default for Setup {
    fn default() -> Self {
        let limits = LIMITS_OFF;
        let setup = Self {
            namespace: None,
            wrapper: vec![],
            manager: None,
            ports: (8443, 9090),
            address: "127.0.0.1".into(),
            tables: BTreeMap::new(),
            arrays: vec![],
            api: false,
            edits: vec![],
        };
        setup.table("xdp.limit", limits).table("forwarding", "cloudflare = true")
    }
}

impl Setup {
    /// Runs in a network namespace, on port 8443 of every address there unless it is told otherwise.
    #[must_use]
    pub fn inside(self, namespace: &Namespace) -> Self {
        Self { namespace: Some(namespace.clone()), address: "[::]".into(), ..self }
    }

    /// Beside another gateway in the same namespace: other ports, for devices and for metrics.
    #[must_use]
    pub fn on_ports(self, devices: u16, metrics: u16) -> Self {
        Self { ports: (devices, metrics), ..self }
    }

    /// Starts the gateway through another program, such as `setpriv` with its arguments.
    #[must_use]
    pub fn wrapped(self, wrapper: &[&str]) -> Self {
        Self { wrapper: wrapper.iter().map(|word| (*word).to_owned()).collect(), ..self }
    }

    /// Has the gateway started by a service manager.
    #[must_use]
    pub fn managed(self, manager: &Manager) -> Self {
        // Only the process itself knows its number before it is the gateway.
        let manager = Some(manager.clone());
        Self { manager, ..self.wrapped(&["sh", "-c", "export LISTEN_PID=$$; exec \"$@\"", "sh"]) }
    }

    /// Makes `content` the table `[name]`.
    #[must_use]
    pub fn table(mut self, name: &str, content: &str) -> Self {
        self.tables.insert(name.into(), content.into());
        self
    }

    /// Adds a line to the listener.
    #[must_use]
    pub fn listener(self, line: &str) -> Self {
        self.replace("[admin]\n", &format!("{line}\n[admin]\n"))
    }

    /// Adds lines to `[admin]`.
    #[must_use]
    pub fn admin(self, lines: &str) -> Self {
        self.replace("[admin]\n", &format!("[admin]\n{lines}\n"))
    }

    /// Serves the API over TCP, and keeps what it is told.
    #[must_use]
    pub fn api(self) -> Self {
        Self { api: true, ..self.table("server", "state_dir = \".\"") }
    }

    /// Adds a host.
    #[must_use]
    pub fn host(self, host: Host) -> Self {
        let Host(text) = host;
        self.array("host", text)
    }

    /// Adds an mTLS certificate for `hosts`.
    #[must_use]
    pub fn trust(self, name: &str, certificate: &Path, hosts: &[&str]) -> Self {
        let certificate = quoted(certificate);
        self.array(
            "mtls_certificate",
            format!("name = {name:?}\ncertificate = {certificate}\nassociated_hostnames = {hosts:?}"),
        )
    }

    /// Adds an application with one policy: a valid certificate is enough.
    #[must_use]
    pub fn devices_only(self, domain: &str) -> Self {
        let policy = "name = \"devices\"\ndecision = \"non_identity\"\ninclude = [{ certificate = {} }]";
        self.array("application", format!("domain = {domain:?}\n[[application.policy]]\n{policy}"))
    }

    /// Adds an element of an array of tables.
    #[must_use]
    pub fn array(mut self, name: &'static str, content: impl Into<String>) -> Self {
        self.arrays.push((name, content.into()));
        self
    }

    /// Replaces a piece of the file's text, which must be there.
    #[must_use]
    pub fn replace(mut self, piece: &str, other: &str) -> Self {
        self.edits.push((piece.into(), other.into()));
        self
    }

    /// Writes the file into `folder`, for verbs that need no running gateway. Returns its path and text.
    pub fn write(&self, folder: &Path) -> (PathBuf, String) {
        let path = folder.join("fleetgate.toml");
        let text = self.toml(&folder.join("admin.sock"), Ports { devices: 8443, metrics: 9090, api: 9443 });
        std::fs::write(&path, &text).expect("write the configuration");
        (path, text)
    }

    /// The file's text.
    pub(super) fn toml(&self, admin_socket: &Path, Ports { devices, metrics, api }: Ports) -> String {
        let (address, socket) = (&self.address, quoted(admin_socket));
        let listen = if self.api { format!("listen = \"127.0.0.1:{api}\"\n") } else { String::new() };
        let mut text = format!(
            "[[listener]]\naddress = \"{address}:{devices}\"\n\
             [admin]\nsocket = {socket}\n{listen}\
             [metrics]\nlisten = \"127.0.0.1:{metrics}\"\n"
        );
        for (name, content) in &self.tables {
            let _ = writeln!(text, "[{name}]\n{content}");
        }
        for (name, content) in &self.arrays {
            let _ = writeln!(text, "[[{name}]]\n{content}");
        }
        for (piece, other) in &self.edits {
            assert!(text.contains(piece), "no {piece} in\n{text}");
            text = text.replacen(piece, other, 1);
        }
        text
    }
}

impl Host {
    /// A host with its identity and its origin's URL.
    pub fn new(name: &str, identity: &Identity, origin: &str) -> Self {
        let (certificate, key) = (quoted(&identity.certificate), quoted(&identity.key));
        Self(format!("name = {name:?}\ncertificate = {certificate}\nkey = {key}\norigin = {origin:?}"))
    }

    /// With a line more.
    #[must_use]
    pub fn line(self, line: &str) -> Self {
        Self(format!("{}\n{line}", self.0))
    }

    /// `require` or `none` instead of `access`.
    #[must_use]
    pub fn client_auth(self, word: &str) -> Self {
        Self(format!("{}\nclient_auth = {word:?}", self.0))
    }
}

/// A path as TOML has it.
pub fn quoted(path: &Path) -> String {
    format!("\"{}\"", path.display())
}
