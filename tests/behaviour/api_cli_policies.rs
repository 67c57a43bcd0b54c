//! The command line manages policies that applications share, rule groups and service tokens.

use fleetgate_tests::gateway::{Gateway, Setup};
use fleetgate_tests::site::{HOST, Site};
use serde_json::Value;

struct Scene {
    site: Site,
    gateway: Gateway,
}

impl Scene {
    /// Devices are trusted, and no application is there.
    fn new() -> Self {
        let site = Site::new();
        let setup = Setup::default().host(site.host()).trust("devices", &site.devices.path, &[HOST]).api();
        Self { gateway: Gateway::start(setup), site }
    }

    #[track_caller]
    fn must(&self, verb: &str, arguments: &[&str]) -> String {
        let said = self.gateway.cli(verb, arguments);
        assert_eq!(said.code, 0, "{verb} {arguments:?}: {said:?}");
        said.stdout
    }

    #[track_caller]
    fn refused(&self, verb: &str, arguments: &[&str], why: &str) {
        let said = self.gateway.cli(verb, arguments);
        assert!(said.code != 0 && said.stderr.contains(why), "{verb} {arguments:?}: {said:?}");
    }

    fn json(&self, verb: &str, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.must(verb, arguments)).unwrap()
    }

    /// What the device gets.
    fn status(&self) -> u16 {
        let mut connection = self.site.client().connect(self.gateway.address(), HOST).unwrap();
        connection.get(HOST, "/").unwrap().status()
    }

    /// What a program gets that shows these headers and no certificate.
    fn program(&self, headers: &str) -> u16 {
        let mut connection = self.site.anonymous().connect(self.gateway.address(), HOST).unwrap();
        let lines = headers.trim().replace('\n', "\r\n");
        let request = format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n{lines}\r\n\r\n");
        connection.exchange(&request).unwrap().status()
    }
}

#[test]
fn shared_policies_and_groups_come_and_go_and_decide() {
    let scene = Scene::new();
    scene.must("group", &["add", "pumps", "--include", "common_name=device-1", "--require", "certificate"]);
    let table = scene.must("group", &["list"]);
    assert!(table.contains("include common_name device-1; require certificate"), "{table}");
    scene.must("policy", &["add", "devices", "--include", "group=pumps", "--exclude", "ip=192.0.2.0/24"]);
    scene.must("policy", &["add", "nobody", "--decision", "deny", "--include", "everyone"]);
    scene.must("app", &["add", HOST, "--policy", "devices"]);
    assert_eq!(scene.status(), 200);
    let policies = scene.json("policy", &["list", "--json"]);
    let policies = policies.as_array().unwrap();
    let devices = policies.iter().find(|policy| policy["name"] == "devices").unwrap();
    assert_eq!((&devices["decision"], &devices["app_count"]), (&"non_identity".into(), &1.into()));
    assert_eq!(devices["include"][0]["group"]["name"], "pumps");
    let table = scene.must("policy", &["list"]);
    assert!(table.contains("include group pumps; exclude ip 192.0.2.0/24"), "{table}");

    scene.refused("policy", &["rm", "devices"], "the policy is in use");
    scene.refused("group", &["rm", "pumps"], "pumps");
    let said = scene.must("app", &["policies", HOST, "nobody"]);
    assert!(said.contains("nobody (deny)") && !said.contains("devices"), "{said}");
    assert_eq!(scene.status(), 403);
    scene.must("app", &["policies", HOST, "nobody", "devices"]);
    let apps = scene.json("app", &["list", "--json"]);
    let names: Vec<_> = apps[0]["policies"].as_array().unwrap().iter().map(|it| &it["name"]).collect();
    assert_eq!(names, ["nobody", "devices"]);

    scene.must("app", &["rm", HOST]);
    for (verb, name) in [("policy", "devices"), ("policy", "nobody"), ("group", "pumps")] {
        let said = scene.must(verb, &["rm", name]);
        assert!(said.starts_with("removed "), "{said}");
        assert!(!scene.must(verb, &["list"]).contains(name));
    }
}

#[test]
fn what_makes_no_sense_is_refused_with_what_would() {
    let scene = Scene::new();
    scene.refused("policy", &["add", "p", "--include", "commonname=x"], "common_name=…");
    scene.refused("policy", &["add", "p"], "--include");
    scene.refused("policy", &["add", "p", "--include", "ip=nowhere"], "192.0.2.0/24");
    scene.refused("policy", &["add", "p", "--decision", "maybe", "--include", "everyone"], "non_identity");
    scene.refused("group", &["rm", "g"], "none with the id or name `g`");
    scene.refused("app", &["add", HOST, "--policy", "p"], "none with the id or name `p`");
    scene.refused("service-token", &["create", "ci", "--duration", "soon"], "24h");
    assert_eq!(scene.must("policy", &["list"]).lines().count(), 1, "only the headings");
}

#[test]
fn a_service_tokens_headers_pass_until_they_are_replaced_or_revoked() {
    let scene = Scene::new();
    let headers = scene.must("service-token", &["create", "ci", "--duration", "1h"]);
    assert_eq!(headers.lines().count(), 2, "{headers}");
    scene.must("policy", &["add", "programs", "--include", "service_token=ci"]);
    scene.must("app", &["add", HOST, "--policy", "programs"]);
    assert_eq!(scene.program(&headers), 200);
    let rotated = scene.must("service-token", &["rotate", "ci"]);
    assert_eq!((scene.program(&headers), scene.program(&rotated)), (403, 200));
    let client = rotated.lines().next().unwrap().rsplit(' ').next().unwrap();
    let table = scene.must("service-token", &["list"]);
    let secret = rotated.trim().rsplit(' ').next().unwrap();
    assert!(table.contains(client) && !table.contains(secret), "{table}");
    let before = scene.json("service-token", &["list", "--json"])[0]["expires_at"].clone();
    let refreshed = scene.json("service-token", &["refresh", "ci", "--json"]);
    assert!(refreshed["expires_at"].as_str() >= before.as_str(), "{refreshed} after {before}");
    assert!(
        scene.must("service-token", &["create", "forever", "--duration", "forever"]).contains("Secret: ")
    );
    assert!(scene.must("service-token", &["list"]).contains("never"));

    scene.refused("service-token", &["revoke", "ci"], "ci");
    scene.must("app", &["rm", HOST]);
    scene.must("policy", &["rm", "programs"]);
    assert!(scene.must("service-token", &["revoke", "ci"]).starts_with("revoked "));
    scene.must("policy", &["add", "programs", "--include", "any_valid_service_token"]);
    scene.must("app", &["add", HOST, "--policy", "programs"]);
    assert_eq!(scene.program(&rotated), 403);
}
