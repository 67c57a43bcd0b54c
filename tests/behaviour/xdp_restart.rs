//! A gateway with XDP that was killed starts again, with XDP attached, and traffic flows.

use std::time::Instant;

use fleetgate_ebpf::verdict::Verdict;
use fleetgate_tests::field::{Field, INTERFACE};
use fleetgate_tests::gateway::Gateway;
use fleetgate_tests::skip;
use nix::sys::signal::Signal;

#[test]
fn traffic_flows_after_sigkill_and_a_new_start() {
    if !skip::unless_root() {
        return;
    }
    let field = Field::new();
    let mut gateway = Gateway::start(field.setup("required = true\nunknown_sni = \"drop\""));
    assert_eq!(field.curl("/").response().status(), 200);
    gateway.signal(Signal::SIGKILL);
    gateway.wait();
    let begun = Instant::now();
    gateway.start_again();
    assert_eq!(field.curl("/").response().status(), 200);
    // For people: nothing is asserted about time.
    println!("traffic flowed {} ms after the new start", begun.elapsed().as_millis());
    assert!(gateway.is_attached(INTERFACE, "native"));
    assert_eq!(gateway.packets(Verdict::HelloMatched), 1);
}

#[test]
fn a_gateway_that_ends_leaves_the_interface_without_a_program() {
    if !skip::unless_root() {
        return;
    }
    let field = Field::new();
    for signal in [Signal::SIGTERM, Signal::SIGKILL] {
        let mut gateway = Gateway::start(field.setup("required = true"));
        assert!(field.edge.output("ip", &["link", "show", INTERFACE]).contains("prog/xdp"));
        gateway.signal(signal);
        gateway.wait();
        assert!(!field.edge.output("ip", &["link", "show", INTERFACE]).contains("prog/xdp"), "{signal}");
    }
}
