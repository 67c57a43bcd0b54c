//! One gateway protects several interfaces with the same maps; several gateways stand side by side, each with interfaces,
//! pins, bans and counters of its own, and none takes what is another's.

use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use fleetgate_ebpf::verdict::Verdict;
use fleetgate_tests::bpffs::BpfFs;
use fleetgate_tests::client::{Curl, Raw};
use fleetgate_tests::field::{Field, INTERFACE};
use fleetgate_tests::gateway::{Gateway, Setup};
use fleetgate_tests::namespace::Namespace;
use fleetgate_tests::site::HOST;
use fleetgate_tests::xdp::hello;
use fleetgate_tests::{skip, wait};
use nix::sys::signal::Signal;

const SECOND: &str = "edge1";
const SECOND_FLEET: &str = "198.51.100.2";

/// A field with a second interface, and devices behind it.
struct Scene {
    field: Field,
    second: Namespace,
}

impl Scene {
    fn new() -> Self {
        let (field, second) = (Field::new(), Namespace::new());
        let there = format!("{SECOND_FLEET}/24");
        field.edge.join(SECOND, &["198.51.100.1/24"], &second, "fleet0", &[&there]);
        Self { field, second }
    }

    fn setup(&self, interfaces: &[&str], more: &str) -> Setup {
        self.field
            .without_xdp()
            .table("xdp", &format!("interfaces = {interfaces:?}\nrequired = true\n{more}"))
    }

    fn pinned(&self, interface: &str, pins: &BpfFs, name: &str) -> Setup {
        self.setup(&[interface], &format!("pin_dir = \"{}\"", pins.folder(name).display()))
    }

    /// The status of a request from behind the second interface.
    fn ask_from_second(&self, port: u16) -> u16 {
        let (site, address) = (&self.field.site, second_address(port));
        let url = format!("https://{HOST}/");
        let curl = Curl::get_inside(&self.second, address, &site.servers.path, &url).identity(&site.device);
        curl.response().status()
    }

    fn has_program(&self, interface: &str) -> bool {
        self.field.edge.output("ip", &["link", "show", interface]).contains("prog/xdp")
    }
}

fn second_address(port: u16) -> SocketAddr {
    ([198, 51, 100, 1], port).into()
}

fn connects(from: &Namespace, address: SocketAddr) -> bool {
    from.run(|| TcpStream::connect_timeout(&address, Duration::from_millis(300))).is_ok()
}

#[test]
fn two_interfaces_share_counters_and_bans_and_one_can_go() {
    if !skip::unless_root() {
        return;
    }
    let scene = Scene::new();
    let gateway = Gateway::start(scene.setup(&[INTERFACE, SECOND], "unknown_sni = \"drop\""));
    for interface in [INTERFACE, SECOND] {
        assert!(gateway.is_attached(interface, "native"), "{interface}");
    }
    assert_eq!(scene.field.curl("/").response().status(), 200);
    assert_eq!(scene.ask_from_second(8443), 200);
    assert_eq!(gateway.packets(Verdict::HelloMatched), 2);
    for (namespace, address) in
        [(&scene.field.fleet, scene.field.address()), (&scene.second, second_address(8443))]
    {
        let before = gateway.packets(Verdict::HelloUnknownDropped);
        let unknown = hello::classic("other.example.com");
        let _unanswered = namespace.run(|| Raw::connect(address).send(&[&unknown]));
        wait::until("a dropped hello", || {
            (gateway.packets(Verdict::HelloUnknownDropped) > before).then_some(())
        });
    }
    assert_eq!(gateway.cli("ban", &["add", SECOND_FLEET]).code, 0);
    assert!(!connects(&scene.second, second_address(8443)));
    assert!(connects(&scene.field.fleet, scene.field.address()));

    gateway.configure(&scene.setup(&[INTERFACE], ""));
    gateway.must_reload();
    assert!(scene.has_program(INTERFACE) && !scene.has_program(SECOND));
    // Userspace heeds the ban as well.
    let refused = || gateway.metric("fleetgate_limited_connections_total", &[("limit", "ban")]);
    assert!(connects(&scene.second, second_address(8443)));
    wait::until("a refusal", || (refused() > 0).then_some(()));
}

#[test]
fn two_gateways_stand_side_by_side_and_the_end_of_one_is_nothing_to_the_other() {
    if !skip::unless_root() {
        return;
    }
    let (scene, pins) = (Scene::new(), BpfFs::new());
    let mut first = Gateway::start(scene.pinned(INTERFACE, &pins, "first"));
    let second = Gateway::start(scene.pinned(SECOND, &pins, "second").on_ports(8444, 9091));
    assert_eq!(scene.field.curl("/").response().status(), 200);
    assert_eq!(scene.ask_from_second(8444), 200);
    for gateway in [&first, &second] {
        assert_eq!(gateway.packets(Verdict::HelloMatched), 1);
    }
    assert_eq!(first.cli("ban", &["add", SECOND_FLEET]).code, 0);
    assert!(connects(&scene.second, second_address(8444)), "it is the other's ban");

    first.signal(Signal::SIGKILL);
    first.wait();
    assert!(scene.has_program(INTERFACE) && scene.has_program(SECOND));
    assert_eq!(scene.ask_from_second(8444), 200);
    let detached = first.cli("xdp", &["detach"]);
    assert!(detached.code == 0 && detached.stdout.contains(INTERFACE), "{detached:?}");
    assert!(!scene.has_program(INTERFACE) && scene.has_program(SECOND));
    assert_eq!(scene.ask_from_second(8444), 200);
    assert!(second.is_attached(SECOND, "native"));
}

#[test]
fn a_second_gateway_on_the_same_interface_or_pins_is_told_whose_they_are_and_changes_nothing() {
    if !skip::unless_root() {
        return;
    }
    let (scene, pins) = (Scene::new(), BpfFs::new());
    let first = Gateway::start(scene.pinned(INTERFACE, &pins, "first"));
    let refused =
        |setup: Setup| Gateway::try_start(setup.on_ports(8444, 9091)).err().expect("no start").stderr;
    let taken = refused(scene.pinned(INTERFACE, &pins, "second"));
    assert!(taken.contains(&format!("XDP on {INTERFACE} is taken by another program")), "{taken}");
    assert!(taken.contains(&format!("bpftool net show dev {INTERFACE}")), "{taken}");
    let in_use = refused(scene.pinned(SECOND, &pins, "first"));
    assert!(in_use.contains("is in use by a gateway; give each its own xdp.pin_dir"), "{in_use}");
    assert!(!scene.has_program(SECOND) && first.is_attached(INTERFACE, "native"));
    assert_eq!(scene.field.curl("/").response().status(), 200);
    assert_eq!(first.packets(Verdict::HelloMatched), 1);
}
