use std::process::Stdio;

use super::*;
use crate::pki;

/// Whether a peer accepts the configurations that we write for it; `None` where it is not installed.
fn accepts(peer: Peer, arguments: impl Fn(&Path) -> Vec<String>) -> Option<bool> {
    find(peer.name())?;
    let folder = tempfile::tempdir().unwrap();
    let hosts = vec![HOST.to_owned()];
    let plan = pki::Plan { devices: 0, hosts, key: pki::KeyKind::P256, intermediate: false };
    pki::write(folder.path(), &pki::issue(&plan).unwrap(), false).unwrap();
    let file = |name: &str| folder.path().join(name);
    let site = Site {
        folder: folder.path(),
        listen: free_address().unwrap(),
        origin: free_address().unwrap(),
        certificate: &file("server.pem"),
        key: &file("server-key.pem"),
        roots: &[file("ca.pem")],
        all_roots: &file("ca.pem"),
        gateway: Path::new("fleetgate"),
        own: Path::new("fleetgate-bench"),
    };
    let stream = (peer == Peer::Haproxy).then_some(Kind::HaproxyStream);
    let kinds = [Kind::Peer(peer, Tickets::Off), Kind::Peer(peer, Tickets::Default)];
    Some(kinds.into_iter().chain(stream).all(|kind| {
        let program = kind.command(&site).unwrap().get_program().to_owned();
        let mut check = Command::new(program);
        check.args(arguments(folder.path())).stdout(Stdio::null()).stderr(Stdio::null());
        check.status().unwrap().success()
    }))
}

#[test]
fn peers_accept_the_configuration_that_we_write_for_them() {
    let path = |folder: &Path, name: &str| folder.join(name).display().to_string();
    let nginx = |folder: &Path| vec!["-t".to_owned(), "-c".to_owned(), path(folder, "nginx.conf")];
    let haproxy = |folder: &Path| vec!["-c".to_owned(), "-f".to_owned(), path(folder, "haproxy.cfg")];
    let caddy =
        |folder: &Path| vec!["validate".to_owned(), "--config".to_owned(), path(folder, "caddy.json")];
    assert_ne!(accepts(Peer::Nginx, nginx), Some(false), "nginx");
    assert_ne!(accepts(Peer::Haproxy, haproxy), Some(false), "haproxy");
    assert_ne!(accepts(Peer::Caddy, caddy), Some(false), "caddy");
}

#[test]
fn a_process_ends_when_it_is_dropped_and_says_why_it_ended_before() {
    let folder = tempfile::tempdir().unwrap();
    let shell = |script: &str| {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        let cpu = crate::machine::Cpus::choose().unwrap().server;
        Process::start("shell", command, cpu, &folder.path().join("log")).unwrap()
    };
    let sleeping = shell("sleep 600 & wait");
    let id = sleeping.id();
    drop(sleeping);
    assert!(!Path::new(&format!("/proc/{id}")).exists());

    let mut failing = shell("echo the reason >&2; exit 3");
    let error = loop {
        if let Err(error) = failing.check() {
            break error.to_string();
        }
        std::thread::yield_now();
    };
    assert!(error.contains("the reason"), "{error}");
}
