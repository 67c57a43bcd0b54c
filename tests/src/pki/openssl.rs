//! The same by OpenSSL's command line, where the point is what another product makes.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use super::{Folder, Identity, cfssl};

/// An RSA CA of OpenSSL's making.
#[derive(Debug)]
pub struct OpenSsl {
    folder: Arc<Folder>,
    /// The CA's certificate.
    pub ca: PathBuf,
    key: PathBuf,
}

impl OpenSsl {
    /// A root with this common name.
    pub fn root(name: &str) -> Self {
        let folder = Folder::new();
        let (ca, key) = self_signed(&folder, name, "basicConstraints=critical,CA:TRUE");
        Self { folder, ca, key }
    }

    /// A device with an RSA key of its own.
    pub fn device(&self, name: &str) -> Identity {
        self.issue(name, &["-addext", "extendedKeyUsage=clientAuth"])
    }

    /// A device with a certificate without extensions, which makes it X.509 version 1.
    pub fn device_v1(&self, name: &str) -> Identity {
        self.issue(name, &[])
    }

    /// A CRL of the serial numbers in a file with these lines, as `cfssl gencrl` makes and prints it.
    pub fn cfssl_crl(&self, serials: &[&str]) -> Vec<u8> {
        cfssl::crl(cfssl::Tool::Cfssl, &self.folder, &self.ca, &self.key, serials)
    }

    /// A CRL of these serial numbers, in hexadecimal, as `openssl ca -gencrl` makes it: PEM.
    pub fn openssl_crl(&self, serials: &[&str]) -> Vec<u8> {
        crl(&self.folder, &self.ca, &self.key, serials)
    }

    fn issue(&self, name: &str, extensions: &[&str]) -> Identity {
        let (request, certificate, key) =
            (self.folder.path("request"), self.folder.path("certificate"), self.folder.path("key"));
        let subject = subject(name);
        let new = ["req", "-new", "-newkey", "rsa:2048", "-nodes", "-subj", &subject];
        openssl(&[&new, extensions].concat(), &[("-keyout", &key), ("-out", &request)]);
        openssl(
            &["x509", "-req", "-days", "30", "-CAcreateserial", "-copy_extensions", "copy"],
            &[("-in", &request), ("-CA", &self.ca), ("-CAkey", &self.key), ("-out", &certificate)],
        );
        Identity::read(&self.folder, &certificate, &key)
    }

    /// A self-signed certificate that says that it is not a CA.
    pub fn not_a_ca(&self, name: &str) -> PathBuf {
        self_signed(&self.folder, name, "basicConstraints=critical,CA:FALSE").0
    }
}

fn self_signed(folder: &Folder, name: &str, constraints: &str) -> (PathBuf, PathBuf) {
    let (certificate, key) = (folder.path("certificate"), folder.path("key"));
    let subject = subject(name);
    openssl(
        &[
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "30",
            "-subj",
            &subject,
            "-addext",
            constraints,
        ],
        &[("-keyout", &key), ("-out", &certificate)],
    );
    (certificate, key)
}

/// `openssl ca -gencrl`, with the database that `openssl ca -revoke` would have left.
pub(super) fn crl(folder: &Folder, ca: &Path, key: &Path, serials: &[&str]) -> Vec<u8> {
    let revoked = serials.iter().map(|serial| {
        format!("R\t351231235959Z\t250101000000Z,keyCompromise\t{serial}\tunknown\t/CN=device\n")
    });
    let database = folder.write("index", &revoked.collect::<String>());
    let number = folder.write("crlnumber", "01\n");
    let config = format!(
        "[ca]\ndefault_ca = list\n[list]\ndatabase = {}\ncrlnumber = {}\ndefault_md = sha256\n\
         default_crl_days = 30\ncrl_extensions = extensions\n[extensions]\nauthorityKeyIdentifier = keyid:always\n",
        database.display(),
        number.display()
    );
    let (config, list) = (folder.write("config", &config), folder.path("crl"));
    let files = [("-config", &*config), ("-cert", ca), ("-keyfile", key), ("-out", &list)];
    openssl(&["ca", "-gencrl"], &files);
    std::fs::read(list).expect("read a CRL")
}

fn subject(name: &str) -> String {
    format!("/CN={name}")
}

fn openssl(arguments: &[&str], files: &[(&str, &Path)]) {
    let mut command = Command::new("openssl");
    command.args(arguments);
    for (option, path) in files {
        command.arg(option).arg(path);
    }
    let output = command.output().expect("run openssl");
    assert!(output.status.success(), "openssl {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}
