//! XDP that is attached under live connections lets them be: what it has not seen from its SYN, it does not judge.

use fleetgate_ebpf::verdict::Verdict;
use fleetgate_tests::field::{Field, INTERFACE};
use fleetgate_tests::gateway::Gateway;
use fleetgate_tests::site::HOST;
use fleetgate_tests::{skip, wait};

#[test]
fn a_connection_from_before_the_attachment_lives_on() {
    if !skip::unless_root() {
        return;
    }
    let field = Field::new();
    let gateway = Gateway::start(field.without_xdp());
    let mut old = field.fleet.run(|| field.site.client().connect(field.address(), HOST)).unwrap();
    assert_eq!(old.get(HOST, "/").unwrap().status(), 200);
    gateway.configure(&field.setup("unknown_sni = \"drop\""));
    gateway.must_reload();
    assert!(gateway.is_attached(INTERFACE, "native"));
    assert_eq!(old.get(HOST, "/").unwrap().status(), 200);
    assert!(gateway.packets(Verdict::UnknownFlow) > 0);
    assert_eq!(field.curl("/").response().status(), 200);
    assert_eq!(gateway.packets(Verdict::HelloMatched), 1);

    // And out again.
    gateway.configure(&field.without_xdp());
    gateway.must_reload();
    assert!(!field.edge.output("ip", &["link", "show", INTERFACE]).contains("xdp"));
    assert_eq!(old.get(HOST, "/").unwrap().status(), 200);
}

#[test]
fn an_interface_that_is_created_again_gets_its_program_again() {
    if !skip::unless_root() {
        return;
    }
    let field = Field::new();
    let gateway = Gateway::start(field.setup(""));
    assert_eq!(field.curl("/").response().status(), 200);
    field.edge.ip(&format!("link delete {INTERFACE}"));
    wait::until("the loss to show", || (!gateway.is_attached(INTERFACE, "native")).then_some(()));
    let ready = gateway.probe("/readyz").unwrap();
    assert!(
        ready.status() == 200 && ready.text().contains(&format!("there is no interface {INTERFACE}")),
        "{}",
        ready.text()
    );
    field.connect();
    wait::until("the program to be back", || gateway.is_attached(INTERFACE, "native").then_some(()));
    let matched = gateway.packets(Verdict::HelloMatched);
    assert_eq!(field.curl("/").response().status(), 200);
    assert!(gateway.packets(Verdict::HelloMatched) > matched);
    assert_eq!(gateway.probe("/readyz").unwrap().text(), "ok\n");
}
