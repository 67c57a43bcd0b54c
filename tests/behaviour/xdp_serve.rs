//! Prefixes and ports that no listener is bound to are served by the listeners that there are, over IPv4 and IPv6.

use fleetgate_ebpf::verdict::Verdict;
use fleetgate_tests::bpffs::BpfFs;
use fleetgate_tests::field::{Field, INTERFACE};
use fleetgate_tests::gateway::Gateway;
use fleetgate_tests::{skip, wait};

/// A scene in which two networks are routed to the gateway, which takes each address in them for its own.
fn field() -> Field {
    let field = Field::new();
    for network in ["198.51.100.0/24", "2001:db8:5::/64"] {
        field.edge.ip(&format!("route add local {network} dev lo"));
    }
    field.fleet.ip("route add 198.51.100.0/24 via 192.0.2.1");
    field.fleet.ip("route add 2001:db8:5::/64 via 2001:db8::1");
    field
}

const SERVE: &str = "serve = [\"198.51.100.0/24:8450-8500\", \"[2001:db8:5::/64]:443\"]";

#[track_caller]
fn assert_served(field: &Field, addresses: &[&str]) {
    for address in addresses {
        assert_eq!(field.curl_at(address, "/").response().status(), 200, "{address}");
    }
}

#[track_caller]
fn assert_refused(field: &Field, addresses: &[&str]) {
    for address in addresses {
        assert!(field.curl_at(address, "/").run().is_err(), "{address}");
    }
}

#[test]
fn a_prefix_and_a_range_of_ports_are_served_and_protected_until_a_reload_says_otherwise() {
    if !skip::unless_root() {
        return;
    }
    let field = field();
    let gateway = Gateway::start(field.setup(SERVE));
    let served = ["198.51.100.1:8450", "198.51.100.77:8500", "[2001:db8:5::1]:443", "[2001:db8:5::77]:443"];
    assert_served(&field, &served);
    assert_eq!(gateway.packets(Verdict::HelloMatched).to_string(), served.len().to_string());
    assert_refused(
        &field,
        &["198.51.100.1:8449", "198.51.100.1:8501", "[2001:db8:5::1]:444", "192.0.2.1:8450"],
    );
    assert_served(&field, &["192.0.2.1:8443"]);
    let said = gateway.cli("xdp", &["status"]).stdout;
    let words = "198.51.100.0/24:8450-8500, [2001:db8:5::/64]:443 are served by the listeners on [::]:8443";
    assert!(said.contains(words), "{said}");
    // Another prefix, and other ports.
    gateway.configure(&field.setup("serve = [\"198.51.100.64/26:443\"]"));
    gateway.must_reload();
    assert_served(&field, &["198.51.100.77:443", "192.0.2.1:8443"]);
    assert_refused(&field, &["198.51.100.1:443", "198.51.100.77:8500", "[2001:db8:5::1]:443"]);
    // None any more.
    gateway.configure(&field.setup(""));
    gateway.must_reload();
    assert_refused(&field, &["198.51.100.77:443"]);
    assert!(gateway.cli("xdp", &["status"]).stdout.contains("xdp.serve is empty"));
}

#[test]
fn served_prefixes_follow_listeners_that_come_and_go() {
    if !skip::unless_root() {
        return;
    }
    let field = field();
    let gateway = Gateway::start(field.setup(SERVE));
    let second = "address = \"192.0.2.1:9443\"";
    // The first listener goes, another comes.
    let moved = field.setup(SERVE).replace("address = \"[::]:8443\"", second);
    gateway.configure(&moved);
    gateway.must_reload();
    assert_served(&field, &["198.51.100.1:8450", "192.0.2.1:9443"]);
    // An IPv4 listener cannot take what comes over IPv6.
    assert_refused(&field, &["[2001:db8:5::1]:443"]);
    gateway.configure(&field.setup(SERVE).array("listener", second));
    gateway.must_reload();
    assert_served(&field, &["198.51.100.1:8450", "[2001:db8:5::1]:443", "192.0.2.1:9443", "192.0.2.1:8443"]);
}

#[test]
fn what_was_killed_is_served_again_by_the_next_with_its_pins() {
    if !skip::unless_root() {
        return;
    }
    let (field, pins) = (field(), BpfFs::new());
    let folder = pins.folder("gateway");
    let pins = format!("{SERVE}\npin_dir = \"{}\"", folder.display());
    let mut gateway = Gateway::start(field.setup(&pins));
    assert_served(&field, &["198.51.100.1:8450"]);
    gateway.signal(nix::sys::signal::Signal::SIGKILL);
    gateway.wait();
    assert!(folder.join("sk-lookup").exists());
    assert_refused(&field, &["198.51.100.1:8450"]);
    gateway.start_again();
    assert_served(&field, &["198.51.100.1:8450", "[2001:db8:5::1]:443"]);
    // Taken away with everything else.
    gateway.signal(nix::sys::signal::Signal::SIGTERM);
    gateway.wait();
    assert_eq!(gateway.cli("xdp", &["detach"]).code, 0);
    assert!(!folder.join("sk-lookup").exists());
}

#[test]
fn an_upgrade_goes_on_serving_prefixes_and_steering() {
    if !skip::unless_root() {
        return;
    }
    let (field, pins) = (field(), BpfFs::new());
    if !field.make_steerable() {
        return;
    }
    let folder = pins.folder("gateway");
    let lines = format!("{SERVE}\nsteer_cpus = [0, 1]\npin_dir = \"{}\"", folder.display());
    let mut gateway = Gateway::start(field.setup(&lines));
    let served = ["198.51.100.1:8450", "[2001:db8:5::1]:443", "192.0.2.1:8443"];
    assert_served(&field, &served);
    let new = gateway.upgrade();
    for _ in 0..10 {
        assert_served(&field, &served);
    }
    gateway.wait();
    // The program of the old one is still there, with the sockets that are the new one's; then comes its own.
    for _ in 0..10 {
        assert_served(&field, &served);
    }
    wait::until("the new one's program", || gateway.is_attached(INTERFACE, "native").then_some(()));
    assert_served(&field, &served);
    assert_eq!(gateway.status()["process"], new.id());
    assert_eq!(gateway.metrics().sum("fleetgate_connections_off_cpu_total", &[]), 0);
}
