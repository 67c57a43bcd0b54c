//! The product document's PKI steps, with its own files and the real cfssl.

use super::lab::Lab;
use crate::process::{self, Error, Result};

/// The document's files, to the letter, and two for our own server.
const FILES: [(&str, &str); 5] = [
    ("ca-csr.json", include_str!("document/ca-csr.json")),
    ("ca-config.json", include_str!("document/ca-config.json")),
    ("client-csr.json", include_str!("document/client-csr.json")),
    ("server-ca-csr.json", include_str!("document/server-ca-csr.json")),
    ("server-csr.json", include_str!("document/server-csr.json")),
];

/// Writes the JSON files of the document.
pub(super) fn write_files(lab: &Lab) -> Result {
    for (name, content) in FILES {
        let path = lab.path(name);
        std::fs::write(&path, content).map_err(Error::file(path))?;
    }
    Ok(())
}

/// Makes a self-signed CA from `csr`, as `{name}.pem` and `{name}-key.pem`.
pub(super) fn ca(lab: &Lab, csr: &str, name: &str) -> Result {
    shell(lab, &format!("cfssl gencert -initca {csr} | cfssljson -bare {name}"))
}

/// Has `ca` issue a certificate for `csr`, as `{name}.pem` and `{name}-key.pem`.
pub(super) fn issue(lab: &Lab, ca: &str, profile: &str, csr: &str, name: &str) -> Result {
    shell(
        lab,
        &format!(
            "cfssl gencert -ca={ca}.pem -ca-key={ca}-key.pem -config=ca-config.json -profile={profile} {csr} \
             | cfssljson -bare {name}"
        ),
    )
}

/// A line as the document has it, in the run's folder.
fn shell(lab: &Lab, line: &str) -> Result {
    let mut shell = process::command(["bash", "-o", "pipefail", "-c", line]);
    process::capture(shell.current_dir(lab.path(""))).map(drop)
}
