//! Without the rights for XDP the gateway starts loudly and enforces the limits itself, or refuses when XDP is required.

use fleetgate_tests::client::Raw;
use fleetgate_tests::field::Field;
use fleetgate_tests::gateway::{Gateway, Setup};
use fleetgate_tests::site::HOST;
use fleetgate_tests::skip;
use fleetgate_tests::xdp::hello;

fn without_rights(setup: Setup) -> Setup {
    setup.wrapped(&["setpriv", "--inh-caps=-all", "--ambient-caps=-all", "--bounding-set=-all"])
}

fn limits(syn: &str, source: &str, host: &str) -> String {
    format!("syn_per_source = \"{syn}\"\nhello_per_source = \"{source}\"\nhello_per_host = \"{host}\"")
}

#[test]
fn each_limit_acts_in_userspace() {
    if !skip::unless_root() || !skip::unless_installed("setpriv") {
        return;
    }
    let field = Field::new();
    let tight = "1/s burst 2";
    let totals = |syn: &str, hello: &str| {
        format!("{}\nsyn_total = \"{syn}\"\nhello_total = \"{hello}\"", limits("off", "off", "off"))
    };
    let cases = [
        ("syn_per_source", limits(tight, "off", "off")),
        ("hello_per_source", limits("off", tight, "off")),
        ("hello_per_host", limits("off", "off", tight)),
        ("syn_total", totals(tight, "off")),
        ("hello_total", totals("off", tight)),
    ];
    for (limit, limits) in cases {
        let gateway = Gateway::start(without_rights(field.setup("").table("xdp.limit", &limits)));
        gateway.output().wait_log("XDP is off; limits are enforced in userspace");
        assert!(gateway.probe("/readyz").unwrap().text().contains("CAP_BPF"));
        assert_eq!(gateway.metric("fleetgate_xdp_healthy", &[]), 0);
        let address = field.address();
        let hello = hello::classic(HOST);
        let answers: Vec<_> = field.fleet.run(|| {
            let sent: Vec<_> = (0..6).map(|_| Raw::connect(address).send(&[&hello])).collect();
            sent.into_iter().map(|raw| raw.0.peek(&mut [0]).unwrap_or(0)).collect()
        });
        let (served, closed): (Vec<_>, Vec<_>) = answers.into_iter().partition(|bytes| *bytes > 0);
        assert!(served.len() >= 2 && !closed.is_empty(), "{limit}: {served:?} {closed:?}");
        gateway.wait_metric("fleetgate_limited_connections_total", &[("limit", limit)], 1);
    }
}

#[test]
fn bans_act_in_userspace() {
    if !skip::unless_root() || !skip::unless_installed("setpriv") {
        return;
    }
    let field = Field::new();
    let borne = "names = \"1/s burst 3\"\nduration = \"1h\"";
    let gateway = Gateway::start(without_rights(field.setup("").table("xdp.ban", borne)));
    let address = field.address();
    let ask = |name: &str| {
        let hello = hello::classic(name);
        field.fleet.run(|| Raw::connect(address).send(&[&hello]).0.peek(&mut [0]).unwrap_or(0))
    };
    assert!(ask(HOST) > 0);
    for _ in 0..8 {
        ask("other.example.com");
    }
    gateway.wait_metric("fleetgate_bans_total", &[("cause", "names")], 1);
    assert_eq!(ask(HOST), 0);
    let pardoned = gateway.cli("ban", &["rm", "192.0.2.2"]);
    assert_eq!(pardoned.code, 0, "{pardoned:?}");
    assert!(ask(HOST) > 0);
    // An operator's too.
    assert_eq!(gateway.cli("ban", &["add", "192.0.2.2", "--host", HOST]).code, 0);
    assert_eq!(ask(HOST), 0);
    assert!(gateway.cli("ban", &["list"]).stdout.contains("192.0.2.2 from iot.example.com  operator"));
}

#[test]
fn denied_networks_are_closed_in_userspace() {
    if !skip::unless_root() || !skip::unless_installed("setpriv") {
        return;
    }
    let field = Field::new();
    let deny = "deny = [\"192.0.2.0/24\"]\nallow = [\"192.0.2.1\"]";
    let gateway = Gateway::start(without_rights(field.setup(deny)));
    assert!(field.curl("/").run().is_err());
    gateway.wait_metric("fleetgate_limited_connections_total", &[("limit", "deny")], 1);
    assert_eq!(field.curl_v6("/").response().status(), 200);
}

#[test]
fn required_refuses_to_start() {
    if !skip::unless_root() || !skip::unless_installed("setpriv") {
        return;
    }
    let field = Field::new();
    let refusal = Gateway::try_start(without_rights(field.setup("required = true"))).err().expect("no start");
    assert!(
        refusal.stderr.contains("xdp.required is set") && refusal.stderr.contains("CAP_BPF"),
        "{}",
        refusal.stderr
    );
}
