//! A new gateway takes the place of a running one, and no device notices.

use std::io::Read as _;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use fleetgate_ebpf::verdict::Verdict;
use fleetgate_tests::field::{Field, INTERFACE};
use fleetgate_tests::gateway::{Gateway, Successor};
use fleetgate_tests::load::Load;
use fleetgate_tests::origin::HELD;
use fleetgate_tests::site::{HOST, Site};
use fleetgate_tests::stream_site::StreamSite;
use fleetgate_tests::{skip, wait};
use nix::sys::signal::Signal;
use serde_json::json;

#[test]
fn upgrades_under_load_refuse_nobody_and_no_request_fails() {
    let site = Site::new();
    let workers = |count| site.setup().table("server", &format!("workers = {count}\nstate_dir = \".\""));
    let mut gateway = Gateway::start(workers(2));
    let load = Load::start(&site.client(), gateway.address(), HOST);
    let mut last: Option<Successor> = None;
    // More workers, fewer, and as many: the sockets are shared out among them.
    for count in [5, 1, 3, 3] {
        load.go_on(20);
        gateway.configure(&workers(count));
        let new = gateway.upgrade();
        assert_eq!(gateway.status()["process"], new.id());
        load.go_on(20);
        // The one before ends by itself, and nothing was lost.
        let code = last.replace(new).map_or_else(|| gateway.wait().code(), |old| Some(old.wait()));
        assert_eq!(code, Some(0));
        load.go_on(20);
    }
    load.stop().must_be_flawless();
    assert_eq!(gateway.output().log().matches("drained").count(), 4, "{}", gateway.output().log());
    let last = last.unwrap();
    last.signal(Signal::SIGTERM);
    assert_eq!(last.wait(), 0);
    assert!(!gateway.admin_socket().exists());
}

#[test]
fn connections_from_before_go_on_and_the_new_gateway_has_everything_else() {
    let site = Site::new();
    let mut gateway = Gateway::start(site.setup().table("server", "state_dir = \".\""));
    let mut idle = site.client().connect(gateway.address(), HOST).unwrap();
    assert_eq!(idle.get(HOST, "/").unwrap().status(), 200);
    let mut busy = site.client().connect(gateway.address(), HOST).unwrap();
    busy.send(&format!("GET {HELD} HTTP/1.1\r\nHost: {HOST}\r\n\r\n")).unwrap();
    wait::until("the request at its origin", || (site.origin.requests().len() == 2).then_some(()));
    let device = site.devices.device("device-2");
    assert_eq!(gateway.cli("device", &["deny", "--common-name", "device-2"]).code, 0);

    let new = gateway.upgrade();
    let answer = idle.get(HOST, "/").unwrap();
    assert_eq!((answer.status(), answer.header("connection")), (200, Some("close")));
    assert!(idle.receive().is_err(), "that was its last");
    assert_eq!(site.client().connect(gateway.address(), HOST).unwrap().get(HOST, "/").unwrap().status(), 200);
    let denied = site.anonymous().identity(&device).connect(gateway.address(), HOST);
    assert_eq!(denied.unwrap().get(HOST, "/").unwrap().status(), 403, "what was denied stays denied");
    assert_eq!(gateway.probe("/readyz").unwrap().status(), 200);
    // The old gateway still has one.
    wait::until("the new one's metrics", || {
        (gateway.metric("fleetgate_connections_active", &[]) == 0).then_some(())
    });

    site.origin.release();
    assert_eq!(busy.receive().unwrap().status(), 200);
    assert_eq!(gateway.wait().code(), Some(0));
    assert_eq!(gateway.status()["process"], new.id(), "the old one's end leaves the admin socket");
    assert!(gateway.admin_socket().exists());
}

#[test]
fn a_stream_of_the_old_gateway_ends_when_the_new_one_denies_its_device() {
    let scene = StreamSite::new();
    let setup = scene.setup_with(scene.host()).table("server", "state_dir = \".\"");
    let mut gateway = Gateway::start(setup);
    let (mut device, mut origin) = scene.connect(&gateway);
    device.write(b"before").unwrap();
    let mut bytes = [0; 6];
    origin.read_exact(&mut bytes).unwrap();
    let _new = gateway.upgrade();
    device.write(b"behind").unwrap();
    origin.read_exact(&mut bytes).unwrap();
    assert_eq!(&bytes, b"behind");
    let name = ["deny", "--common-name", "device-1"];
    assert_eq!(gateway.cli("device", &name).code, 0);
    gateway
        .output()
        .wait_access("its end", |line| line["event"] == "stream_end" && line["reason"] == "denied_locally");
    assert_eq!(gateway.wait().code(), Some(0));
}

/// The API's socket is handed over as well: its clients are refused neither meanwhile nor afterwards, with the same tokens and ids.
#[test]
fn the_api_answers_throughout_and_the_new_gateway_has_what_was_changed() {
    let site = Site::new();
    let mut gateway = Gateway::start(site.setup().api());
    let path = gateway.account("access/groups");
    let name = |number: usize| json!({ "name": format!("group {number}"), "include": [{ "everyone": {} }] });
    assert_eq!(gateway.api("POST", &path, Some(&name(0))).status(), 201);
    let (asked, is_done) = (AtomicUsize::new(0), AtomicBool::new(false));
    let new = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_done.load(Ordering::Relaxed) {
                assert_eq!(gateway.api("GET", &path, None).status(), 200);
                asked.fetch_add(1, Ordering::Relaxed);
            }
        });
        wait::until("an answer", || (asked.load(Ordering::Relaxed) > 0).then_some(()));
        let new = gateway.upgrade();
        let before = asked.load(Ordering::Relaxed);
        wait::until("answers of the new one", || (asked.load(Ordering::Relaxed) > before + 3).then_some(()));
        is_done.store(true, Ordering::Relaxed);
        new
    });
    assert_eq!(gateway.wait().code(), Some(0));
    assert_eq!(gateway.api("POST", &path, Some(&name(1))).status(), 201);
    let groups = gateway.api("GET", &path, None).json();
    assert_eq!(groups["result"].as_array().map(Vec::len), Some(2), "{groups}");
    assert_eq!(gateway.api("GET", "/fleetgate/v1/status", None).json()["process"], new.id());
}

#[test]
fn what_does_not_finish_is_closed_at_the_deadline_and_the_new_gateway_serves() {
    let site = Site::new();
    let mut gateway = Gateway::start(site.setup().table("timeout", "drain = \"200ms\""));
    let mut busy = site.client().connect(gateway.address(), HOST).unwrap();
    busy.send(&format!("GET {HELD} HTTP/1.1\r\nHost: {HOST}\r\n\r\n")).unwrap();
    wait::until("the request at its origin", || site.origin.requests().pop());
    let _new = gateway.upgrade();
    assert_eq!(gateway.wait().code(), Some(0));
    assert!(busy.receive().is_err());
    assert_eq!(site.client().connect(gateway.address(), HOST).unwrap().get(HOST, "/").unwrap().status(), 200);
}

#[test]
fn a_successor_that_does_not_start_says_why_and_the_old_gateway_goes_on() {
    let site = Site::new();
    let gateway = site.start();
    let load = Load::start(&site.client(), gateway.address(), HOST);
    load.go_on(10);
    gateway.configure(&site.setup().table("server", "workrs = 1"));
    let said = gateway.try_upgrade();
    assert_eq!(said.code, 1, "{said:?}");
    let why = "the new gateway did not start: ";
    assert!(said.stderr.contains(why) && said.stderr.contains("unknown key `workrs`"), "{said:?}");
    assert_eq!(gateway.status()["process"], gateway.id());
    // Changes are taken again.
    gateway.configure(&site.setup());
    gateway.must_reload();
    load.go_on(10);
    let _new = gateway.upgrade();
    load.go_on(10);
    load.stop().must_be_flawless();
}

#[test]
fn listeners_of_another_configuration_come_and_go_with_an_upgrade() {
    let site = Site::new();
    let [first, second] =
        [(); 2].map(|()| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap());
    let with = |address| site.setup().array("listener", format!("address = \"{address}\""));
    let gateway = Gateway::start(with(first));
    let load = Load::start(&site.client(), gateway.address(), HOST);
    gateway.configure(&with(second));
    let _new = gateway.upgrade();
    wait::until("a refused connection", || TcpStream::connect(first).is_err().then_some(()));
    assert_eq!(site.client().connect(second, HOST).unwrap().get(HOST, "/").unwrap().status(), 200);
    load.go_on(20);
    load.stop().must_be_flawless();
}

#[test]
fn xdp_protects_all_the_time_and_is_the_new_gateways_once_the_old_one_is_gone() {
    if !skip::unless_root() {
        return;
    }
    let field = Field::new();
    let mut gateway = Gateway::start(field.setup("required = true\nunknown_sni = \"drop\""));
    let has_program = || field.edge.output("ip", &["link", "show", INTERFACE]).contains("prog/xdp");
    let mut busy = field.fleet.run(|| field.site.client().connect(field.address(), HOST)).unwrap();
    busy.send(&format!("GET {HELD} HTTP/1.1\r\nHost: {HOST}\r\n\r\n")).unwrap();
    wait::until("the request at its origin", || field.site.origin.requests().pop());
    let _new = gateway.upgrade();
    assert!(has_program() && !gateway.is_attached(INTERFACE, "native"), "the old one's");
    assert_eq!(field.curl("/").response().status(), 200);
    field.site.origin.release();
    assert_eq!(busy.receive().unwrap().status(), 200);
    assert_eq!(gateway.wait().code(), Some(0));
    wait::until("the new one's program", || gateway.is_attached(INTERFACE, "native").then_some(()));
    assert!(has_program());
    assert_eq!(field.curl("/").response().status(), 200);
    gateway.wait_metric(
        "fleetgate_xdp_packets_total",
        &[("action", "pass"), ("reason", Verdict::HelloMatched.reason())],
        1,
    );
}

#[test]
fn sigusr2_upgrades_too_and_sigterm_to_the_new_one_ends_it_all() {
    let site = Site::new();
    let mut gateway = site.start();
    nix::sys::prctl::set_child_subreaper(true).unwrap();
    gateway.signal(Signal::SIGUSR2);
    gateway.output().wait_log("another gateway has taken over");
    assert_eq!(gateway.wait().code(), Some(0));
    let process = gateway.status()["process"].as_i64().unwrap();
    let new = Successor::adopt(process.try_into().unwrap());
    new.signal(Signal::SIGTERM);
    assert_eq!(new.wait(), 0);
    assert!(TcpStream::connect(gateway.address()).is_err());
}
