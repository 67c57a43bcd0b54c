//! A reload adds, changes and removes listeners, and nobody who was answered notices.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};

use fleetgate_ebpf::verdict::Verdict;
use fleetgate_tests::field::Field;
use fleetgate_tests::gateway::{Gateway, Setup};
use fleetgate_tests::load::Load;
use fleetgate_tests::origin::HELD;
use fleetgate_tests::site::{HOST, Site};
use fleetgate_tests::{skip, wait};

const HEADER: &[u8] = b"PROXY TCP4 192.0.2.9 198.51.100.1 4000 8443\r\n";

/// A free port, and the lines of a listener there.
fn another() -> (SocketAddr, String) {
    let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = socket.local_addr().unwrap();
    (address, format!("address = \"{address}\""))
}

fn workers(site: &Site) -> Setup {
    site.setup().table("server", "workers = 3")
}

#[test]
fn listeners_come_and_go_under_load_and_no_request_fails() {
    const ROUNDS: usize = 8;
    let site = Site::new();
    let (second, lines) = another();
    let gateway = Gateway::start(workers(&site));
    let load = Load::start(&site.client(), gateway.address(), HOST);
    for _ in 0..ROUNDS {
        gateway.configure(&workers(&site).array("listener", &lines));
        gateway.must_reload();
        let at_second = Load::start(&site.client(), second, HOST);
        at_second.go_on(20);
        let mut held = site.client().connect(second, HOST).unwrap();
        gateway.configure(&workers(&site));
        gateway.must_reload();
        wait::until("a refused connection", || TcpStream::connect(second).is_err().then_some(()));
        load.go_on(20);
        assert_eq!(held.get(HOST, "/").unwrap().status(), 200);
        // Nobody who was answered is let down; who comes later is refused.
        let outcome = at_second.stop();
        assert!(outcome.failures.is_empty(), "{outcome:?}");
    }
    load.stop().must_be_flawless();
    assert_eq!(gateway.status()["listeners"].as_array().unwrap().len(), 1);
}

#[test]
fn whoever_waits_in_the_queue_of_a_removed_listener_is_served() {
    const WAITING: usize = 8;
    let site = Site::new();
    let (second, lines) = another();
    // With one connection open, the others have to wait.
    let limited = || site.setup().table("server", "workers = 1\nmax_connections = 1");
    let gateway = Gateway::start(limited().array("listener", &lines));
    let mut busy = site.client().connect(gateway.address(), HOST).unwrap();
    busy.send(&format!("GET {HELD} HTTP/1.1\r\nHost: {HOST}\r\n\r\n")).unwrap();
    wait::until("the request at its origin", || site.origin.requests().pop());
    let waiting: Vec<_> = (0..WAITING).map(|_| TcpStream::connect(second).unwrap()).collect();
    gateway.configure(&limited());
    gateway.must_reload();
    // Each has been answered by the kernel only; its handshake begins now.
    let devices: Vec<_> = waiting
        .into_iter()
        .map(|stream| {
            let client = site.client();
            std::thread::spawn(move || client.connect_over(stream, HOST)?.get(HOST, "/"))
        })
        .collect();
    site.origin.release();
    assert_eq!(busy.receive().unwrap().status(), 200);
    drop(busy);
    for device in devices {
        assert_eq!(device.join().unwrap().unwrap().status(), 200);
    }
}

#[test]
fn an_address_that_cannot_be_had_refuses_the_reload_by_line() {
    let site = Site::new();
    let gateway = site.start();
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let (free, lines) = another();
    let address = taken.local_addr().unwrap();
    let setup = site.setup().array("listener", lines).array("listener", format!("address = \"{address}\""));
    gateway.configure(&setup);
    let said = gateway.reload();
    assert_eq!(said.code, 1, "{said:?}");
    let text = std::fs::read_to_string(gateway.config()).unwrap();
    let line = 1 + text.lines().position(|line| line.contains(&address.to_string())).unwrap();
    let place = format!("fleetgate.toml:{line}:12: error: cannot listen on {address}");
    assert!(said.stdout.contains(&place), "{place} in {said:?}");
    assert!(TcpStream::connect(free).is_err(), "nothing of a refused reload is left");
    assert_eq!(site.client().connect(gateway.address(), HOST).unwrap().get(HOST, "/").unwrap().status(), 200);
    assert_eq!(gateway.status()["generation"], 1);
}

#[test]
fn an_address_may_be_narrowed_to_one_that_the_gateway_listens_on_already() {
    let site = Site::new();
    let everywhere = || workers(&site).replace("\"127.0.0.1:", "\"0.0.0.0:");
    let gateway = Gateway::start(everywhere());
    let load = Load::start(&site.client(), gateway.address(), HOST);
    for _ in 0..3 {
        load.go_on(20);
        gateway.configure(&workers(&site));
        gateway.must_reload();
        load.go_on(20);
        gateway.configure(&everywhere());
        gateway.must_reload();
    }
    load.stop().must_be_flawless();
}

#[test]
fn an_address_may_come_back_at_once() {
    let site = Site::new();
    let (second, lines) = another();
    let gateway = Gateway::start(workers(&site).array("listener", &lines));
    gateway.configure(&workers(&site));
    gateway.must_reload();
    gateway.configure(&workers(&site).array("listener", &lines));
    gateway.must_reload();
    assert_eq!(site.client().connect(second, HOST).unwrap().get(HOST, "/").unwrap().status(), 200);
}

#[test]
fn a_listener_begins_and_ends_to_believe_a_balancer() {
    let site = Site::new();
    let gateway = site.start();
    let mut before = site.client().connect(gateway.address(), HOST).unwrap();
    gateway.configure(&site.setup().listener("proxy_protocol = true\ntrusted = [\"127.0.0.0/8\"]"));
    gateway.must_reload();
    assert_eq!(before.get(HOST, "/").unwrap().status(), 200);
    assert!(site.client().connect(gateway.address(), HOST).is_err());
    assert!(site.client().connect_behind(HEADER, gateway.address(), HOST).is_ok());
    gateway.configure(&site.setup().listener("proxy_protocol = true\ntrusted = [\"10.0.0.0/8\"]"));
    gateway.must_reload();
    assert!(site.client().connect_behind(HEADER, gateway.address(), HOST).is_err());
    gateway.configure(&site.setup());
    gateway.must_reload();
    assert!(site.client().connect(gateway.address(), HOST).is_ok());
}

#[test]
fn xdp_protects_the_ports_of_the_listeners_in_force() {
    if !skip::unless_root() {
        return;
    }
    let field = Field::new();
    let gateway = Gateway::start(field.setup(""));
    let second = SocketAddr::from(([192, 0, 2, 1], 9443));
    let connects = || field.fleet.run(|| field.site.client().connect(second, HOST)).is_ok();
    let protected = || gateway.packets(Verdict::Syn);
    let before = protected();
    assert!(!connects());
    assert_eq!(protected(), before);
    gateway.configure(&field.setup("").array("listener", "address = \"[::]:9443\""));
    gateway.must_reload();
    assert!(connects());
    assert_eq!(protected(), before + 1);
    gateway.configure(&field.setup(""));
    gateway.must_reload();
    wait::until("a refused connection", || (!connects()).then_some(()));
    assert_eq!(protected(), before + 1);
}
