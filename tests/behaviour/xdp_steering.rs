//! A device's packets, its accept, its handshake and its requests stay on one CPU; a host with its own CPUs is served there.

use fleetgate_tests::field::{Field, INTERFACE};
use fleetgate_tests::gateway::{Gateway, Setup};
use fleetgate_tests::site::{HOST, Site};
use fleetgate_tests::skip;
use rustls::NamedGroup;

const CONNECTIONS: usize = 50;

/// The scene, where something can be steered.
fn field() -> Option<Field> {
    let field = skip::unless_root().then(Field::new)?;
    field.make_steerable().then_some(field)
}

fn off_cpu(gateway: &Gateway) -> u64 {
    gateway.metrics().sum("fleetgate_connections_off_cpu_total", &[])
}

fn handed_over(gateway: &Gateway) -> u64 {
    gateway.metrics().sum("fleetgate_connections_handed_over_total", &[("host", HOST)])
}

fn steered(gateway: &Gateway, cpu: &str) -> u64 {
    gateway.metrics().sum("fleetgate_xdp_steered_packets_total", &[("cpu", cpu)])
}

/// Gives the host CPUs of its own.
fn own(setup: Setup, cpus: &str) -> Setup {
    setup.replace(&format!("name = \"{HOST}\"\n"), &format!("name = \"{HOST}\"\ncpus = {cpus}\n"))
}

#[test]
fn fifty_connections_are_served_by_the_workers_on_their_packets_cpus() {
    let Some(field) = field() else { return };
    let gateway = Gateway::start(field.setup("mode = \"native\"\nsteer_cpus = [0, 1]"));
    for number in 0..CONNECTIONS {
        let curl = if number % 2 == 0 { field.curl("/") } else { field.curl_v6("/") };
        assert_eq!(curl.response().status(), 200);
    }
    assert_eq!(off_cpu(&gateway), 0);
    assert_eq!(handed_over(&gateway), 0, "no host has its own");
    assert!(steered(&gateway, "0") > 0 && steered(&gateway, "1") > 0);
    for name in ["steering", "reuseport"] {
        let (on, says) = gateway.xdp_part(name);
        assert!(on, "{name}: {says}");
        gateway.output().wait_log(&says);
    }
    // So is what comes to a listener that a reload brings.
    let listener = "address = \"192.0.2.1:9443\"";
    gateway.configure(&field.setup("mode = \"native\"\nsteer_cpus = [0, 1]").array("listener", listener));
    gateway.must_reload();
    for _ in 0..20 {
        assert_eq!(field.curl_at("192.0.2.1:9443", "/").response().status(), 200);
    }
    assert_eq!(off_cpu(&gateway), 0);
}

#[test]
fn in_generic_mode_nothing_is_steered_and_everything_is_served() {
    let Some(field) = field() else { return };
    let gateway = Gateway::start(field.setup("mode = \"generic\"\nsteer_cpus = [1]"));
    for _ in 0..4 {
        assert_eq!(field.curl("/").response().status(), 200);
    }
    assert_eq!(steered(&gateway, "1"), 0);
    let (on, says) = gateway.xdp_part("steering");
    assert!(!on && says.contains("generic mode"), "{says}");
    assert!(
        gateway.xdp_part("reuseport").0,
        "the worker on the CPU that a SYN comes in on accepts all the same"
    );
}

#[test]
fn nothing_is_steered_while_the_driver_takes_vlan_tags_out_of_frames() {
    let Some(field) = field() else { return };
    let ethtool = |word: &str| {
        let said = field.edge.command("ethtool").args(["-K", INTERFACE, "rxvlan", word]).status();
        assert!(said.unwrap().success());
    };
    ethtool("on");
    let gateway = Gateway::start(field.setup("mode = \"native\"\nsteer_cpus = [1]"));
    assert_eq!(field.curl("/").response().status(), 200);
    assert_eq!(steered(&gateway, "1"), 0);
    let (on, says) = gateway.xdp_part("steering");
    assert!(!on && says.contains("rxvlan off"), "{says}");
    // It is noticed, without a reload.
    ethtool("off");
    fleetgate_tests::wait::until("steering", || gateway.xdp_part("steering").0.then_some(()));
    assert_eq!(field.curl("/").response().status(), 200);
    assert!(steered(&gateway, "1") > 0);
}

#[test]
fn a_host_with_its_own_cpus_is_served_there_and_its_devices_come_there_the_next_time() {
    let Some(field) = field() else { return };
    let gateway = Gateway::start(own(field.setup("mode = \"native\"\nsteer_cpus = [0]"), "[1]"));
    assert_eq!(gateway.xdp_part("host_cpus"), (true, format!("{HOST} is served on CPU 1")));
    assert_eq!(field.curl("/").response().status(), 200);
    assert_eq!(handed_over(&gateway), 1, "its first SYN could be anybody's");
    for _ in 0..10 {
        assert_eq!(field.curl("/").response().status(), 200);
    }
    assert_eq!(handed_over(&gateway), 1, "the source is known by its last host");
    assert_eq!(off_cpu(&gateway), 0);
    // The host moves with a reload.
    gateway.configure(&own(field.setup("mode = \"native\"\nsteer_cpus = [0]"), "[0]"));
    gateway.must_reload();
    assert_eq!(field.curl("/").response().status(), 200);
    assert_eq!(field.curl("/").response().status(), 200);
    assert_eq!(off_cpu(&gateway), 0);
}

#[test]
fn packets_follow_a_connection_whose_name_is_in_the_second_segment() {
    let Some(field) = field() else { return };
    let gateway = Gateway::start(own(field.setup("mode = \"native\"\nsteer_cpus = [0]"), "[1]"));
    let client = field.site.client().groups(&[NamedGroup::X25519]);
    let connect = || {
        // XDP sees no name: the worker that reads the hello is the first to know the host.
        let cut = |hello: &[u8]| vec![hello[..20].to_vec(), hello[20..].to_vec()];
        let mut connection = client.connect_cut(field.address(), HOST, cut).unwrap();
        assert_eq!(connection.get(HOST, "/").unwrap().status(), 200);
    };
    field.fleet.run(connect);
    assert_eq!(handed_over(&gateway), 1);
    assert_eq!(off_cpu(&gateway), 0, "the flow was steered anew, and the end of the handshake came there");
    field.fleet.run(connect);
    assert_eq!(handed_over(&gateway), 1, "the source is known by its last host");
    assert_eq!(off_cpu(&gateway), 0);
}

#[test]
fn without_xdp_a_host_is_still_served_by_the_workers_on_its_cpus() {
    if !skip::unless_two_cpus() {
        return;
    }
    let site = Site::new();
    let setup = own(site.setup().table("xdp", "steer_cpus = [0]"), "[1]");
    let gateway = Gateway::start(setup.table("server", "workers = 2"));
    for _ in 0..40 {
        assert_eq!(site.curl(gateway.address(), "/").identity(&site.device).response().status(), 200);
    }
    // The kernel spreads them over both workers.
    let handed = handed_over(&gateway);
    assert!(handed > 0 && handed < 40, "{handed}");
}

#[test]
fn a_cpu_that_is_not_there_is_a_problem_with_its_place() {
    let site = Site::new();
    let refused = |setup: Setup| Gateway::try_start(setup).err().expect("no start").stderr;
    let said = refused(site.setup().table("xdp", "steer_cpus = [1000]"));
    assert!(said.contains("`xdp.steer_cpus` names CPU 1000, which has no worker"), "{said}");
    let said = refused(own(site.setup(), "[0]"));
    assert!(said.contains("has `cpus`, and nothing is steered"), "{said}");
}
