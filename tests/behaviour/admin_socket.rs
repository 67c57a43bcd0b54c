//! The admin socket listens to root and to the gateway's own user, whatever the file's mode says.

use std::fs::{Permissions, set_permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Output};

use fleetgate_tests::gateway::{Gateway, cli};
use fleetgate_tests::site::Site;
use fleetgate_tests::skip;

fn ask_as(uid: &str, gateway: &Gateway) -> Output {
    let ids = [format!("--reuid={uid}"), format!("--regid={uid}"), "--clear-groups".to_owned()];
    let mut command = Command::new("setpriv");
    command.args(ids).args(["curl", "-sS", "--max-time", "20", "--unix-socket"]).arg(gateway.admin_socket());
    command.arg("http://fleetgate/fleetgate/v1/status").output().unwrap()
}

#[test]
fn other_users_are_refused() {
    if !skip::unless_root() {
        return;
    }
    let site = Site::new();
    let gateway = site.start();
    assert_eq!(std::fs::metadata(gateway.admin_socket()).unwrap().permissions().mode() & 0o777, 0o600);
    set_permissions(gateway.folder(), Permissions::from_mode(0o755)).unwrap();
    set_permissions(gateway.admin_socket(), Permissions::from_mode(0o666)).unwrap();
    let refused = ask_as("65534", &gateway);
    assert!(!refused.status.success() && refused.stdout.is_empty(), "{refused:?}");
    gateway.output().wait_log("refused a connection to the admin socket");
    let answered = ask_as("0", &gateway);
    assert!(
        answered.status.success() && String::from_utf8_lossy(&answered.stdout).contains("\"generation\":1"),
        "{answered:?}"
    );
}

#[test]
fn a_second_gateway_with_the_same_socket_is_refused() {
    let site = Site::new();
    let gateway = site.start();
    // The same socket; the ports are others, so that only the socket can be in the way.
    let text = std::fs::read_to_string(gateway.config()).unwrap();
    let port = gateway.address().port();
    let second = gateway.folder().join("second.toml");
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let other = text.replace(&format!("127.0.0.1:{port}\""), &format!("127.0.0.1:{free}\""));
    std::fs::write(
        &second,
        other.replace("[metrics]\nlisten = \"127.0.0.1:", "[metrics]\nlisten = \"127.0.0.2:"),
    )
    .unwrap();
    let said = cli("run", &second, &[]);
    assert!(said.code == 1 && said.stderr.contains("another gateway is running"), "{said:?}");
    assert_eq!(gateway.status()["generation"], 1, "the first one is unharmed");
}

#[test]
fn without_a_gateway_the_command_line_says_so() {
    let site = Site::new();
    let folder = tempfile::TempDir::new().unwrap();
    let (config, _) = site.setup().write(folder.path());
    for verb in ["status", "reload"] {
        let said = cli(verb, &config, &[]);
        assert!(said.code == 1 && said.stderr.contains("cannot reach a gateway at"), "{said:?}");
    }
}
