//! The same by cfssl, or by `fleetgate pki`, which takes the same arguments: with files as the product document has them; only
//! the keys are smaller, to be made sooner.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use serde_json::{Value, json};

use super::{Folder, Identity, openssl};
use crate::gateway::binary;

/// What makes certificates and CRLs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tool {
    /// `cfssl`
    Cfssl,
    /// `fleetgate pki`
    Fleetgate,
}

/// A CA of cfssl's making, or of a tool that takes its place.
#[derive(Clone, Debug)]
pub struct Cfssl {
    folder: Arc<Folder>,
    tool: Tool,
    /// The CA's certificate.
    pub ca: PathBuf,
    key: PathBuf,
    /// `ca-config.json`
    config: PathBuf,
}

impl Cfssl {
    /// A root with this common name, as `cfssl gencert -initca` makes it.
    pub fn root(name: &str) -> Self {
        Self::root_by(Tool::Cfssl, name)
    }

    /// The same CA in another tool's hands.
    #[must_use]
    pub fn with(&self, tool: Tool) -> Self {
        Self { tool, ..self.clone() }
    }

    /// A root of either tool's making, with which it goes on.
    pub fn root_by(tool: Tool, name: &str) -> Self {
        let folder = Folder::new();
        let usages = |purpose| json!(["signing", "key encipherment", purpose]);
        let config = json!({ "signing": { "default": { "expiry": "8760h" }, "profiles": {
            "client": { "usages": usages("client auth"), "expiry": "8760h" },
            // For the document's "if your zone is using intermediate certificates".
            "ca": {
                "usages": ["cert sign", "crl sign"],
                "ca_constraint": { "is_ca": true },
                "expiry": "8760h",
            },
        } } });
        let config = folder.write("ca-config", &config.to_string());
        let request = folder.write("ca-csr", &request(name).to_string());
        let made = tool.run(["gencert".as_ref(), "-initca".as_ref(), request.as_os_str()]);
        let (ca, key) = write(&folder, &made);
        Self { folder, tool, ca, key, config }
    }

    /// A CA under this one.
    #[must_use]
    pub fn intermediate(&self, name: &str) -> Self {
        let (ca, key) = self.gencert("ca", name);
        Self { ca, key, ..self.clone() }
    }

    /// A device, as the document's client certificate is made: it sends its own certificate and no other.
    pub fn device(&self, name: &str) -> Identity {
        let (certificate, key) = self.gencert("client", name);
        Identity::read(&self.folder, &certificate, &key)
    }

    /// The chain as one file to upload: this CA, and `above`.
    pub fn chain(&self, above: &Self) -> PathBuf {
        let read = |path: &Path| fs::read_to_string(path).expect("read PEM");
        self.folder.write("chain", &(read(&self.ca) + &read(&above.ca)))
    }

    /// A CRL of the serial numbers in a file with these lines, as `cfssl gencrl` makes and prints it.
    pub fn cfssl_crl(&self, serials: &[&str]) -> Vec<u8> {
        crl(self.tool, &self.folder, &self.ca, &self.key, serials)
    }

    /// A CRL of these serial numbers, in hexadecimal, as `openssl ca -gencrl` makes it: PEM.
    pub fn openssl_crl(&self, serials: &[&str]) -> Vec<u8> {
        openssl::crl(&self.folder, &self.ca, &self.key, serials)
    }

    fn gencert(&self, profile: &str, name: &str) -> (PathBuf, PathBuf) {
        let request = self.folder.write("csr", &request(name).to_string());
        let option = |name: &str, path: &Path| format!("-{name}={}", path.display());
        let (ca, key) = (option("ca", &self.ca), option("ca-key", &self.key));
        let (config, profile) = (option("config", &self.config), format!("-profile={profile}"));
        let words = ["gencert", &ca, &key, &config, &profile].map(OsStr::new);
        write(&self.folder, &self.tool.run(words.into_iter().chain([request.as_os_str()])))
    }
}

/// `cfssl gencrl`
pub(super) fn crl(tool: Tool, folder: &Folder, ca: &Path, key: &Path, serials: &[&str]) -> Vec<u8> {
    let list = folder.write("serials", &(serials.join("\n") + "\n"));
    tool.run([OsStr::new("gencrl"), list.as_os_str(), ca.as_os_str(), key.as_os_str()])
}

fn request(name: &str) -> Value {
    json!({
        "CN": name,
        "hosts": [""],
        "key": { "algo": "rsa", "size": 2048 },
        "names": [{ "C": "US", "L": "Austin", "O": "Access", "OU": "Access Admins", "ST": "Texas" }],
    })
}

/// What `cfssljson -bare` does: the certificate and the key, as files.
fn write(folder: &Folder, made: &[u8]) -> (PathBuf, PathBuf) {
    let made: Value = serde_json::from_slice(made).expect("cfssl's JSON");
    let file = |name: &str| folder.write(name, made[name].as_str().expect("PEM in cfssl's JSON"));
    (file("cert"), file("key"))
}

impl Tool {
    fn run<'a>(self, arguments: impl IntoIterator<Item = &'a OsStr>) -> Vec<u8> {
        let mut command = match self {
            Self::Cfssl => Command::new("cfssl"),
            Self::Fleetgate => Command::new(binary()),
        };
        command.args((self == Self::Fleetgate).then_some("pki")).args(arguments);
        let output = command.output().expect("run the tool");
        assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }
}
