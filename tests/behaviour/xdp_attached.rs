//! XDP is attached natively in front of a gateway, and sees what userspace sees: the SYN, the name, the flow.

use fleetgate_ebpf::verdict::Verdict;
use fleetgate_tests::field::{Field, INTERFACE};
use fleetgate_tests::gateway::Gateway;
use fleetgate_tests::site::HOST;
use fleetgate_tests::skip;

#[test]
fn a_handshake_passes_and_is_counted_step_by_step() {
    if !skip::unless_root() {
        return;
    }
    let field = Field::new();
    let gateway = Gateway::start(field.setup("mode = \"native\"\nrequired = true"));
    assert!(gateway.is_attached(INTERFACE, "native"));
    assert_eq!(gateway.status()["xdp"][0]["mode"], "native");
    for (number, curl) in [field.curl("/"), field.curl_v6("/")].into_iter().enumerate() {
        assert_eq!(curl.response().status(), 200);
        let times = number + 1;
        for verdict in [Verdict::Syn, Verdict::HelloMatched] {
            assert_eq!(gateway.packets(verdict).to_string(), times.to_string(), "{verdict:?}");
        }
        assert_eq!(
            gateway.metric("fleetgate_xdp_hellos_total", &[("host", HOST)]).to_string(),
            times.to_string()
        );
    }
    assert!(gateway.packets(Verdict::Established) > 0);
    assert_eq!(field.site.origin.requests()[0].header("x-forwarded-for"), Some("192.0.2.2"));
}

#[test]
fn a_hello_over_two_segments_passes() {
    if !skip::unless_root() {
        return;
    }
    let field = Field::new();
    let gateway = Gateway::start(field.setup("unknown_sni = \"drop\""));
    // Post-quantum key shares make it large, and rustls shuffles its extensions: its name is in either segment.
    for _ in 0..8 {
        let mut connection = field.fleet.run(|| field.site.client().connect(field.address(), HOST)).unwrap();
        assert_eq!(connection.get(HOST, "/").unwrap().status(), 200);
    }
    let seen = gateway.packets(Verdict::HelloMatched) + gateway.packets(Verdict::HelloIncomplete);
    assert_eq!(seen, 8);
    assert_eq!(gateway.packets(Verdict::HelloUnknownDropped), 0);
}

#[test]
fn an_interface_that_cannot_run_it_natively_gets_it_generically_and_loudly() {
    if !skip::unless_root() {
        return;
    }
    let field = Field::new();
    let gateway = Gateway::start(field.without_xdp().table("xdp", "interfaces = [\"lo\"]\nmode = \"auto\""));
    assert!(gateway.is_attached("lo", "generic") && !gateway.is_attached("lo", "native"));
    gateway.output().wait_log("XDP runs in generic mode");
    // Asked for by name, native is native or nothing.
    drop(gateway);
    let native =
        field.without_xdp().table("xdp", "interfaces = [\"lo\"]\nmode = \"native\"\nrequired = true");
    let refusal = Gateway::try_start(native).err().expect("no start");
    assert!(
        refusal.stderr.contains("the driver of lo does not take a native XDP program"),
        "{}",
        refusal.stderr
    );
}
