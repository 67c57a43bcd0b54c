//! An interface that does not exist: `check` and `reload` refuse it, a start without it is loud, or refused when XDP is
//! required.

use fleetgate_tests::field::Field;
use fleetgate_tests::gateway::Gateway;
use fleetgate_tests::{skip, wait};

const MISSING: &str = "there is no interface nowhere0";

#[test]
fn check_and_reload_refuse_it_with_its_place() {
    if !skip::unless_root() {
        return;
    }
    let field = Field::new();
    let gateway = Gateway::start(field.setup(""));
    gateway.configure(&field.without_xdp().table("xdp", "interfaces = [\"edge0\", \"nowhere0\"]"));
    let reloaded = gateway.reload();
    assert!(reloaded.code == 1 && reloaded.stdout.contains(MISSING), "{reloaded:?}");
    assert!(reloaded.stdout.contains("fleetgate.toml:"), "{reloaded:?}");
    let checked = gateway.check();
    assert!(checked.code == 1 && checked.stdout.contains(MISSING), "{checked:?}");
    assert_eq!(field.curl("/").response().status(), 200);
    assert!(gateway.is_attached("edge0", "native"));
}

#[test]
fn a_start_without_it_is_loud_and_attaches_once_it_is_there() {
    if !skip::unless_root() {
        return;
    }
    let field = Field::new();
    let xdp = "interfaces = [\"nowhere0\"]";
    let gateway = Gateway::start(field.without_xdp().table("xdp", xdp));
    gateway.output().wait_log(MISSING);
    assert!(gateway.probe("/readyz").unwrap().text().contains(MISSING));
    assert!(gateway.status()["warnings"].to_string().contains(MISSING));
    assert_eq!(gateway.metric("fleetgate_xdp_healthy", &[]), 0);
    assert_eq!(field.curl("/").response().status(), 200);
    field.edge.ip("link add nowhere0 type veth peer name nowhere1");
    wait::until("the attachment", || gateway.is_attached("nowhere0", "native").then_some(()));
    assert_eq!(gateway.metric("fleetgate_xdp_healthy", &[]), 1);
}

#[test]
fn required_refuses_to_start() {
    if !skip::unless_root() {
        return;
    }
    let field = Field::new();
    let setup = field.without_xdp().table("xdp", "interfaces = [\"nowhere0\"]\nrequired = true");
    let refusal = Gateway::try_start(setup).err().expect("no start");
    assert_eq!(refusal.status.code(), Some(1));
    assert!(
        refusal.stderr.contains("xdp.required is set") && refusal.stderr.contains(MISSING),
        "{}",
        refusal.stderr
    );
}
