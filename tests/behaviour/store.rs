//! What is stored through the gateway is in force with the reply, on open connections too, and after a restart.

use fleetgate_tests::gateway::{Gateway, Setup, cli};
use fleetgate_tests::site::{HOST, Site};
use nix::sys::signal::Signal;
use serde_json::{Value, json};

const CERTIFICATE: &str = "f174e90a-fafe-4643-bbbc-4a0ed4fc8415";
const APPLICATION: &str = "a174e90a-fafe-4643-bbbc-4a0ed4fc8415";
const POLICY: &str = "b174e90a-fafe-4643-bbbc-4a0ed4fc8415";

/// A host and nothing else.
fn bare(site: &Site) -> Setup {
    Setup::default()
        .host(site.host())
        .table("server", "state_dir = \".\"")
        .table("forwarding", "cloudflare = false")
}

fn certificate(site: &Site, hostnames: &[&str]) -> Value {
    let pem = std::fs::read_to_string(&site.devices.path).unwrap();
    let document = json!({ "name": "Device CA", "certificate": pem, "associated_hostnames": hostnames });
    json!({ "kind": "mtls_certificate", "id": CERTIFICATE, "document": document })
}

fn application() -> Value {
    json!({ "kind": "application", "id": APPLICATION, "document": {
        "name": "devices", "domain": HOST, "type": "self_hosted", "tags": [], "logo_url": null,
    }})
}

fn policy(decision: &str, include: &Value) -> Value {
    json!({ "kind": "application_policy", "id": POLICY, "document": {
        "app_id": APPLICATION, "name": "valid", "precedence": 1, "decision": decision, "include": include,
    }})
}

fn everything(site: &Site) -> Value {
    json!([
        certificate(site, &[HOST]),
        application(),
        policy("non_identity", &json!([{ "certificate": {} }]))
    ])
}

fn status(site: &Site, gateway: &Gateway) -> u16 {
    site.client().connect(gateway.address(), HOST).unwrap().get(HOST, "/").unwrap().status()
}

#[test]
fn a_change_is_in_force_with_its_reply_and_kept_over_a_restart() {
    let site = Site::new();
    let mut gateway = Gateway::start(bare(&site));
    let mut open = site.client().connect(gateway.address(), HOST).unwrap();
    assert_eq!(open.get(HOST, "/").unwrap().status(), 403);
    let answer = gateway.must_change(&everything(&site));
    assert_eq!(gateway.status()["revision"], answer["revision"]);
    assert_eq!((open.get(HOST, "/").unwrap().status(), status(&site, &gateway)), (200, 200));

    gateway.must_change(&json!([policy(
        "non_identity",
        &json!([{ "common_name": { "common_name": "nobody" } }])
    )]));
    assert_eq!(status(&site, &gateway), 403);
    gateway.must_change(&json!([policy("non_identity", &json!([{ "certificate": {} }]))]));
    assert_eq!(status(&site, &gateway), 200);
    gateway.must_change(&json!([certificate(&site, &[])]));
    assert_eq!(status(&site, &gateway), 403, "its hosts were taken from the CA");
    gateway.must_change(&json!([certificate(&site, &[HOST])]));

    let before = gateway.status();
    gateway.signal(Signal::SIGTERM);
    gateway.wait();
    gateway.start_again();
    let after = gateway.status();
    for key in ["account_id", "zone_id", "revision"] {
        assert_eq!(before[key], after[key], "{key}");
    }
    assert_eq!(after["account_id"].as_str().unwrap().len(), 32);
    assert_eq!(status(&site, &gateway), 200);
    // A reload reads the file again, and keeps what is stored.
    gateway.must_reload();
    assert_eq!(status(&site, &gateway), 200);
}

/// Policies stay as they were compiled where a change is about something else. Not where they refer to what has changed.
#[test]
fn a_policy_follows_what_it_refers_to() {
    let site = Site::new();
    let gateway = Gateway::start(bare(&site));
    gateway.must_change(&everything(&site));
    let group = |name: &str| {
        let rule = json!({ "common_name": { "common_name": name } });
        json!({ "kind": "group", "id": CERTIFICATE, "document": { "name": "g", "include": [rule] } })
    };
    let list = |network: &str| json!({ "kind": "ip_list", "id": POLICY, "document": { "name": "l", "ips": [network] } });
    let by_group = policy("non_identity", &json!([{ "group": { "id": CERTIFICATE } }]));
    let by_list = policy("non_identity", &json!([{ "ip_list": { "id": POLICY } }]));
    for (write, expected) in [
        (json!([group("device-1"), by_group]), 200),
        (json!([group("somebody else")]), 403),
        (json!([group("device-1")]), 200),
        (json!([list("127.0.0.0/8"), by_list]), 200),
        (json!([list("192.0.2.0/24")]), 403),
        (json!([list("127.0.0.0/8")]), 200),
        (json!([policy("non_identity", &json!([{ "common_name": { "common_name": "nobody" } }]))]), 403),
        // It is about nothing that the policy asks.
        (json!([group("nobody")]), 403),
        (json!([policy("non_identity", &json!([{ "certificate": {} }]))]), 200),
    ] {
        gateway.must_change(&write);
        assert_eq!(status(&site, &gateway), expected, "{write:#}");
    }
}

#[test]
fn what_would_not_load_is_refused_by_its_place_and_changes_nothing() {
    let site = Site::new();
    let gateway = Gateway::start(bare(&site));
    gateway.must_change(&everything(&site));
    let before = (gateway.status()["revision"].clone(), gateway.status()["generation"].clone());
    let leaf = std::fs::read_to_string(&site.device.certificate).unwrap();
    let group = |document: Value| json!({ "kind": "group", "id": POLICY, "document": document });
    let other =
        |domain: &str| json!({ "kind": "application", "id": CERTIFICATE, "document": { "domain": domain } });
    let cases = [
        (
            json!({ "kind": "mtls_certificate", "id": POLICY, "document": { "name": "leaf", "certificate": leaf } }),
            "is not a CA",
        ),
        (
            json!({ "kind": "mtls_certificate", "id": POLICY, "document": { "name": "file", "certificate": "/etc/hostname" } }),
            "/certificate: error: `certificate` is not PEM",
        ),
        (certificate(&site, &["under_score.example"]), "/associated_hostnames/0"),
        (
            policy("non_identity", &json!([{ "group": { "id": POLICY } }])),
            "/include/0: error: there is no group",
        ),
        (policy("maybe", &json!([{ "certificate": {} }])), "/decision: error: `maybe` is none of"),
        (group(json!({ "name": "g", "include": [] })), "needs at least one rule"),
        (other(HOST), "is already defined as stored application"),
        (
            json!({ "kind": "application", "id": APPLICATION, "document": null }),
            "of an application that is not stored",
        ),
        (
            json!({ "kind": "application", "id": "not-a-uuid", "document": { "domain": "a.example" } }),
            "not an id",
        ),
    ];
    for (write, expected) in cases {
        // What is good beside it is not taken either.
        let good =
            json!({ "kind": "ip_list", "id": POLICY, "document": { "name": "l", "ips": ["192.0.2.0/24"] } });
        let (status, answer) = gateway.change(&json!([good, write]));
        let problems = answer["problems"].to_string();
        assert!(status == 400 && problems.contains(expected), "{expected}: {status} {answer:#}");
    }
    assert_eq!((gateway.status()["revision"].clone(), gateway.status()["generation"].clone()), before);
    assert_eq!(gateway.kept("ip_list"), []);
    assert_eq!(status(&site, &gateway), 200);
}

#[test]
fn what_the_file_declares_is_read_only_and_what_it_comes_to_declare_refuses_the_reload() {
    let site = Site::new();
    let setup = |site: &Site| site.setup().table("server", "state_dir = \".\"");
    let gateway = Gateway::start(setup(&site));
    let in_file = gateway.kept("application");
    let [(id, document)] = in_file.as_slice() else { panic!("{in_file:?}") };
    assert_eq!(document["domain"], HOST);
    for document in [json!({ "domain": HOST }), Value::Null] {
        let (status, answer) =
            gateway.change(&json!([{ "kind": "application", "id": id, "document": document }]));
        let problems = answer["problems"].to_string();
        assert!(status == 409 && problems.contains("fleetgate.toml:"), "{status} {answer:#}");
    }
    let other =
        json!({ "kind": "application", "id": APPLICATION, "document": { "domain": "spare.example.com" } });
    let answer = gateway.must_change(&json!([other]));
    assert!(answer["warnings"].to_string().contains("this application is unused"), "{answer:#}");
    gateway.configure(&setup(&site).devices_only("spare.example.com"));
    let said = gateway.reload();
    assert!(said.code == 1 && said.stdout.contains("is already defined in line"), "{said:?}");
    assert_eq!(status(&site, &gateway), 200);
}

#[test]
fn forwarding_that_is_stored_is_what_the_origin_hears() {
    let site = Site::new();
    let gateway = Gateway::start(bare(&site));
    gateway.must_change(&everything(&site));
    let mut open = site.client().connect(gateway.address(), HOST).unwrap();
    let mut heard = |name: &str| {
        assert_eq!(open.get(HOST, "/").unwrap().status(), 200);
        site.origin.requests().last().unwrap().header(name).map(str::to_owned)
    };
    let setting = |forwarding: bool| json!([{ "kind": "certificate_settings", "id": HOST, "document": { "client_certificate_forwarding": forwarding } }]);
    let transform = |request: bool| json!([{ "kind": "managed_transform", "id": "add_client_certificate_headers", "document": { "request": request } }]);
    for _ in 0..2 {
        assert_eq!((heard("cf-client-cert-sha256"), heard("cf-cert-presented")), (None, None));
        gateway.must_change(&setting(true));
        gateway.must_change(&transform(true));
        assert!(heard("cf-client-cert-sha256").is_some());
        assert_eq!(heard("cf-cert-presented").as_deref(), Some("true"));
        gateway.must_change(&setting(false));
        gateway.must_change(&transform(false));
    }
}

#[test]
fn without_a_state_dir_nothing_is_taken_and_the_file_can_still_be_read() {
    let site = Site::new();
    let gateway = Gateway::start(site.setup());
    let list = json!({ "name": "office", "ips": ["192.0.2.0/24"] });
    let (status, answer) = gateway.change(&json!([{ "kind": "ip_list", "id": POLICY, "document": list }]));
    assert!(status == 507 && answer.to_string().contains("server.state_dir is not set"), "{status} {answer}");
    assert_eq!(gateway.kept("mtls_certificate").len(), 1);
}

#[test]
fn secrets_are_kept_and_not_shown() {
    let site = Site::new();
    let gateway = Gateway::start(bare(&site));
    let webhook =
        json!({ "name": "hook", "url": "https://hook.example.com/", "secret": "s3cret-of-the-hook" });
    gateway.must_change(&json!([{ "kind": "alert_webhook", "id": POLICY, "document": webhook }]));
    let kept = gateway.kept("alert_webhook");
    assert_eq!(kept[0].1["name"], "hook");
    let everything = format!("{kept:?}{}{}", gateway.output().everything(), gateway.status());
    assert!(!everything.contains("s3cret"), "{everything}");
}

#[test]
fn every_change_leaves_an_audit_line_that_says_who_and_what_and_not_what_it_says() {
    let site = Site::new();
    let gateway = Gateway::start(bare(&site));
    gateway.must_change(&everything(&site));
    gateway.must_change(&json!([{ "kind": "application_policy", "id": POLICY, "document": null }]));
    let line = gateway.output().wait_audit("the removal", |line| line["change"] == "delete");
    assert_eq!(
        (&line["event"], &line["who"], &line["kind"]),
        (&json!("change"), &json!("admin socket"), &json!("application_policy"))
    );
    assert_eq!((line["before"].as_str().unwrap().len(), line.get("after")), (64, None));
}

#[test]
fn a_damaged_store_refuses_the_start_by_name_and_a_check_says_so_before() {
    let site = Site::new();
    let mut gateway = Gateway::start(bare(&site));
    let warned = gateway.check();
    assert!(warned.code == 0 && warned.stdout.contains("checked without what is stored"), "{warned:?}");
    gateway.signal(Signal::SIGTERM);
    gateway.wait();
    assert!(!gateway.check().stdout.contains("store.redb"));
    std::fs::write(gateway.folder().join("store.redb"), "no database").unwrap();
    for verb in ["check", "run"] {
        let said = cli(verb, &gateway.config(), &[]);
        let everything = said.stdout.clone() + &said.stderr;
        assert!(said.code == 1 && everything.contains("store.redb is damaged"), "{said:?}");
    }
}
