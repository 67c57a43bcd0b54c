//! Operators see the keys of application tokens, replace them, and revoke tokens; all of it outlives the process, and no
//! key is ever shown.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use fleetgate_tests::gateway::{Gateway, Said, cli};
use fleetgate_tests::site::Site;
use nix::sys::signal::Signal;
use serde_json::Value;

const AUD: &str = "737646a56ab1df6ec9bddc7e5ca84eaf3b0768850f3ffb5d74f1534911fe3893";

/// A gateway that keeps its state beside its configuration.
fn keeping(site: &Site) -> Gateway {
    Gateway::start(site.setup().table("server", "state_dir = \".\""))
}

fn token(gateway: &Gateway, arguments: &[&str]) -> Said {
    gateway.cli("token", arguments)
}

fn json(gateway: &Gateway, arguments: &[&str]) -> Value {
    let said = token(gateway, &[arguments, &["--json"]].concat());
    assert_eq!(said.code, 0, "{said:?}");
    serde_json::from_str(&said.stdout).unwrap()
}

fn kids(keys: &Value) -> Vec<&str> {
    keys["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap()).collect()
}

#[test]
fn a_rotation_brings_a_new_key_keeps_the_one_before_and_outlives_a_kill() {
    let site = Site::new();
    let mut gateway = keeping(&site);
    let before = json(&gateway, &["show"]);
    assert_eq!((kids(&before).len(), &before["kept"]), (1, &true.into()));
    let created = gateway.metric("fleetgate_token_key_created_timestamp_seconds", &[]);
    assert_eq!(before["keys"][0]["created"], created);
    assert_eq!(before["next_rotation"], created + 42 * 24 * 3600);
    let after = json(&gateway, &["rotate-keys"]);
    assert_eq!(kids(&after)[1], kids(&before)[0]);
    assert_eq!((&after["keys"][0]["signs"], &after["keys"][1]["signs"]), (&true.into(), &false.into()));
    let file = gateway.folder().join("token-keys.json");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    gateway.signal(Signal::SIGKILL);
    gateway.wait();
    gateway.start_again();
    assert_eq!(json(&gateway, &["show"]), after);
    let said = token(&gateway, &["show"]);
    assert!(said.stdout.contains(kids(&after)[0]) && !said.stdout.contains("WARNING"), "{said:?}");
}

#[test]
fn a_revocation_is_kept_and_what_names_no_application_is_refused() {
    let site = Site::new();
    let mut gateway = keeping(&site);
    let revoked = json(&gateway, &["revoke", "--app", AUD]);
    assert_eq!((&revoked["aud"], &revoked["kept"]), (&AUD.into(), &true.into()));
    assert_eq!(token(&gateway, &["revoke", "--app", "no aud"]).code, 1);
    assert_eq!(token(&gateway, &["revoke"]).code, 2);
    gateway.signal(Signal::SIGKILL);
    gateway.wait();
    gateway.start_again();
    let list = json(&gateway, &["show"]);
    assert_eq!(list["revoked"].as_array().unwrap().len(), 1);
    assert_eq!((&list["revoked"][0]["aud"], &list["revoked"][0]["at"]), (&AUD.into(), &revoked["at"]));
}

#[test]
fn a_gateway_that_keeps_nothing_says_so() {
    let site = Site::new();
    let gateway = site.start();
    for arguments in [&["show"][..], &["rotate-keys"], &["revoke", "--app", AUD]] {
        let said = token(&gateway, arguments);
        assert!(said.code == 0 && said.stdout.contains("WARNING server.state_dir is not set"), "{said:?}");
    }
    gateway.output().wait_log("the key of application tokens lives until the gateway stops");
}

#[test]
fn damaged_keys_refuse_the_start_by_name_and_are_not_quoted() {
    let site = Site::new();
    let mut gateway = keeping(&site);
    let (file, config) = (gateway.folder().join("token-keys.json"), gateway.config());
    let good = fs::read_to_string(&file).unwrap();
    let key: Value = serde_json::from_str(&good).unwrap();
    let line = key["current"]["private_key"].as_str().unwrap().lines().nth(1).unwrap().to_owned();
    assert!(!gateway.output().everything().contains(&line));
    gateway.signal(Signal::SIGTERM);
    gateway.wait();
    // The key stands where a number should.
    fs::write(&file, good.replacen("\"created\": ", &format!("\"created\": \"{line}\", \"was\": "), 1))
        .unwrap();
    for verb in ["check", "run"] {
        let said = cli(verb, &config, &[]);
        let everything = said.stdout.clone() + &said.stderr;
        assert!(said.code == 1 && everything.contains("token-keys.json is damaged"), "{said:?}");
        assert!(!everything.contains(&line), "{everything}");
    }
}

#[test]
fn what_a_gateway_says_of_its_keys_at_any_level_is_never_a_key() {
    let site = Site::new();
    let setup = site.setup().table("server", "state_dir = \".\"").wrapped(&["env", "RUST_LOG=trace"]);
    let gateway = Gateway::start(setup);
    json(&gateway, &["rotate-keys"]);
    let kept: Value =
        serde_json::from_str(&fs::read_to_string(gateway.folder().join("token-keys.json")).unwrap()).unwrap();
    let said = gateway.output().everything()
        + &gateway.status().to_string()
        + &json(&gateway, &["show"]).to_string()
        + &gateway.probe("/metrics").unwrap().text();
    let lines = kept["current"]["private_key"].as_str().unwrap().lines();
    for line in lines.filter(|line| !line.starts_with("-----")) {
        assert!(!said.contains(line));
    }
    assert!(!said.contains("PRIVATE KEY"));
}

#[test]
fn a_rotation_that_cannot_be_kept_fails_and_is_counted() {
    let site = Site::new();
    let gateway = keeping(&site);
    let before = json(&gateway, &["show"]);
    fs::create_dir(gateway.folder().join("token-keys.json.new")).unwrap();
    let said = token(&gateway, &["rotate-keys"]);
    assert!(said.code == 1 && said.stderr.contains("cannot write"), "{said:?}");
    assert_eq!(json(&gateway, &["show"]), before);
    assert_eq!(gateway.metric("fleetgate_token_key_rotation_failures_total", &[]), 1);
}
