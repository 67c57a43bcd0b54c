//! What dpkg runs before the package goes: a removal takes the XDP program from its interfaces, an upgrade leaves it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;

use fleetgate_tests::bpffs::BpfFs;
use fleetgate_tests::field::{Field, INTERFACE};
use fleetgate_tests::gateway::{Gateway, binary};
use fleetgate_tests::skip;
use tempfile::TempDir;

use crate::repository;

const SCRIPT: &str = "deploy/debian/prerm";

/// A gateway whose protection would outlive it, and its package.
struct Package {
    field: Field,
    pins: BpfFs,
    gateway: Gateway,
    folder: TempDir,
}

impl Package {
    fn new() -> Self {
        let (field, pins) = (Field::new(), BpfFs::new());
        let xdp = format!("required = true\npin_dir = \"{}\"", pins.folder("gateway").display());
        let gateway = Gateway::start(field.setup(&xdp));
        let folder = TempDir::with_prefix("fleetgate-test-").unwrap();
        let package = Self { field, pins, gateway, folder };
        package.write_script();
        package.write_systemctl();
        package
    }

    /// The script, with this gateway in the place of the installed one.
    fn write_script(&self) {
        let mut script = repository::read(SCRIPT);
        let config = self.gateway.config();
        for (installed, ours) in
            [("/usr/bin/fleetgate", binary()), ("/etc/fleetgate/fleetgate.toml", config.as_path())]
        {
            assert!(script.contains(installed), "{SCRIPT} says nothing of {installed}");
            script = script.replace(installed, ours.to_str().unwrap());
        }
        self.write("prerm", &script);
    }

    /// A service manager that stops this gateway, and no other unit of this machine.
    fn write_systemctl(&self) {
        let (process, called) = (self.gateway.id(), self.called());
        // The test has not waited for it: it stays a process without a command line.
        let stop = format!(
            "#!/bin/sh\necho \"$@\" >> {}\nkill {process}\n\
             while grep -q . /proc/{process}/cmdline; do sleep 0.05; done\n",
            called.display()
        );
        self.write("systemctl", &stop);
    }

    fn write(&self, name: &str, script: &str) {
        let path = self.folder.path().join(name);
        fs::write(&path, script).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// What the service manager was told.
    fn called(&self) -> PathBuf {
        self.folder.path().join("called")
    }

    /// Runs it as dpkg does.
    fn prerm(&self, arguments: &[&str]) -> String {
        let path = format!("{}:/usr/bin:/bin", self.folder.path().display());
        let script = self.folder.path().join("prerm");
        repository::must_run(Command::new(script).args(arguments).env("PATH", path))
    }

    fn has_program(&self) -> bool {
        self.field.edge.output("ip", &["link", "show", INTERFACE]).contains("prog/xdp")
    }
}

#[test]
fn a_removal_stops_the_gateway_and_takes_protection_away() {
    if !skip::unless_root() {
        return;
    }
    let mut package = Package::new();
    let said = package.prerm(&["remove"]);
    assert!(said.contains(&format!("detached from {INTERFACE}")), "{said}");
    assert_eq!(fs::read_to_string(package.called()).unwrap(), "stop fleetgate.service\n");
    assert!(package.gateway.wait().success());
    assert!(!package.has_program());
    assert_eq!(fs::read_dir(package.pins.folder("gateway")).unwrap().count(), 0);
    // Once more, and without a configuration: there is nothing to do, and no reason to fail.
    assert!(package.prerm(&["remove"]).contains("nothing was attached"));
    fs::remove_file(package.gateway.config()).unwrap();
    package.prerm(&["remove"]);
}

#[test]
fn an_upgrade_leaves_both_as_they_are() {
    if !skip::unless_root() {
        return;
    }
    let package = Package::new();
    for arguments in
        [&["upgrade", "9.9.9"][..], &["failed-upgrade", "0.0.1"], &["deconfigure", "in-favour", "other", "1"]]
    {
        assert_eq!(package.prerm(arguments), "");
        assert!(package.has_program() && !package.called().exists(), "{arguments:?}");
    }
    assert_eq!(package.field.curl("/").response().status(), 200);
}
