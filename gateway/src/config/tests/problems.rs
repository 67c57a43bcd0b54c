//! What is said of a wrong file, and how it is shown.

use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;
use tempfile::TempDir;

use super::{LEAST, parse, problems};
use crate::config::{Config, Problem, Problems, Source};

#[test]
fn an_unknown_key_is_an_error_that_suggests_the_nearest() {
    let cases = [
        ("[server]\nworker = 1", "8:1: error: unknown key `worker`; did you mean `workers`?"),
        (
            "[timeout]\n  hand_shake = \"1s\"",
            "8:3: error: unknown key `hand_shake`; did you mean `handshake`?",
        ),
        ("[xdp.limits]\n", "7:6: error: unknown key `limits`; did you mean `limit`?"),
        ("clientauth = \"none\"", "7:1: error: unknown key `clientauth`; did you mean `client_auth`?"),
        ("[forwarding]\nqqq = true", "8:1: error: unknown key `qqq`; known here: cloudflare"),
    ];
    for (more, expected) in cases {
        assert_eq!(problems(more), [expected], "{more}");
    }
}

#[test]
fn every_value_that_is_wrong_is_refused_with_place_and_reason() {
    let cases = [
        ("client_auth = \"maybe\"", "7:16: error: `maybe` is none of: access, require, none"),
        (
            "[host.mqtt]\nusername = \"dns\"\nset_username = \"dns\"",
            "9:17: error: `username` and `set_username` cannot both ask for something",
        ),
        (
            "[host.mqtt]\nclient_id = \"ip\"",
            "8:14: error: `ip` is none of: any, common_name, dns, email, uri, fingerprint, serial",
        ),
        ("protocol = \"quic\"", "7:13: error: `quic` is none of: https, tls, passthrough"),
        (
            "[[host]]\nname = \"a\"\ncertificate = \"a\"\nkey = \"a\"\norigin = \"https://a/b\"",
            "11:11: error: `https://a/b`: an origin is a host and a port only; the path comes from the request",
        ),
        (
            "[[host]]\nname = \"a\"\ncertificate = \"a\"\nkey = \"a\"\norigin = \"tcp://a:1\"",
            "11:11: error: `tcp://a:1`: a host with protocol = \"https\" has an http://, https:// or unix: origin",
        ),
        ("[server]\nmax_connections = 0", "8:19: error: `max_connections` must be at least 1"),
        ("[server]\nverdict_cache = 0", "8:17: error: `verdict_cache` must be at least 1"),
        ("[server]\nmax_request_header = 8191", "8:22: error: `max_request_header` must be at least 8192"),
        ("[xdp.table]\nflows = 63", "8:9: error: a table has 64 to 16777216 entries"),
        ("[xdp.table]\nsources = 16777217", "8:11: error: a table has 64 to 16777216 entries"),
        (
            "[xdp.limit]\nsyn_per_source = \"fast\"",
            "8:19: error: `fast` is not a rate; write it like \"50/s burst 100\", or \"off\"",
        ),
        (
            "[timeout]\ndrain = \"soon\"",
            "8:10: error: `soon` is not a length of time; write it like 500ms, 10s, 5m or 24h",
        ),
        (
            "[timeout]\ndrain = \"0s\"",
            "8:10: error: `0s` is out of range; give a time above 0 and up to a year",
        ),
        ("[metrics]\nlisten = \"9090\"", "8:11: error: `9090`: invalid socket address syntax"),
        (
            "[[application]]\ndomain = \"a.example/path\"",
            "8:11: error: `a.example/path`: an application covers a whole host; leave the path out",
        ),
        (
            "[[application]]\ndomain = \"a*.example\"",
            "8:11: error: `a*.example`: a wildcard is `*.` followed by a hostname of at least two labels",
        ),
        (
            "[[mtls_certificate]]\nname = \"a\"\ncertificate = \"a\"\nassociated_hostnames = [\"a.example\", \"b_.example\"]",
            "10:39: error: `b_.example`: a hostname has letters, digits and hyphens only, and no hyphen at either end of a label",
        ),
    ];
    for (more, expected) in cases {
        assert_eq!(problems(more), [expected], "{more}");
    }
}

#[test]
fn a_listener_that_takes_sources_from_others_says_from_whom() {
    let cases = [
        (", proxy_protocol = true", "`proxy_protocol` needs `trusted`: who may say where others come from"),
        (", trusted = [\"10.0.0.0/8\"]", "`trusted` is for listeners with `proxy_protocol = true`"),
    ];
    for (more, expected) in cases {
        let text = LEAST.replace(":8443\"", &format!(":8443\"{more}"));
        let found = parse(&text).unwrap_err().lines();
        assert!(found.len() == 1 && found[0].ends_with(expected), "{more}: {found:?}");
    }
    let good = ":8443\", proxy_protocol = true, trusted = [\"10.0.0.0/8\", \"2001:db8::/32\"]";
    let config = parse(&LEAST.replace(":8443\"", good)).unwrap();
    assert_eq!((config.protected().len(), config.listeners[0].proxies().unwrap().len()), (0, 2));
}

#[test]
fn a_value_of_another_type_is_refused_at_its_place() {
    let cases = [
        ("[server]\nworkers = \"two\"", "8:12: error: "),
        ("[server]\nmax_connections = -1", "8:19: error: "),
        ("[xdp]\nrequired = 1", "8:12: error: "),
        ("[xdp]\ninterfaces = \"eth0\"", "8:15: error: "),
        ("[timeout]\ndrain = 30", "8:9: error: "),
        ("[forwarding]\ncloudflare = \"yes\"", "8:15: error: "),
    ];
    for (more, expected) in cases {
        let found = problems(more);
        assert!(found.len() == 1 && found[0].starts_with(expected), "{more}: {found:?}");
    }
}

#[test]
fn what_is_required_is_missed_by_name() {
    let found = parse("[server]\nworkers = 1").map(drop).unwrap_err().to_string();
    for missing in ["`listener` is missing; add `listener` to this table", "`host` is missing"] {
        assert!(found.contains(missing), "{found}");
    }
    let found = parse("listener = [{}]\n[[host]]\n").map(drop).unwrap_err().to_string();
    for missing in ["address", "name", "certificate", "key", "origin"] {
        assert!(found.contains(&format!("error: `{missing}` is missing")), "{missing}: {found}");
    }
}

#[test]
fn all_problems_of_a_file_are_reported_at_once() {
    let found = problems(
        "client_auth = \"maybe\"\nport = 1\n[server]\nworkers = true\nmax_connections = 0\n[timeout]\ndrain = \"x\"\n[xdp.limit]\nsyn_per_source = \"x\"\n[nothing]\n",
    );
    let places = ["7:16:", "8:1:", "10:11:", "11:19:", "13:10:", "15:19:", "16:2:"];
    assert_eq!(found.len(), places.len(), "{found:#?}");
    for place in places {
        assert!(found.iter().any(|line| line.starts_with(place)), "{place} in {found:#?}");
    }
}

#[test]
fn a_key_or_table_that_occurs_twice_is_an_error() {
    let cases = [
        ("key = \"other.pem\"", "7:1: error: duplicate key: `key`"),
        ("[server]\nworkers = 1\nworkers = 2", "9:1: error: duplicate key: `workers`"),
        ("[log]\n[log]", "8:1: error: redefinition of table `log`"),
    ];
    for (more, expected) in cases {
        let found = problems(more);
        assert!(found.len() == 1 && found[0].starts_with(expected), "{more}: {found:?}");
    }
}

#[test]
fn a_rendering_shows_the_line_a_caret_under_the_place_and_the_remedy() {
    let rendered = parse(&format!("{LEAST}[server]\nworker = 1\n")).map(drop).unwrap_err().render();
    let lines: Vec<_> = rendered.lines().collect();
    assert_eq!(lines[0], "error: unknown key `worker`");
    assert_eq!(lines[1].trim(), "--> fleetgate.toml:8:1");
    let source = lines.iter().position(|line| line.ends_with("| worker = 1")).unwrap();
    let column = lines[source].find("worker").unwrap();
    assert_eq!(lines[source + 1].find('^'), Some(column), "{rendered}");
    assert_eq!(lines[source + 1].matches('^').count(), "worker".len(), "{rendered}");
    assert!(rendered.contains("help: did you mean `workers`?"), "{rendered}");
}

#[test]
fn columns_count_characters() {
    let found = problems(
        "[[mtls_certificate]]\ncertificate = \"é\"\nname = \"ü\" # ü\nassociated_hostnames = [\"ü.example\", \"_\"]",
    );
    assert_eq!(found.len(), 1);
    assert!(found[0].starts_with("10:39: error: `_`: "), "{found:?}");
}

#[test]
fn json_has_everything_that_a_script_needs() {
    let json = parse(&format!("{LEAST}[server]\nworker = 1\n")).map(drop).unwrap_err().json();
    let expected = serde_json::json!([{
        "severity": "error",
        "file": "fleetgate.toml",
        "line": 8,
        "column": 1,
        "message": "unknown key `worker`",
        "remedy": "did you mean `workers`?",
    }]);
    assert_eq!(json, expected);

    let source = Arc::new(Source::new(Path::new("f"), String::new()));
    let problems = Problems::new(&source, vec![Problem::warning("w")]);
    assert!(!problems.has_errors());
    assert_eq!(problems.json()[0]["severity"], "warning");
    assert!(problems.json()[0]["line"].is_null() && problems.json()[0]["remedy"].is_null());
}

#[test]
fn a_file_that_cannot_be_read_is_one_problem_with_a_remedy() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("fleetgate.toml");
    let found = Config::load(&path).map(drop).unwrap_err().lines();
    assert_eq!(found.len(), 1);
    assert!(found[0].contains("No such file") && found[0].contains("--config FILE"), "{found:?}");
    std::fs::write(&path, b"\xff\xfe").unwrap();
    assert!(Config::load(&path).is_err(), "not UTF-8");
}

proptest! {
    /// Whatever an editor leaves behind, it ends in problems that can be shown.
    #[test]
    fn a_damaged_file_never_panics(cut in 0..LEAST.len(), put in "[\\PC\n\"\\[\\]{}=é\u{1F600}]{0,6}", rest in any::<bool>()) {
        let mut text = LEAST[..cut].to_owned() + &put;
        if rest {
            text += &LEAST[cut..];
        }
        if let Err(problems) = parse(&text) {
            prop_assert!(!problems.is_empty());
            prop_assert!(!problems.render().is_empty());
            prop_assert_eq!(problems.lines().len(), problems.json().as_array().unwrap().len());
        }
    }
}
