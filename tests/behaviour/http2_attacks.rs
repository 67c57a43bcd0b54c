//! Attacks on HTTP/2 end with their connection, and cost the others nothing.

use fleetgate_tests::gateway::Gateway;
use fleetgate_tests::site::{HOST, Site};

/// The gateway's resident memory, in KiB.
fn resident(gateway: &Gateway) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", gateway.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim_end_matches("kB").trim().parse().unwrap()
}

/// The attack ends its own connection; a device beside it is served throughout.
fn assert_ends(attack: &str, how: &str) -> Option<Gateway> {
    let site = Site::new();
    let gateway = site.start();
    let client = site.http2(gateway.address())?;
    let mut beside = site.client().connect(gateway.address(), HOST).unwrap();
    assert_eq!(beside.get(HOST, "/").unwrap().status(), 200);
    let before = resident(&gateway);
    assert_eq!(client.attack(attack), how, "{attack}");
    let grown = resident(&gateway).saturating_sub(before);
    assert!(grown < 64 << 10, "{attack} cost {grown} KiB");
    assert_eq!(beside.get(HOST, "/").unwrap().status(), 200);
    fleetgate_tests::wait::until("one connection", || (gateway.status()["connections"] == 1).then_some(()));
    Some(gateway)
}

#[test]
fn cve_2023_44487_rapid_reset() {
    let Some(gateway) = assert_ends("rapid_reset", "closed") else { return };
    let forwarded = gateway.metric(
        "fleetgate_policy_decisions_total",
        &[("host", HOST), ("decision", "permit"), ("reason", "permit")],
    );
    assert!(forwarded < 1000, "{forwarded} of 10000 requests went to the policy");
}

#[test]
fn cve_2025_8671_made_you_reset() {
    let Some(gateway) = assert_ends("made_you_reset", "closed") else { return };
    let forwarded = gateway.metric(
        "fleetgate_policy_decisions_total",
        &[("host", HOST), ("decision", "permit"), ("reason", "permit")],
    );
    assert!(forwarded < 1000, "{forwarded} of 10000 requests went to the policy");
}

#[test]
fn cve_2024_27316_continuation_flood() {
    assert_ends("continuation", "closed");
}

#[test]
fn cve_2019_9518_empty_data() {
    assert_ends("empty_data", "closed");
}

#[test]
fn cve_2019_9512_pings_whose_answers_nobody_reads() {
    assert_ends("pings", "stalled");
}

#[test]
fn cve_2019_9515_settings_whose_acknowledgements_nobody_reads() {
    assert_ends("settings", "stalled");
}

#[test]
fn a_head_beyond_its_bound_is_refused() {
    let site = Site::new();
    let gateway = site.start();
    let Some(client) = site.http2(gateway.address()) else { return };
    client.attack("large_head");
    assert_eq!(site.origin.connections(), 0);
}
