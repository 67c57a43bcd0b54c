//! An interface with an MTU of 9000 takes the program natively, and a hello that fills such a frame is read to its end.

use fleetgate_ebpf::verdict::Verdict;
use fleetgate_tests::client::Raw;
use fleetgate_tests::field::{Field, INTERFACE};
use fleetgate_tests::gateway::Gateway;
use fleetgate_tests::site::HOST;
use fleetgate_tests::skip;
use fleetgate_tests::xdp::hello::Hello;

/// A hello whose name comes last, behind so many bytes of padding.
fn padded(name: &str, padding: usize) -> Vec<u8> {
    Hello::default()
        .extension(21, &vec![0; padding])
        .extension(43, &[2, 3, 4])
        .server_name(name.as_bytes())
        .record()
}

#[test]
fn a_hello_across_a_frame_of_9000_bytes_is_classified_natively() {
    if !skip::unless_root() {
        return;
    }
    let field = Field::new();
    field.edge.ip(&format!("link set {INTERFACE} mtu 9000"));
    field.fleet.ip("link set fleet0 mtu 9000");
    let gateway = Gateway::start(field.setup("mode = \"native\"\nrequired = true\nunknown_sni = \"drop\""));
    assert!(gateway.is_attached(INTERFACE, "native"));
    // Beyond the linear part of a multi-buffer frame, which has a page at most.
    for (number, padding) in [5000, 8500].into_iter().enumerate() {
        let hello = padded(HOST, padding);
        let address = field.address();
        let _answered = field.fleet.run(|| Raw::connect(address).send(&[&hello]));
        gateway.wait_metric("fleetgate_xdp_hellos_total", &[("host", HOST)], number as u64 + 1);
        assert_eq!(gateway.packets(Verdict::HelloIncomplete), 0, "it came in one frame");
    }
    let address = field.address();
    let _unanswered = field.fleet.run(|| Raw::connect(address).send(&[&padded("other.example.com", 8500)]));
    fleetgate_tests::wait::until("a dropped hello", || {
        (gateway.packets(Verdict::HelloUnknownDropped) > 0).then_some(())
    });
    assert_eq!(field.curl("/").response().status(), 200);
}
