//! A thousand connections lose no byte: neither when XDP comes under them, nor when its flow table has room for a few of them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use fleetgate_ebpf::verdict::Verdict;
use fleetgate_tests::byte_origin::ByteOrigin;
use fleetgate_tests::crowd::{Crowd, through};
use fleetgate_tests::field::{Field, INTERFACE};
use fleetgate_tests::gateway::Gateway;
use fleetgate_tests::skip;

const CONNECTIONS: usize = 1000;

fn refused(gateway: &Gateway) -> u64 {
    let metrics = gateway.metrics();
    ["drop", "reset", "answer"]
        .iter()
        .map(|action| metrics.sum("fleetgate_xdp_packets_total", &[("action", action)]))
        .sum()
}

#[test]
fn a_program_that_is_attached_under_them() {
    if !skip::unless_root() {
        return;
    }
    let field = Field::new();
    let origin = field.edge.run(ByteOrigin::start);
    let gateway = Gateway::start(through(field.without_xdp(), &origin));
    let mut crowd = Crowd::open(&field, field.address(), &origin, CONNECTIONS);
    crowd.talk();
    gateway.configure(&through(field.setup("required = true\nunknown_sni = \"drop\""), &origin));
    let attached = AtomicBool::new(false);
    thread::scope(|threads| {
        let talking = threads.spawn(|| {
            while !attached.load(Ordering::Relaxed) {
                crowd.talk();
            }
            // And once more, all of it under the program.
            crowd.talk();
        });
        gateway.must_reload();
        attached.store(true, Ordering::Relaxed);
        talking.join().unwrap();
    });
    assert!(gateway.is_attached(INTERFACE, "native"));
    assert!(gateway.packets(Verdict::UnknownFlow) >= CONNECTIONS as u64);
    assert_eq!(refused(&gateway), 0);
}

#[test]
fn a_flow_table_that_has_room_for_few_of_them() {
    if !skip::unless_root() {
        return;
    }
    let field = Field::new();
    let origin = field.edge.run(ByteOrigin::start);
    let setup = field.setup("required = true\nunknown_sni = \"drop\"").table("xdp.table", "flows = 64");
    let gateway = Gateway::start(through(setup, &origin));
    let mut crowd = Crowd::open(&field, field.address(), &origin, CONNECTIONS);
    for _ in 0..3 {
        crowd.talk();
    }
    assert!(gateway.cli("xdp", &["status"]).stdout.contains("of 64"));
    assert!(gateway.packets(Verdict::UnknownFlow) >= CONNECTIONS as u64, "most of them were evicted");
    assert_eq!(refused(&gateway), 0);
}
