//! `xdp.unknown_sni`: a complete hello with a name that nobody serves never costs userspace a handshake.

use fleetgate_ebpf::verdict::Verdict;
use fleetgate_tests::client::{Raw, UNRECOGNIZED_NAME};
use fleetgate_tests::field::Field;
use fleetgate_tests::gateway::Gateway;
use fleetgate_tests::xdp::hello;
use fleetgate_tests::{skip, wait};

fn send_unknown(field: &Field) -> Raw {
    field.fleet.run(|| Raw::connect(field.address()).send(&[&hello::classic("other.example.com")]))
}

fn established(field: &Field) -> String {
    field.edge.output("ss", &["-Htn", "state", "established", "sport", "=", ":8443"])
}

fn unknown_in_userspace(gateway: &Gateway) -> u64 {
    gateway.metric(
        "fleetgate_handshakes_total",
        &[("host", "other"), ("result", "error"), ("reason", "unknown_sni")],
    )
}

#[test]
fn pass_leaves_the_answer_to_userspace() {
    if !skip::unless_root() {
        return;
    }
    let field = Field::new();
    let gateway = Gateway::start(field.setup("unknown_sni = \"pass\""));
    assert_eq!(send_unknown(&field).read_to_end(), UNRECOGNIZED_NAME);
    assert_eq!(gateway.packets(Verdict::HelloUnknownPassed), 1);
    gateway.wait_metric(
        "fleetgate_handshakes_total",
        &[("host", "other"), ("result", "error"), ("reason", "unknown_sni")],
        1,
    );
}

#[test]
fn drop_lets_nothing_through_and_known_names_pass() {
    if !skip::unless_root() {
        return;
    }
    let field = Field::new();
    let gateway = Gateway::start(field.setup("unknown_sni = \"drop\""));
    let _unanswered = send_unknown(&field);
    wait::until("no established socket", || established(&field).is_empty().then_some(()));
    wait::until("a retransmission", || (gateway.packets(Verdict::EndedAnswered) >= 1).then_some(()));
    assert_eq!(gateway.packets(Verdict::HelloUnknownDropped), 1);
    assert_eq!(unknown_in_userspace(&gateway), 0);
    assert_eq!(field.curl("/").response().status(), 200);
}

#[test]
fn reset_frees_the_servers_socket_at_once_and_ends_the_client() {
    if !skip::unless_root() {
        return;
    }
    let field = Field::new();
    let gateway = Gateway::start(field.setup("unknown_sni = \"reset\""));
    let client = send_unknown(&field);
    wait::until("a reset hello", || (gateway.packets(Verdict::HelloUnknownReset) >= 1).then_some(()));
    wait::until("no established socket", || established(&field).is_empty().then_some(()));
    // Its retransmission meets no socket, and is answered with a RST.
    assert!(client.read_to_end().is_empty());
    assert_eq!(unknown_in_userspace(&gateway), 0);
    assert_eq!(field.curl("/").response().status(), 200);
}

#[test]
fn reset_is_answered_from_the_interface() {
    if !skip::unless_root() {
        return;
    }
    let field = Field::new();
    let gateway = Gateway::start(field.setup("mode = \"native\"\nunknown_sni = \"reset\""));
    let _answers = field.take_answers();
    let client = send_unknown(&field);
    assert!(client.read_to_end().is_empty());
    // The stack was not asked again: the client had its answer.
    assert_eq!((gateway.packets(Verdict::EndedAnswered), gateway.packets(Verdict::UnknownFlow)), (1, 0));
    wait::until("no established socket", || established(&field).is_empty().then_some(()));
    assert_eq!(field.curl("/").response().status(), 200);
}
