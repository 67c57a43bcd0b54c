//! Whatever ends a hello frees the server's socket long before any timeout would, and tells the device: its read ends with
//! ECONNRESET.

use std::io::Read as _;
use std::net::SocketAddr;

use fleetgate_ebpf::verdict::Verdict;
use fleetgate_tests::client::Raw;
use fleetgate_tests::field::Field;
use fleetgate_tests::gateway::{Gateway, LIMITS_OFF, Setup};
use fleetgate_tests::site::HOST;
use fleetgate_tests::xdp::hello;
use fleetgate_tests::{skip, wait};

const UNKNOWN: &str = "other.example.com";

/// A gateway that waits an hour for handshakes: it is not its patience that frees a socket.
fn patient(setup: Setup) -> Gateway {
    Gateway::start(setup.table("timeout", "handshake = \"1h\""))
}

fn established(field: &Field) -> String {
    field.edge.output("ss", &["-Htn", "state", "established", "sport", "=", ":8443"])
}

fn send(field: &Field, address: SocketAddr, bytes: &[u8]) -> Raw {
    field.fleet.run(|| Raw::connect(address).send(&[bytes]))
}

fn assert_reset(Raw(mut device): Raw) {
    let error = device.read(&mut [0]).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(libc::ECONNRESET), "{error}");
}

#[test]
fn a_reset_hello_ends_the_device_with_econnreset_and_leaves_no_socket() {
    if !skip::unless_root() {
        return;
    }
    let field = Field::new();
    let gateway = patient(field.setup("required = true\nunknown_sni = \"reset\""));
    for address in [field.address(), "[2001:db8::1]:8443".parse().unwrap()] {
        let before = gateway.packets(Verdict::HelloUnknownReset);
        assert_reset(send(&field, address, &hello::classic(UNKNOWN)));
        assert_eq!(gateway.packets(Verdict::HelloUnknownReset), before + 1);
        assert_eq!(established(&field), "");
    }
}

#[test]
fn a_dropped_a_banned_and_a_garbled_hello_do_the_same() {
    if !skip::unless_root() {
        return;
    }
    let limits = LIMITS_OFF.replace("not_tls_per_source = \"off\"", "not_tls_per_source = \"1/s burst 1\"");
    let cases = [
        (Verdict::HelloUnknownDropped, "unknown_sni = \"drop\"", hello::classic(UNKNOWN), 1),
        (Verdict::HelloBanned, "", hello::classic(HOST), 1),
        (Verdict::NotTlsLimited, "", b"GET / HTTP/1.1\r\n\r\n".to_vec(), 3),
    ];
    for (verdict, xdp, bytes, times) in cases {
        let field = Field::new();
        let xdp = format!("mode = \"native\"\nrequired = true\n{xdp}");
        let gateway = patient(field.setup(&xdp).table("xdp.limit", &limits));
        // The answer comes from the interface: the stack is not asked.
        let _answers = field.take_answers();
        assert_eq!(gateway.cli("ban", &["add", "192.0.2.2", "--host", HOST]).code, 0);
        let mut sent: Vec<_> = (0..times).map(|_| send(&field, field.address(), &bytes)).collect();
        wait::until(&format!("{verdict:?}"), || (gateway.packets(verdict) > 0).then_some(()));
        assert_reset(sent.pop().expect("one at least"));
        assert!(gateway.packets(Verdict::EndedAnswered) > 0);
        wait::until("no established socket", || established(&field).is_empty().then_some(()));
    }
}
