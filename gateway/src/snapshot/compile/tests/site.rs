//! A configuration with the files that it names.

use std::sync::Arc;

use rcgen::{CertificateParams, KeyPair};
use tempfile::TempDir;

use crate::config::{Config, Problems, Source};
use crate::device::tests::pki::Ca;
use crate::device::verdicts::Verdicts;
use crate::snapshot::{Accepted, Compiled, Files, Input, compile};

/// A folder with `server.pem`, `server-key.pem` and `ca.pem`, and a configuration that grows line by line.
pub(crate) struct Site {
    pub(crate) folder: TempDir,
    pub(crate) text: String,
    pub(crate) ca: Ca,
    pub(crate) accepted: Accepted,
}

impl Site {
    /// One listener, and files for `iot.example.com`.
    pub(crate) fn new() -> Self {
        let site = Self {
            folder: TempDir::new().unwrap(),
            text: "[[listener]]\naddress = \"[::]:8443\"\n".into(),
            ca: Ca::root("Root"),
            accepted: Accepted::Unknown,
        };
        site.server("server", &["iot.example.com"], |_| {});
        site.file("ca.pem", &site.ca.pem());
        site
    }

    pub(crate) fn file(&self, name: &str, content: &str) {
        std::fs::write(self.folder.path().join(name), content).unwrap();
    }

    /// Writes `NAME.pem` and `NAME-key.pem`.
    pub(crate) fn server(&self, name: &str, hostnames: &[&str], change: impl FnOnce(&mut CertificateParams)) {
        let key = KeyPair::generate().unwrap();
        let names: Vec<_> = hostnames.iter().map(ToString::to_string).collect();
        let mut params = CertificateParams::new(names).unwrap();
        change(&mut params);
        self.file(&format!("{name}.pem"), &params.self_signed(&key).unwrap().pem());
        self.file(&format!("{name}-key.pem"), &key.serialize_pem());
    }

    pub(crate) fn add(mut self, lines: &str) -> Self {
        self.text.push_str(lines);
        self
    }

    pub(crate) fn host(self, name: &str) -> Self {
        self.host_with(name, "")
    }

    pub(crate) fn host_with(self, name: &str, lines: &str) -> Self {
        let files =
            "certificate = \"server.pem\"\nkey = \"server-key.pem\"\norigin = \"http://127.0.0.1:1\"\n";
        self.add(&format!("[[host]]\nname = \"{name}\"\n{files}{lines}\n"))
    }

    pub(crate) fn ca(self, file: &str, hostnames: &[&str]) -> Self {
        self.add(&format!("[[mtls_certificate]]\nname = \"{file}\"\ncertificate = \"{file}\"\nassociated_hostnames = {hostnames:?}\n"))
    }

    pub(crate) fn application(self, domain: &str, policy: &str, decision: &str) -> Self {
        let policy =
            format!("name = \"{policy}\"\ndecision = \"{decision}\"\ninclude = [{{ certificate = {{}} }}]");
        self.add(&format!("[[application]]\ndomain = \"{domain}\"\n[[application.policy]]\n{policy}\n"))
    }

    pub(crate) fn compile(&self) -> Result<Compiled, Problems> {
        let path = self.folder.path().join("fleetgate.toml");
        let source = Arc::new(Source::new(&path, self.text.clone()));
        let config = Config::parse(&source).unwrap();
        let (files, verdicts) = (Files::default(), Arc::new(Verdicts::new(8)));
        let resources = &config.resources;
        let input = Input { config: &config, resources, source: &source, files: &files, verdicts: &verdicts };
        compile(&input, &self.accepted, 7)
    }

    /// Warnings, or errors and warnings, as `LINE:COLUMN: SEVERITY: MESSAGE; REMEDY`, without the folder.
    pub(crate) fn said(&self) -> Vec<String> {
        let problems = self.compile().map_or_else(|problems| problems, |compiled| compiled.warnings);
        let folder = format!("{}/", self.folder.path().display());
        let lines = problems.lines().into_iter().map(|line| line.replace(&folder, ""));
        lines
            .map(|line| line.strip_prefix("fleetgate.toml:").unwrap_or(&line).trim_start().to_owned())
            .collect()
    }

    /// Place and message of the one thing that is said.
    pub(crate) fn says(&self, expected: &str) {
        let said = self.said();
        assert!(
            said.len() == 1 && said[0].starts_with(expected),
            "expected {expected:?} of\n{}\n{said:#?}",
            self.text
        );
    }
}
