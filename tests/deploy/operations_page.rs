//! `docs/operations.md` lists what there is: every metric, every reason, every field of the access log.

use std::fmt::Write as _;

use fleetgate::access::Reason;
use fleetgate::device::refusal::Refusal;
use fleetgate::doctor::Check;
use fleetgate::telemetry::access_log::{Clipped, Line, Peer};
use fleetgate_ebpf::verdict::Verdict;
use rustls::AlertDescription;

use crate::{registry, repository};

const PAGE: &str = "docs/operations.md";

/// The cells of the table row whose first cell is `first`, from the section with this title on.
fn row(section: &str, first: &str) -> Vec<String> {
    let page = repository::read(PAGE);
    let (_, section) = page.split_once(section).unwrap_or_else(|| panic!("no {section}"));
    let rows = repository::rows(section);
    let row =
        rows.iter().find(|row| row[0] == first).unwrap_or_else(|| panic!("{section}: no row about {first}"));
    row.iter().map(|cell| (*cell).to_owned()).collect()
}

#[test]
fn the_metrics_are_those_of_the_registry() {
    let mut table = "| name | type | labels | meaning |\n|---|---|---|---|\n".to_owned();
    for (name, metric) in registry::metrics() {
        let labels: Vec<_> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
        let labels = if labels.is_empty() { "–".to_owned() } else { labels.join(", ") };
        let _ = writeln!(table, "| `{name}` | {} | {labels} | {} |", metric.kind, metric.help);
    }
    let page = repository::read(PAGE);
    let (_, rest) = page.split_once("<!-- metrics -->\n").unwrap();
    let (written, _) = rest.split_once("<!-- end of metrics -->").unwrap();
    assert_eq!(written, table, "the table of metrics should be:\n{table}");
}

#[test]
fn every_xdp_verdict_is_explained_in_the_order_of_its_number() {
    let page = repository::read(PAGE);
    let (_, section) = page.split_once("### Why was a packet dropped?").unwrap();
    let rows = repository::rows(section.split("\n## ").next().unwrap());
    let written: Vec<_> = rows.iter().map(|row| (row[0], row[1])).collect();
    assert_eq!(written, Verdict::ALL.map(|verdict| (verdict.reason(), verdict.action().label())));
}

#[test]
fn every_refusal_of_a_certificate_is_explained_with_its_alert() {
    for refusal in Refusal::ALL {
        let alert = match refusal.alert() {
            AlertDescription::UnknownCA => "unknown_ca",
            AlertDescription::BadCertificate => "bad_certificate",
            AlertDescription::CertificateExpired => "certificate_expired",
            AlertDescription::CertificateRevoked => "certificate_revoked",
            AlertDescription::UnsupportedCertificate => "unsupported_certificate",
            other => panic!("{other:?}"),
        };
        assert_eq!(row("**A certificate does not verify**", refusal.label())[2], alert);
    }
}

#[test]
fn everything_that_the_doctor_looks_at_is_explained() {
    for check in Check::ALL {
        row("## Doctor", check.label());
    }
}

#[test]
fn every_denial_is_explained() {
    for reason in Reason::ALL {
        row("**A request is denied**", reason.label());
    }
}

#[test]
fn every_field_of_the_access_log_is_explained() {
    let peer = || Peer {
        source: ([192, 0, 2, 1], 4000).into(),
        certificate: "verified",
        subject: Some(Clipped("")),
        issuer: Some(Clipped("")),
        serial: Some(""),
        fingerprint: Some(""),
    };
    let request = Line::Request {
        time: 1.0,
        ray_id: "",
        host: "",
        method: Clipped(""),
        path: Clipped(""),
        status: 200,
        decision: "",
        reason: Some(""),
        policy: Some(""),
        duration: 1.0,
        peer: peer(),
    };
    let stream_start = Line::StreamStart {
        time: 1.0,
        ray_id: "",
        host: "",
        decision: "",
        reason: Some(""),
        policy: Some(""),
        peer: peer(),
    };
    let stream_end = Line::StreamEnd {
        time: 1.0,
        ray_id: "",
        host: "",
        reason: "",
        received: 1,
        sent: 1,
        duration: 1.0,
        peer: peer(),
    };
    let handshake = Line::Handshake { time: 1.0, host: "", reason: "", detail: Some(""), peer: peer() };
    let decision = Line::Decision {
        time: 1.0,
        ray_id: "",
        host: "",
        application: Some(""),
        policy: Some(""),
        decision: "",
        reason: Some(""),
        peer: peer(),
    };
    let change = Line::Change {
        time: 1.0,
        revision: 1,
        who: "",
        change: "",
        kind: "",
        id: "",
        before: Some(""),
        after: Some(""),
    };
    let lines = [request, stream_start, stream_end, handshake, decision, change]
        .map(|line| serde_json::to_value(line).unwrap());
    for field in lines.iter().flat_map(|line| line.as_object().unwrap().keys()) {
        let having: Vec<_> = lines.iter().filter(|line| line.get(field).is_some()).collect();
        let events: Vec<_> = having.iter().map(|line| line["event"].as_str().unwrap()).collect();
        let expected = if events.len() == lines.len() { "all".to_owned() } else { events.join(", ") };
        assert_eq!(row("## Access log", field)[1], expected, "{field}");
    }
}

#[test]
fn every_refusal_of_the_mqtt_guard_is_explained() {
    for refusal in fleetgate::stream::Refusal::ALL {
        row("**The MQTT guard refuses**", refusal.label());
    }
}

#[test]
fn every_end_of_a_stream_is_explained() {
    for reason in fleetgate::relay::End::ALL {
        row("**A byte stream or a WebSocket ended**", reason.label());
    }
}
