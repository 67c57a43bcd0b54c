//! With `xdp.pin_dir`, protection outlives the gateway: bans hold while none runs, the next one takes over, and
//! `fleetgate xdp detach` takes it all away.

use std::io::ErrorKind;
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use fleetgate_ebpf::verdict::Verdict;
use fleetgate_tests::bpffs::BpfFs;
use fleetgate_tests::field::{Field, INTERFACE};
use fleetgate_tests::gateway::{Gateway, Setup};
use fleetgate_tests::{skip, wait};
use nix::sys::signal::Signal;

const FLEET: &str = "192.0.2.2";

fn setup(field: &Field, pins: &BpfFs, more: &str) -> Setup {
    let folder = pins.folder("gateway");
    field.setup(&format!("required = true\npin_dir = \"{}\"\n{more}", folder.display()))
}

fn has_program(field: &Field) -> bool {
    field.edge.output("ip", &["link", "show", INTERFACE]).contains("prog/xdp")
}

fn connects(field: &Field) -> bool {
    let address = field.address();
    field.fleet.run(|| TcpStream::connect_timeout(&address, Duration::from_millis(300))).is_ok()
}

fn end(gateway: &mut Gateway, signal: Signal) {
    gateway.signal(signal);
    gateway.wait();
}

#[test]
fn protection_outlives_a_stop_and_a_kill_and_the_next_gateway_takes_over() {
    if !skip::unless_root() {
        return;
    }
    let (field, pins) = (Field::new(), BpfFs::new());
    let mut gateway = Gateway::start(setup(&field, &pins, ""));
    assert_eq!(field.curl("/").response().status(), 200);
    for signal in [Signal::SIGTERM, Signal::SIGKILL] {
        let matched = gateway.packets(Verdict::HelloMatched);
        assert_eq!(gateway.cli("ban", &["add", FLEET]).code, 0);
        end(&mut gateway, signal);
        assert!(has_program(&field), "{signal}");
        gateway.start_again();
        assert!(gateway.is_attached(INTERFACE, "native"), "{signal}");
        assert!(!connects(&field), "{signal}: the ban holds");
        assert_eq!(gateway.cli("ban", &["rm", FLEET]).code, 0, "{signal}");
        assert_eq!(field.curl("/").response().status(), 200, "{signal}");
        assert_eq!(gateway.packets(Verdict::HelloMatched), matched + 1, "{signal}: counters go on");
    }
}

/// Who is banned hears nothing. Without the program even a port where nobody listens answers, with a RST.
#[test]
fn no_packet_gets_through_while_a_gateway_goes_and_the_next_one_comes() {
    if !skip::unless_root() {
        return;
    }
    let (field, pins) = (Field::new(), BpfFs::new());
    let mut gateway = Gateway::start(setup(&field, &pins, ""));
    assert_eq!(gateway.cli("ban", &["add", FLEET]).code, 0);
    let (done, address) = (AtomicBool::new(false), field.address());
    let knock = || TcpStream::connect_timeout(&address, Duration::from_millis(10));
    let knocks = thread::scope(|threads| {
        let knocking = threads.spawn(|| {
            field.fleet.run(|| {
                let mut knocks = Vec::new();
                while !done.load(Ordering::Relaxed) {
                    knocks.push(knock().map_err(|error| error.kind()).err());
                }
                knocks
            })
        });
        for signal in [Signal::SIGKILL, Signal::SIGTERM] {
            end(&mut gateway, signal);
            gateway.start_again();
        }
        // The last one with other maps.
        end(&mut gateway, Signal::SIGKILL);
        gateway.configure(&setup(&field, &pins, "").table("xdp.table", "flows = 128"));
        gateway.start_again();
        done.store(true, Ordering::Relaxed);
        knocking.join().unwrap()
    });
    assert!(knocks.len() > 10, "{knocks:?}");
    assert!(knocks.iter().all(|knock| *knock == Some(ErrorKind::TimedOut)), "{knocks:?}");
}

#[test]
fn other_table_sizes_bring_other_maps_and_keep_the_bans() {
    if !skip::unless_root() {
        return;
    }
    let (field, pins) = (Field::new(), BpfFs::new());
    let mut gateway = Gateway::start(setup(&field, &pins, ""));
    assert_eq!(gateway.cli("ban", &["add", FLEET]).code, 0);
    end(&mut gateway, Signal::SIGKILL);
    gateway.configure(&setup(&field, &pins, "").table("xdp.table", "flows = 128\nsources = 128"));
    gateway.start_again();
    assert!(gateway.cli("xdp", &["status"]).stdout.contains("of 128"));
    assert!(!connects(&field));
    assert!(gateway.cli("ban", &["list"]).stdout.contains(FLEET));
    let folders = std::fs::read_dir(pins.folder("gateway")).unwrap();
    let maps =
        folders.filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().starts_with("maps-"));
    assert_eq!(maps.count(), 1, "the other maps are gone");
}

#[test]
fn detach_takes_everything_away_and_leaves_a_running_gateway_alone() {
    if !skip::unless_root() {
        return;
    }
    let (field, pins) = (Field::new(), BpfFs::new());
    let mut gateway = Gateway::start(setup(&field, &pins, ""));
    let refused = gateway.cli("xdp", &["detach"]);
    assert!(refused.code == 1 && refused.stderr.contains("is in use by a gateway"), "{refused:?}");
    assert!(has_program(&field));
    end(&mut gateway, Signal::SIGTERM);
    let said = gateway.cli("xdp", &["detach"]);
    assert!(said.code == 0 && said.stdout.contains(INTERFACE), "{said:?}");
    // The kernel takes a link that nobody holds any more away in its own time.
    wait::until("no program", || (!has_program(&field)).then_some(()));
    assert_eq!(std::fs::read_dir(pins.folder("gateway")).unwrap().count(), 0);
}

#[test]
fn an_interface_that_left_the_configuration_or_was_created_again_is_dealt_with_at_the_next_start() {
    if !skip::unless_root() {
        return;
    }
    let (field, pins) = (Field::new(), BpfFs::new());
    let mut gateway = Gateway::start(setup(&field, &pins, ""));
    end(&mut gateway, Signal::SIGKILL);
    field.edge.ip(&format!("link delete {INTERFACE}"));
    field.connect();
    gateway.start_again();
    assert!(has_program(&field) && gateway.is_attached(INTERFACE, "native"));
    end(&mut gateway, Signal::SIGKILL);
    let folder = pins.folder("gateway");
    gateway.configure(
        &field
            .without_xdp()
            .table("xdp", &format!("interfaces = [\"lo\"]\npin_dir = \"{}\"", folder.display())),
    );
    gateway.start_again();
    assert!(!has_program(&field));
}

#[test]
fn an_upgrade_hands_the_pins_over_once_the_gateway_before_has_ended() {
    if !skip::unless_root() {
        return;
    }
    let (field, pins) = (Field::new(), BpfFs::new());
    let mut gateway = Gateway::start(setup(&field, &pins, "").table("server", "state_dir = \".\""));
    let new = gateway.upgrade();
    assert!(gateway.wait().success());
    assert!(has_program(&field), "there is no gap");
    wait::until("the new one's hold", || gateway.is_attached(INTERFACE, "native").then_some(()));
    assert_eq!(gateway.cli("ban", &["add", FLEET]).code, 0);
    assert!(!connects(&field), "it is the new one's program");
    new.signal(Signal::SIGTERM);
    assert_eq!(new.wait(), 0);
}
