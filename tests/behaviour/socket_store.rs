//! Where a service manager keeps the listening sockets, a restart refuses nobody, and neither does a crash.

use std::net::{Ipv4Addr, TcpListener, TcpStream};

use fleetgate_tests::gateway::{Gateway, Manager};
use fleetgate_tests::load::Load;
use fleetgate_tests::site::{HOST, Site};
use fleetgate_tests::wait;
use nix::sys::signal::Signal;

const WORKERS: usize = 3;

fn start(site: &Site, manager: &Manager) -> Gateway {
    let setup = site.setup().table("server", &format!("workers = {WORKERS}"));
    let gateway = Gateway::start(setup.managed(manager));
    manager.wait_told("READY=1");
    wait::until("the sockets to be kept", || (manager.keeps() == WORKERS).then_some(()));
    gateway
}

#[test]
fn restarts_under_load_refuse_nobody_and_no_request_fails() {
    let (site, manager) = (Site::new(), Manager::new());
    let mut gateway = start(&site, &manager);
    let load = Load::start(&site.client(), gateway.address(), HOST);
    for _ in 0..3 {
        load.go_on(20);
        gateway.signal(Signal::SIGTERM);
        assert_eq!(gateway.wait().code(), Some(0));
        gateway.start_again();
        load.go_on(20);
        assert_eq!(manager.keeps(), WORKERS, "each is kept once");
    }
    load.stop().must_be_flawless();
    manager.wait_told("STOPPING=1");
}

#[test]
fn who_connects_between_a_crash_and_the_new_start_is_served() {
    const WAITING: usize = 16;
    let (site, manager) = (Site::new(), Manager::new());
    let mut gateway = start(&site, &manager);
    gateway.signal(Signal::SIGKILL);
    gateway.wait();
    let waiting: Vec<_> = (0..WAITING).map(|_| TcpStream::connect(gateway.address()).unwrap()).collect();
    gateway.start_again();
    for stream in waiting {
        assert_eq!(site.client().connect_over(stream, HOST).unwrap().get(HOST, "/").unwrap().status(), 200);
    }
}

#[test]
fn a_listener_that_a_reload_brings_is_kept_and_one_that_it_takes_is_not() {
    let (site, manager) = (Site::new(), Manager::new());
    let gateway = start(&site, &manager);
    let second = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    let setup = || site.setup().table("server", &format!("workers = {WORKERS}"));
    gateway.configure(&setup().array("listener", format!("address = \"{second}\"")));
    gateway.must_reload();
    wait::until("more sockets to be kept", || (manager.keeps() == 2 * WORKERS).then_some(()));
    gateway.configure(&setup());
    gateway.must_reload();
    manager.wait_told(&format!("FDNAME={}", second.to_string().replace(':', "_")));
    wait::until("fewer sockets to be kept", || (manager.keeps() == WORKERS).then_some(()));
    wait::until("a refused connection", || TcpStream::connect(second).is_err().then_some(()));
}

#[test]
fn the_one_socket_of_a_socket_unit_serves_all_workers_and_its_queue_from_before_the_start() {
    const WAITING: usize = 16;
    let (site, manager) = (Site::new(), Manager::new());
    let unit = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = unit.local_addr().unwrap();
    // Somebody else's socket, which nobody configures, and something that is no socket.
    manager.keep("stray", TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap());
    manager.keep("file", std::fs::File::open("/dev/null").unwrap());
    manager.keep("unit", unit);
    let waiting: Vec<_> = (0..WAITING).map(|_| TcpStream::connect(address).unwrap()).collect();
    let setup = site.setup().table("server", &format!("workers = {WORKERS}"));
    let gateway =
        Gateway::start(setup.array("listener", format!("address = \"{address}\"")).managed(&manager));
    for stream in waiting {
        assert_eq!(site.client().connect_over(stream, HOST).unwrap().get(HOST, "/").unwrap().status(), 200);
    }
    let load = Load::start(&site.client(), address, HOST);
    load.go_on(20);
    let _new = gateway.upgrade();
    load.go_on(20);
    load.stop().must_be_flawless();
    gateway.output().wait_log("no listening TCP socket");
}

#[test]
fn an_upgrade_tells_the_manager_which_process_is_the_service_by_now() {
    let (site, manager) = (Site::new(), Manager::new());
    let gateway = start(&site, &manager);
    let new = gateway.upgrade();
    manager.wait_told(&format!("MAINPID={}", new.id()));
    assert_eq!(manager.keeps(), WORKERS, "the sockets are the same");
}
