//! What the parser makes of a file.

mod problems;

use std::time::Duration;

use fleetgate_ebpf::abi::UnknownSni;
use fleetgate_ebpf::gcra::Rate;
use tempfile::TempDir;

use super::*;
use crate::model::limit::DeviceLimit;
use crate::model::policy::Decision;
use crate::model::rule::Rule;

/// The least that is a configuration, 6 lines long; tests append to it.
const LEAST: &str = r#"listener = [{ address = "[::]:8443" }]
[[host]]
name = "iot.example.com"
certificate = "server.pem"
key = "server-key.pem"
origin = "http://127.0.0.1:9000"
"#;

fn parse(text: &str) -> Result<Config, Problems> {
    Config::parse(&Arc::new(Source::new(Path::new("fleetgate.toml"), text.to_owned())))
}

/// The problems of [`LEAST`] with `more`, each without the file's name.
fn problems(more: &str) -> Vec<String> {
    let problems = parse(&format!("{LEAST}{more}")).map(drop).unwrap_err();
    problems.lines().iter().map(|line| line.strip_prefix("fleetgate.toml:").unwrap().to_owned()).collect()
}

fn own_policy(config: &Config) -> &Policy {
    let Listed::Own(policy) = &config.resources.applications[0].policies[0] else { panic!("it is shared") };
    &policy.value
}

#[test]
fn every_default_is_the_documented_one() {
    let Config {
        server,
        timeout,
        listeners,
        hosts,
        resources,
        forwarding,
        limit,
        xdp,
        admin,
        metrics,
        log,
        crl,
        alert,
        alert_webhooks,
        alert_policies,
        access,
        denied,
    } = parse(LEAST).unwrap();
    let expected = Server {
        workers: 0,
        max_connections: 10_000,
        ca_algorithms: crate::model::ca::CaAlgorithms::All,
        verdict_cache: 100_000,
        max_request_header: 65_536,
        max_request_body: 0,
        max_concurrent_streams: 128,
        max_idle_origin_connections: 128,
        max_origin_requests: 4096,
        state_dir: None,
    };
    assert_eq!(server, expected);
    let expected = Timeouts {
        handshake: Duration::from_secs(10),
        request_header: Duration::from_secs(75),
        request_body: Duration::from_mins(1),
        response_write: Duration::from_mins(2),
        origin_connect: Duration::from_secs(5),
        origin_response: Duration::from_mins(1),
        origin_stall: Duration::from_mins(5),
        origin_idle: Duration::from_secs(30),
        stream_idle: Duration::from_mins(15),
        stream_total: Duration::from_hours(24),
        drain: Duration::from_secs(30),
    };
    assert_eq!(timeout, expected);
    let expected = Crl {
        max_size: 64 * 1024 * 1024,
        timeout: Duration::from_secs(30),
        refresh: Duration::from_mins(15),
        allow_private: false,
        ca: None,
    };
    assert_eq!((crl, denied), (expected, Denied { max_entries: 100_000 }));
    assert!(alert_webhooks.is_empty() && alert_policies.is_empty() && alert.smtp.is_none());
    assert_eq!((alert.timeout.as_secs(), alert.retry.as_secs()), (10, 60));
    assert_eq!(
        (alert.attempts, alert.history, alert.allow_http, alert.allow_private),
        (80, 1000, false, false)
    );
    let six_weeks = Duration::from_hours(6 * 7 * 24);
    assert_eq!(access.key_rotation(None), six_weeks);
    let expected = Access { team_domain: None, key_rotation: None, token_cache: 100_000, geo_database: None };
    assert_eq!(access, expected);
    assert_eq!((listeners.len(), hosts.len()), (1, 1));
    let Resources { mtls_certificates, applications, policies, groups, ip_lists, service_tokens, .. } =
        resources;
    assert_eq!((mtls_certificates.len(), applications.len(), policies.len()), (0, 0, 0));
    assert_eq!((groups.len(), ip_lists.len(), service_tokens.len()), (0, 0, 0));
    assert_eq!(hosts[0].client_auth, ClientAuth::Access);
    assert_eq!(forwarding, ForwardingChoice::default());
    assert!(limit == LimitChoice::default() && limit.or(DeviceLimit::default()).is_off());
    assert_eq!((xdp.mode, xdp.required, xdp.unknown_sni), (Mode::Auto, false, UnknownSni::Pass));
    assert_eq!((xdp.interfaces.len(), xdp.log), (0, XdpLog::Off));
    assert_eq!((xdp.protect, xdp.allow, xdp.deny), (vec![], vec![], vec![]));
    assert!(xdp.steer_cpus.value.is_empty() && xdp.serve.is_empty() && hosts[0].cpus.value.is_empty());
    let expected = Limits {
        syn_per_source: Rate::per_second(50, 100),
        syn_total: Rate::per_second(50_000, 100_000),
        hello_per_source: Rate::per_second(20, 40),
        hello_per_host: Rate::per_second(5_000, 10_000),
        hello_total: Rate::per_second(20_000, 40_000),
        incomplete_per_source: Rate::per_second(20, 40),
        not_tls_per_source: Rate::per_second(2, 10),
        new_flows: Rate::per_second(20_000, 40_000),
    };
    assert_eq!(xdp.limit, expected);
    assert_eq!(
        xdp.table,
        Tables { flows: 65_536, sources: 65_536, verified: 32_768, bans: 16_384, prefixes: 16_384 }
    );
    assert_eq!(admin.socket, Path::new("/run/fleetgate/admin.sock"));
    assert_eq!(metrics.listen, ([127, 0, 0, 1], 9090).into());
    assert_eq!(log, Log { access: AccessLog::Json, audit: AccessLog::Json });
}

#[test]
fn the_example_of_the_design_says_what_it_says() {
    let config = parse(
        r#"
[server]
workers   = 0                       # 0 = one per available core

[[listener]]
address  = "[::]:8443"              # serves every host below, by SNI

[[host]]
name        = "iot.example.com"     # exact, or *.example.com (one label)
certificate = "server.pem"          # our own identity
key         = "server-key.pem"
protocol    = "https"
client_auth = "access"              # access: ask, decide per request (403) · require: refuse the handshake · none
origin      = "http://127.0.0.1:9000"

[[mtls_certificate]]
name = "Access Testing CA"
certificate = "ca.pem"              # root, or intermediate + root; or an intermediate alone as anchor
associated_hostnames = ["iot.example.com"]

[[application]]
domain = "iot.example.com"
[[application.policy]]
name = "devices"
decision = "non_identity"           # allow | deny | non_identity | bypass
include  = [{ certificate = {} }]   # the API's rule shapes
require  = []
exclude  = [{ common_name = { common_name = "James Royal" } }]

[forwarding]
cloudflare = false

[xdp]
mode        = "auto"                # auto | native | generic | off
interfaces  = ["eth0"]
required    = false
unknown_sni = "pass"                # pass | drop | reset  (complete hellos only)
[xdp.limit]
syn_per_source   = "50/s burst 100"
hello_per_source = "20/s burst 40"
hello_per_host   = "5000/s burst 10000"

[admin]
socket  = "/run/fleetgate/admin.sock"
[metrics]
listen  = "127.0.0.1:9090"
[log]
access = "json"
"#,
    )
    .unwrap();
    assert_eq!(config.listeners[0].address.value, "[::]:8443".parse().unwrap());
    let host = &config.hosts[0];
    assert_eq!(
        (host.name.value.to_string(), host.origin.urls[0].value.to_string()),
        ("iot.example.com".into(), "http://127.0.0.1:9000".into())
    );
    let identity = host.identity.as_ref().unwrap();
    assert_eq!(
        (identity.certificate.value.as_path(), identity.key.value.as_path()),
        (Path::new("server.pem"), Path::new("server-key.pem"))
    );
    let ca = &config.resources.mtls_certificates[0];
    assert_eq!((ca.name.as_str(), ca.associated_hostnames.len()), ("Access Testing CA", 1));
    let policy = own_policy(&config);
    assert_eq!((policy.name.value.as_str(), policy.decision), ("devices", Decision::NonIdentity));
    let conditions = &policy.conditions;
    assert_eq!((&conditions.include[0].value, conditions.require.len()), (&Rule::Certificate, 0));
    assert_eq!(conditions.exclude[0].value, Rule::CommonName(["James Royal".into()].into()));
    assert_eq!(config.xdp.interfaces[0].value, "eth0");
}

#[test]
fn every_word_has_its_meaning() {
    let xdp = |line: &str| parse(&format!("{LEAST}[xdp]\n{line}")).unwrap().xdp;
    let mode = |word: &str| xdp(&format!("mode = \"{word}\"")).mode;
    assert_eq!(
        ["auto", "native", "generic", "off"].map(mode),
        [Mode::Auto, Mode::Native, Mode::Generic, Mode::Off]
    );
    let unknown = |word: &str| xdp(&format!("unknown_sni = \"{word}\"")).unknown_sni;
    assert_eq!(
        ["pass", "drop", "reset"].map(unknown),
        [UnknownSni::Pass, UnknownSni::Drop, UnknownSni::Reset]
    );
    let auth = |word: &str| parse(&format!("{LEAST}client_auth = \"{word}\"")).unwrap().hosts[0].client_auth;
    assert_eq!(
        ["access", "require", "none"].map(auth),
        [ClientAuth::Access, ClientAuth::Require, ClientAuth::None]
    );
    assert_eq!(xdp("log = \"debug\"").log, XdpLog::Debug);
    assert_eq!(parse(&format!("{LEAST}[log]\naccess = \"off\"")).unwrap().log.access, AccessLog::Off);
    let decision = |word: &str| {
        let policy = format!("name = \"p\"\ndecision = \"{word}\"\ninclude = [{{ everyone = {{}} }}]");
        let text =
            format!("{LEAST}[[application]]\ndomain = \"a.example\"\n[[application.policy]]\n{policy}");
        own_policy(&parse(&text).unwrap()).decision
    };
    let expected = [Decision::Allow, Decision::Deny, Decision::NonIdentity, Decision::Bypass];
    assert_eq!(["allow", "deny", "non_identity", "bypass"].map(decision), expected);
}

#[test]
fn rates_are_exact_or_refused() {
    let rate = |text: &str| {
        parse(&format!("{LEAST}[xdp.limit]\nhello_per_host = \"{text}\""))
            .map(|config| config.xdp.limit.hello_per_host)
            .ok()
    };
    assert_eq!(rate("50/s burst 100"), Some(Rate::per_second(50, 100)));
    assert_eq!(rate("1/s burst 1"), Some(Rate::per_second(1, 1)));
    assert_eq!(rate("off"), Some(Rate::UNLIMITED));
    assert_ne!(rate("1000000000/s burst 1"), Some(Rate::UNLIMITED));
    let wrong = [
        "",
        "50",
        "50/s",
        "50/m burst 1",
        "0/s burst 1",
        "1/s burst 0",
        "-1/s burst 1",
        "1.5/s burst 2",
        "Off",
        "4294967295/s burst 1",
        "99999999999/s burst 1",
    ];
    for text in wrong {
        assert_eq!(rate(text), None, "{text}");
    }
}

#[test]
fn times_are_above_nothing_and_up_to_a_year() {
    let time = |text: &str| {
        parse(&format!("{LEAST}[timeout]\ndrain = \"{text}\"")).map(|config| config.timeout.drain).ok()
    };
    let cases = [
        ("500ms", 500),
        ("10s", 10_000),
        ("5m", 300_000),
        ("24h", 86_400_000),
        ("1m 30s", 90_000),
        ("365d", 31_536_000_000),
    ];
    for (text, milliseconds) in cases {
        assert_eq!(time(text), Some(Duration::from_millis(milliseconds)), "{text}");
    }
    for text in ["", "0s", "10", "-1s", "1 fortnight", "366d", "1000000000y"] {
        assert_eq!(time(text), None, "{text}");
    }
}

#[test]
fn a_rule_has_exactly_one_known_selector() {
    let policy = |include: &str| {
        let text = format!(
            "[[application]]\ndomain = \"a.example\"\n[[application.policy]]\nname = \"p\"\ndecision = \"deny\"\ninclude = {include}"
        );
        parse(&format!("{LEAST}{text}"))
            .map(|config| {
                let include = &own_policy(&config).conditions.include;
                include.iter().map(|rule| rule.value.clone()).collect::<Vec<_>>()
            })
            .map_err(|problems| problems.lines().join("\n"))
    };
    assert_eq!(
        policy("[{ everyone = {} }, { certificate = {} }]"),
        Ok(vec![Rule::Everyone, Rule::Certificate])
    );
    let cases = [
        ("[]", "`include` needs at least one rule"),
        ("[{}]", "a rule has exactly one selector"),
        ("[{ everyone = {}, certificate = {} }]", "a rule has exactly one selector"),
        ("[{ mail = {} }]", "unknown key `mail`"),
        ("[{ certificate = { name = 1 } }]", "unknown key `name`"),
        ("[{ common_name = {} }]", "`common_name` is missing"),
        ("[{ common_name = \"James\" }]", "expected"),
        ("[\"everyone\"]", "expected"),
    ];
    for (include, expected) in cases {
        let error = policy(include).unwrap_err();
        assert!(error.contains(expected), "{include}: {error}");
    }
}

#[test]
fn paths_are_those_of_the_files_folder() {
    let source = Source::new(Path::new("/etc/fleetgate/fleetgate.toml"), String::new());
    assert_eq!(source.resolve(Path::new("tls/server.pem")), Path::new("/etc/fleetgate/tls/server.pem"));
    assert_eq!(source.resolve(Path::new("/srv/server.pem")), Path::new("/srv/server.pem"));
    assert_eq!(
        Source::new(Path::new("f.toml"), String::new()).resolve(Path::new("a.pem")),
        Path::new("a.pem")
    );
}

#[test]
fn the_admin_socket_is_found_in_a_broken_file_too() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("fleetgate.toml");
    let socket = |text: &str| {
        std::fs::write(&path, text).unwrap();
        admin_socket(&path)
    };
    let default = Some(PathBuf::from("/run/fleetgate/admin.sock"));
    assert_eq!(socket("nonsense = 1\n[admin]\nsocket = \"/tmp/a.sock\""), Some("/tmp/a.sock".into()));
    assert_eq!(socket("[[host]]\nname = 7\n"), default);
    assert_eq!(socket("[admin]\nsocket = 7"), default);
    assert_eq!(socket("[admin"), None);
    assert_eq!(admin_socket(&folder.path().join("absent.toml")), None);
}

#[test]
fn a_host_says_of_limits_what_it_wants_otherwise() {
    let text = format!(
        "{LEAST}limit = {{ requests = \"off\", bytes = \"1MB/s burst 2MB\" }}\n\
         [limit]\nrequests = \"10/s burst 20\"\nconnections = 4\nbytes = \"off\"\n"
    );
    let config = parse(&text).unwrap();
    let for_all = config.limit.or(DeviceLimit::default());
    let four = std::num::NonZeroU32::new(4);
    let expected = DeviceLimit { requests: Rate::per_second(10, 20), connections: four, bytes: None };
    assert_eq!(for_all, expected);
    let bytes = Some("1MB/s burst 2MB".parse().unwrap());
    let expected = DeviceLimit { requests: Rate::UNLIMITED, connections: four, bytes };
    assert_eq!(config.hosts[0].limit.or(for_all), expected);
}
