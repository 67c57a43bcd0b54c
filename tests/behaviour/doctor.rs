//! `fleetgate doctor` finds what a machine lacks for its gateway, says what to do about it, and ends with 1 where something does not
//! work.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use fleetgate::doctor::Check;
use fleetgate_tests::field::Field;
use fleetgate_tests::gateway::{Gateway, Said, Setup, cli};
use fleetgate_tests::pki::Ca;
use fleetgate_tests::site::{HOST, Site};
use fleetgate_tests::skip;
use serde_json::Value;
use tempfile::TempDir;

const SYNCOOKIES: &str = "/proc/sys/net/ipv4/tcp_syncookies";

/// Levels, words and remedies of what was found about `check`.
fn found(said: &Said, check: Check) -> Vec<[String; 3]> {
    let report: Value = serde_json::from_str(&said.stdout).unwrap_or_else(|_| panic!("{said:?}"));
    let findings = report["findings"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    findings
        .filter(|finding| finding["check"] == check.label())
        .map(|finding| ["level", "says", "remedy"].map(|field| text(&finding[field])))
        .collect()
}

/// The one problem about `check`, and its remedy.
fn problem(said: &Said, check: Check) -> (String, String) {
    let found = found(said, check);
    let mut problems = found.iter().filter(|[level, ..]| level == "problem");
    let [_, says, remedy] = problems.next().unwrap_or_else(|| panic!("{said:?}"));
    assert!(problems.next().is_none(), "{found:?}");
    assert_eq!(said.code, 1, "{said:?}");
    (says.clone(), remedy.clone())
}

fn levels(said: &Said, check: Check) -> Vec<String> {
    found(said, check).into_iter().map(|[level, ..]| level).collect()
}

fn close(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// Without a gateway.
fn examine(setup: &Setup) -> Said {
    let folder = TempDir::new().unwrap();
    let (config, _) = setup.write(folder.path());
    cli("doctor", &config, &["--json"])
}

/// A gateway with nothing to be said about its files, with more lines of `[xdp]`.
fn start(field: &Field, xdp: &str) -> Gateway {
    close(&field.site.server.key, 0o600);
    let folder = field.site.server.key.parent().unwrap();
    close(folder, 0o700);
    let server = format!("state_dir = \"{}\"\nmax_connections = 100", folder.display());
    Gateway::start(field.setup(xdp).table("server", &server))
}

fn doctor(gateway: &Gateway) -> Said {
    gateway.cli("doctor", &["--json"])
}

#[test]
fn a_gateway_that_has_what_it_needs_has_no_problem() {
    if !skip::unless_root() {
        return;
    }
    let field = Field::new();
    let gateway = start(&field, "mode = \"native\"");
    let said = doctor(&gateway);
    assert_eq!(said.code, 0, "{said:?}");
    for check in Check::ALL {
        assert!(!found(&said, check).is_empty(), "nothing about {}: {said:?}", check.label());
    }
    let [_, says, _] = &found(&said, Check::Gateway)[0];
    assert!(says.contains(&format!("process {}", gateway.id())), "{says}");
    let lines = gateway.cli("doctor", &[]);
    assert_eq!(lines.code, 0);
    assert!(lines.stdout.lines().last().unwrap().starts_with("0 problem(s)"), "{lines:?}");
}

#[test]
fn what_is_open_to_others_is_named_with_its_remedy() {
    let site = Site::new();
    let state = TempDir::new().unwrap();
    let setup = site.setup().table("server", &format!("state_dir = \"{}\"", state.path().display()));
    close(&site.server.key, 0o644);
    close(state.path(), 0o777);
    fs::write(state.path().join("denied.json"), "{\"denied\":[]}").unwrap();
    let said = examine(&setup);
    let (says, remedy) = problem(&said, Check::Keys);
    let key = site.server.key.display();
    assert!(says.contains(&format!("everybody may read the private key {key}")), "{says}");
    assert_eq!(remedy, format!("chmod 600 {key}"));
    assert_eq!(levels(&said, Check::State), ["problem", "problem"], "{said:?}");

    close(&site.server.key, 0o640);
    close(state.path(), 0o700);
    close(&state.path().join("denied.json"), 0o600);
    let said = examine(&setup);
    assert_eq!(
        (levels(&said, Check::Keys), levels(&said, Check::State)),
        (vec!["ok".into()], vec!["ok".into()])
    );
}

#[test]
fn a_configuration_that_does_not_load_is_a_problem_with_its_place() {
    let site = Site::new();
    let said = examine(&site.setup().table("timeout", "handshakes = \"1s\""));
    let (says, remedy) = problem(&said, Check::Configuration);
    assert!(says.contains("fleetgate.toml:") && says.contains("unknown key `handshakes`"), "{says}");
    assert_eq!(remedy, "did you mean `handshake`?");
    // What can be read is looked at, although it would not load.
    let said = examine(&site.setup().table("xdp", "interfaces = [\"nowhere0\"]\npin_dir = \"/tmp/pins\""));
    assert!(problem(&said, Check::Configuration).0.contains("there is no interface nowhere0"));
    let (says, remedy) = problem(&said, Check::Pins);
    assert!(says.contains("/tmp/pins is not on a BPF file system"), "{says}");
    assert!(remedy.contains("mount -t bpf"), "{remedy}");
}

#[test]
fn a_certificate_that_ends_soon_is_warned_of() {
    let site = Site::new();
    let short = Ca::root_for("Short Root", Duration::from_hours(49));
    let said = examine(&site.setup().trust("short", &short.path, &[HOST]));
    let found = found(&said, Check::Certificates);
    assert!(found.len() == 1 && found[0][0] == "warning", "{found:?}");
    assert!(found[0][1].contains("Short Root") && found[0][1].ends_with("ends in 2 day(s)"), "{found:?}");
}

#[test]
fn a_driver_without_xdp_is_told_of() {
    let site = Site::new();
    let with = |mode: &str| {
        let said = examine(&site.setup().table("xdp", &format!("interfaces = [\"lo\"]\nmode = \"{mode}\"")));
        let [level, says, _] = found(&said, Check::Interfaces).remove(0);
        // An older kernel does not say, and the line says that.
        if says.contains("before Linux 6.3") { None } else { Some(level) }
    };
    for (mode, level) in [("auto", "warning"), ("native", "problem"), ("generic", "ok")] {
        assert!(with(mode).is_none_or(|found| found == level), "{mode}");
    }
}

#[test]
fn limits_are_those_of_the_running_gateway() {
    let site = Site::new();
    let setup = site.setup().table("server", "max_connections = 1000");
    let limited = ["sh", "-c", "ulimit -n 600; exec \"$@\"", "sh"];
    let gateway = Gateway::start(setup.wrapped(&limited));
    let (says, remedy) = problem(&doctor(&gateway), Check::OpenFiles);
    assert!(says.contains(&format!("process {}", gateway.id())) && says.contains("600 files"), "{says}");
    assert!(remedy.contains("LimitNOFILE="), "{remedy}");
}

#[test]
fn rights_are_those_of_the_running_gateway() {
    if !skip::unless_root() || !skip::unless_installed("setpriv") {
        return;
    }
    let field = Field::new();
    let bounded = ["setpriv", "--bounding-set=-net_admin,-sys_admin", "--inh-caps=-net_admin,-sys_admin"];
    let gateway = Gateway::start(field.setup("").wrapped(&bounded));
    let (says, remedy) = problem(&doctor(&gateway), Check::Rights);
    assert!(says.contains("CAP_NET_ADMIN, for attaching"), "{says}");
    assert!(remedy.contains("AmbientCapabilities="), "{remedy}");
    // What the gateway says of itself is there too.
    assert!(levels(&doctor(&gateway), Check::Gateway).iter().any(|level| level == "warning"));
}

#[test]
fn cookies_that_the_stack_does_not_give_or_take_are_a_problem() {
    if !skip::unless_root() {
        return;
    }
    let field = Field::new();
    for (asked, setting, remedy) in [
        ("kernel", "0", Some("sysctl -w net.ipv4.tcp_syncookies=1")),
        ("kernel", "1", None),
        ("xdp", "1", Some("sysctl -w net.ipv4.tcp_syncookies=2")),
        ("xdp", "2", None),
    ] {
        field.edge.run(|| fs::write(SYNCOOKIES, setting)).unwrap();
        let said = doctor(&start(&field, &format!("syn_cookies = \"{asked}\"")));
        match remedy {
            Some(remedy) => assert_eq!(problem(&said, Check::SynCookies).1, remedy),
            None => assert_eq!(levels(&said, Check::SynCookies), ["ok"], "{asked}, {setting}: {said:?}"),
        }
    }
}

#[test]
fn a_driver_that_takes_tags_out_is_a_problem_where_packets_are_to_be_steered() {
    if !skip::unless_root() || !skip::unless_two_cpus() {
        return;
    }
    let field = Field::new();
    assert_eq!(levels(&doctor(&start(&field, "")), Check::Interfaces), ["ok"]);
    let gateway = start(&field, "steer_cpus = [0]");
    assert_eq!(problem(&doctor(&gateway), Check::Interfaces).1, "ethtool -K edge0 rxvlan off");
    if field.make_steerable() {
        assert_eq!(levels(&doctor(&gateway), Check::Interfaces), ["ok"]);
    }
}
