//! An interface whose XDP slot somebody else has is left to them: the message names it and the remedy, and nothing
//! half-way remains.

use aya::programs::Xdp;
use aya::programs::xdp::XdpMode;
use aya::{Ebpf, EbpfLoader};
use fleetgate_ebpf::verdict::Verdict;
use fleetgate_tests::field::{Field, INTERFACE};
use fleetgate_tests::gateway::{Gateway, Host, Setup};
use fleetgate_tests::namespace::Namespace;
use fleetgate_tests::site::HOST;
use fleetgate_tests::{skip, wait};

/// Somebody else's program on an interface, for as long as it lives. (It is ours, unconfigured: it passes everything.)
fn occupy(namespace: &Namespace, interface: &str) -> Ebpf {
    namespace.run(|| {
        let mut ebpf = EbpfLoader::new().load(fleetgate_ebpf::OBJECT).unwrap();
        let program: &mut Xdp = ebpf.program_mut(fleetgate_ebpf::abi::PROGRAM).unwrap().try_into().unwrap();
        program.load().unwrap();
        program.attach(interface, XdpMode::Driver).unwrap();
        ebpf
    })
}

fn taken(interface: &str) -> String {
    format!("XDP on {interface} is taken by another program")
}

#[test]
fn a_start_is_loud_and_takes_over_once_the_slot_is_free() {
    if !skip::unless_root() {
        return;
    }
    let field = Field::new();
    let somebody = occupy(&field.edge, INTERFACE);
    let gateway = Gateway::start(field.setup(""));
    let line = gateway.output().wait_log(&taken(INTERFACE));
    assert!(line.contains(&format!("ip link set dev {INTERFACE} xdp off")), "{line}");
    assert!(gateway.probe("/readyz").unwrap().text().contains(&taken(INTERFACE)));
    assert_eq!(field.curl("/").response().status(), 200);
    drop(somebody);
    wait::until("the attachment", || gateway.is_attached(INTERFACE, "native").then_some(()));
    assert_eq!(field.curl("/").response().status(), 200);
}

#[test]
fn required_refuses_to_start() {
    if !skip::unless_root() {
        return;
    }
    let field = Field::new();
    let _somebody = occupy(&field.edge, INTERFACE);
    let refusal = Gateway::try_start(field.setup("required = true")).err().expect("no start");
    assert!(refusal.stderr.contains(&taken(INTERFACE)), "{}", refusal.stderr);
}

#[test]
fn a_reload_that_meets_one_changes_nothing_at_all() {
    if !skip::unless_root() {
        return;
    }
    let field = Field::new();
    field.edge.ip("link add edge1 type veth peer name edge2");
    let _somebody = occupy(&field.edge, "edge1");
    let gateway = Gateway::start(field.setup("unknown_sni = \"drop\""));
    assert_eq!(field.curl("/").response().status(), 200);

    // Everything else about it is good, and other: another host, another interface.
    let other = Host::new("other.example.com", &field.site.server, &field.site.origin.url());
    let xdp = "interfaces = [\"edge1\"]\nunknown_sni = \"drop\"";
    gateway.configure(&Setup::default().inside(&field.edge).host(other).table("xdp", xdp));
    let said = gateway.reload();
    assert!(said.code == 1 && said.stdout.contains(&taken("edge1")), "{said:?}");
    assert!(gateway.is_attached(INTERFACE, "native"));

    // The old host is still what XDP knows.
    let matched = gateway.packets(Verdict::HelloMatched);
    assert_eq!(field.curl("/").args(&["--max-time", "3"]).response().status(), 200);
    assert!(gateway.packets(Verdict::HelloMatched) > matched);
    assert_eq!(gateway.status()["hosts"][0]["name"], HOST);
}
