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
        ("[log]\nqqq = true", "8:1: error: unknown key `qqq`; known here: access, audit"),
    ];
    for (more, expected) in cases {
        assert_eq!(problems(more), [expected], "{more}");
    }
}

#[test]
fn cpus_and_served_prefixes_that_are_none_are_refused_with_place_and_reason() {
    let cases = [
        ("[xdp]\nsteer_cpus = [0, 1, 0]", "8:14: error: CPU 0 is in `steer_cpus` twice"),
        ("cpus = [1, 1024]", "7:8: error: there is no CPU 1024; numbers of CPUs are below 1024"),
        (
            "[xdp]\nserve = [\"192.0.2.0/24\"]",
            "8:11: error: `192.0.2.0/24`: write a prefix and ports, like \"198.51.100.0/24:8443\", \
             \"198.51.100.0/24:8443-8500\" or \"[2001:db8::/48]:443\"",
        ),
        (
            "[xdp]\nserve = [\"192.0.2.0/24:0-9\"]",
            "8:11: error: `192.0.2.0/24:0-9`: `0-9` is not a port or a range of ports (from 1 to 65535, the lower first)",
        ),
    ];
    for (more, expected) in cases {
        assert_eq!(problems(more), [expected], "{more}");
    }
}

#[test]
fn what_is_served_fits_the_tables() {
    let list = |count: u16, entry: fn(u16) -> String| {
        let entries: Vec<_> = (0..count).map(entry).collect();
        format!("[xdp]\nserve = {entries:?}")
    };
    let ports = |number: u16| format!("192.0.2.0/24:{}", number + 1);
    assert!(parse(&format!("{LEAST}{}", list(30, ports))).is_ok());
    let many = problems(&list(31, ports));
    assert_eq!(many, ["8:9: error: more than 30 different ranges of ports in `serve`"]);
    let many = problems(&list(257, |_| "192.0.2.0/24:443".to_owned()));
    assert_eq!(many, ["8:9: error: more than 256 entries in `serve`"]);
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
        ("upgrades = [\"h2c\"]", "7:14: error: `h2c`: its requests would go past every policy"),
        (
            "upgrades = [\"a b\"]",
            "7:14: error: `a b`: not the name of a protocol as `Upgrade` has it, like websocket",
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
        ("origin_key = \"k\"", "7:15: error: `origin_certificate` and `origin_key` go together"),
        (
            "origin_name = \"a:443\"",
            "7:16: error: `a:443`: a certificate is for a host name or an address, without a port",
        ),
        ("origin_host = \"u@a\"", "7:16: error: `u@a`: a Host header is HOST or HOST:PORT"),
        ("origin_balance = \"random\"", "7:19: error: `random` is none of: least_requests, device"),
        ("origin_http = \"3\"", "7:16: error: `3` is none of: auto, 1.1, 2"),
        (
            "[[host]]\nname = \"a\"\ncertificate = \"a\"\nkey = \"a\"\norigin = []",
            "11:10: error: a host has from 1 to 64 origins",
        ),
        (
            "[[host]]\nname = \"a\"\ncertificate = \"a\"\nkey = \"a\"\norigin = [\"http://a\", \"http://A:80/\"]",
            "11:24: error: `http://a:80` is there twice",
        ),
        ("[server]\nmax_connections = 0", "8:19: error: `max_connections` must be at least 1"),
        ("[server]\nverdict_cache = 0", "8:17: error: `verdict_cache` must be at least 1"),
        ("[server]\nmax_request_header = 8191", "8:22: error: `max_request_header` must be at least 8192"),
        (
            "[limit]\nbytes = \"1MB\"",
            "8:10: error: `1MB` is not a rate of bytes: write it like \"1MB/s\" or \"512KiB/s burst 2MiB\", or \"off\"",
        ),
        (
            "[limit]\nbytes = \"1KB/s\"",
            "8:10: error: `1KB/s` is not a rate of bytes: the least is 4KiB/s, or \"off\"",
        ),
        (
            "[timeout]\ndrain = \"soon\"",
            "8:10: error: `soon` is not a length of time; write it like 500ms, 10s, 5m or 24h",
        ),
        (
            "[timeout]\ndrain = \"0s\"",
            "8:10: error: `0s` is out of range; give a time above 0 and up to a year",
        ),
        (
            "[access]\nkey_rotation = \"6d\"",
            "8:17: error: `key_rotation` must be at least 7d: that long tokens of the key before count",
        ),
        (
            "[access]\nteam_domain = \"auth.example.com/team\"",
            "8:16: error: `auth.example.com/team`: give a host name, with a port where it is not 443, and nothing else: auth.example.com",
        ),
        ("[access]\ntoken_cache = 0", "8:15: error: `token_cache` must be at least 1"),
        ("[metrics]\nlisten = \"9090\"", "8:11: error: `9090`: invalid socket address syntax"),
        (
            "[[application]]\ndomain = \"a.example/a/../b\"",
            "8:11: error: `a.example/a/../b`: no segment of a path is empty, or made of dots, spaces and parameters",
        ),
        (
            "[[application]]\ndomain = \"a*.example\"",
            "8:11: error: `a*.example`: a label has at most one `*`, and the last two labels have none",
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
fn what_is_wrong_about_xdp_is_refused_with_place_and_reason() {
    let cases = [
        ("[xdp.table]\nflows = 63", "8:9: error: a table has 64 to 16777216 entries"),
        (
            "[xdp]\ndeny = [\"192.0.2.0/33\"]",
            "8:10: error: `192.0.2.0/33`: not a network; write it like 192.0.2.0/24 or 2001:db8::/32",
        ),
        (
            "[xdp]\nallow = [\"192.0.2.1\"]\ndeny = [\"192.0.2.1/32\"]",
            "9:8: error: 192.0.2.1/32 is in `allow` and in `deny`",
        ),
        ("[xdp.table]\nsources = 16777217", "8:11: error: a table has 64 to 16777216 entries"),
        (
            "[xdp.limit]\nsyn_per_source = \"fast\"",
            "8:19: error: `fast` is not a rate; write it like \"50/s burst 100\", or \"off\"",
        ),
    ];
    for (more, expected) in cases {
        assert_eq!(problems(more), [expected], "{more}");
    }
}

#[test]
fn what_is_wrong_about_an_application_is_refused_with_place_and_reason() {
    let cases = [
        (
            "session_duration = \"1d\"",
            "8:21: error: `1d`: not a length of time; write it like 24h, 2h45m or 300ms",
        ),
        ("session_duration = \"9000h\"", "8:21: error: `9000h`: out of range; give at most a year"),
        ("aud = \"0f\"", "8:8: error: `0f`: not an audience tag: 64 hexadecimal digits"),
        ("id = \"x\"", "8:7: error: `x`: not an id: a UUID, 32 hexadecimal digits with or without hyphens"),
        ("same_site_cookie_attribute = \"Lax\"", "8:31: error: `Lax` is none of: none, lax, strict"),
        (
            "custom_deny_url = \"javascript:x\"",
            "8:20: error: `javascript:x`: not a URL to send somebody to: https://HOST/…, or http://",
        ),
        (
            "custom_deny_message = \"a\\nb\"",
            "8:24: error: a message has at most 1024 characters and is one line",
        ),
        (
            "destinations = [{ type = \"private\", uri = \"a.example\" }]",
            "8:27: error: `private` is none of: public",
        ),
        (
            "destinations = [{ uri = \"https://a.example\" }]",
            "8:26: error: `https://a.example`: an application's domain is a host and perhaps a path, without https://",
        ),
        (
            "options_preflight_bypass = true\ncors_headers = {}",
            "9:16: error: `options_preflight_bypass` leaves preflight requests to the origin; take one of the two out",
        ),
        (
            "cors_headers = { allow_all_origins = true, allow_credentials = true }",
            "8:16: error: `allow_credentials` needs `allowed_origins`: not every page may act for its visitor",
        ),
        (
            "cors_headers = { allow_all_methods = true, allowed_methods = [\"GET\"] }",
            "8:62: error: `allow_all_methods` leaves nothing for `allowed_methods` to say",
        ),
        (
            "cors_headers = { allowed_origins = [\"a.example\"] }",
            "8:38: error: `a.example`: not an origin: https://HOST or https://HOST:PORT, without a path",
        ),
    ];
    for (line, expected) in cases {
        assert_eq!(
            problems(&format!("[[application]]\n{line}\ndomain = \"a.example\"")),
            [expected],
            "{line}"
        );
    }
}

#[test]
fn what_is_wrong_about_a_rule_or_what_it_refers_to_is_refused_with_place_and_reason() {
    let rule = |rule: &str| format!("[[group]]\nname = \"g\"\ninclude = [{rule}]");
    let cases = [
        (rule("{ ip = { ip = \"192.0.2.0/33\" } }"), "9:27: error: `192.0.2.0/33`: not a network; write it like 192.0.2.0/24 or 2001:db8::/32"),
        (rule("{ geo = { country_code = \"CHE\" } }"), "9:38: error: `CHE`: not a country code: two letters, as ISO 3166-1 has them"),
        (rule("{ common_name = { common_name = [] } }"), "9:44: error: a list needs at least one value"),
        (rule("{ common_name = { common_name = \"\" } }"), "9:44: error: ``: an empty text matches nobody; leave the rule out"),
        (rule("{ cert_san = {} }"), "9:25: error: `cert_san` has at least one of: dns, email, ip, uri"),
        (rule("{ cert_san = { ip = \"a.example\" } }"), "9:33: error: `a.example`: invalid IP address syntax"),
        (rule("{ cert_serial = { serial = \"xyz\" } }"), "9:40: error: `xyz`: not a serial number: at most 40 hexadecimal digits, with or without colons, as `openssl x509 -serial` prints"),
        (rule("{ cert_policy_oid = { oid = \"2\" } }"), "9:41: error: `2`: not an object identifier: decimal numbers with dots between, like 1.3.6.1.4.1.99999.1"),
        (rule("{ cert_fingerprint = { sha256 = \"aa\" } }"), "9:45: error: `aa`: not a SHA-256 fingerprint: 64 hexadecimal digits, with or without colons"),
        (rule("{ group = {} }"), "9:22: error: `group` has either `id` or `name`"),
        (rule("{ group = { id = \"0\", name = \"x\" } }"), "9:30: error: `0`: not an id: a UUID, 32 hexadecimal digits with or without hyphens"),
        (rule("{ certificate = { name = \"x\" } }"), "9:30: error: unknown key `name`; known here: "),
        ("[[ip_list]]\nname = \"l\"\nips = [\"10.0.0.0/8\", \"x\"]".to_owned(), "9:23: error: `x`: not a network; write it like 192.0.2.0/24 or 2001:db8::/32"),
        ("[[service_token]]\nname = \"t\"\nclient_id = \"a b\"\nclient_secret_sha256 = \"00\"\nexpires_at = \"soon\"".to_owned(), "9:14: error: `a b`: a client id has 1 to 256 printable ASCII characters and no space"),
    ];
    for (lines, expected) in cases {
        let found = problems(&lines);
        assert_eq!(found[0], expected, "{lines}");
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
        (
            "[forwarding.headers]\nX-Own = \"{cert.verify}\"",
            "8:10: error: `{cert.verify}`: there is no `cert.verify`",
        ),
        (
            "[forwarding.headers]\nCf_Client-Cert-Sha256 = \"x\"",
            "8:1: error: `Cf_Client-Cert-Sha256` has a meaning",
        ),
        ("[forwarding.headers]\n\"X Own\" = \"x\"", "8:2: error: `X Own` is not a header's name"),
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
        "stored": null,
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

#[test]
fn a_cipher_suite_is_one_of_a_closed_list() {
    let said = problems("cipher_suites = [\"TLS_AES_128_GCM_SHA256\", \"TLS_RSA_WITH_AES_128_CBC_SHA\"]\n");
    assert_eq!(said.len(), 1, "{said:?}");
    let expected = "7:45: error: `TLS_RSA_WITH_AES_128_CBC_SHA` is none of: TLS_AES_256_GCM_SHA384, ";
    assert!(said[0].starts_with(expected), "{said:?}");
    assert!(said[0].ends_with(", TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"), "{said:?}");
    assert!(problems("cipher_suites = []\n")[0].contains("`cipher_suites` needs at least one"));
}
