//! The command line manages tokens, certificates and applications, in tables and as JSON.

use fleetgate_tests::gateway::{Gateway, Setup};
use fleetgate_tests::site::{HOST, Site};
use serde_json::Value;

#[test]
fn certificates_and_applications_come_and_go_by_command() {
    let site = Site::new();
    let gateway = Gateway::start(Setup::default().host(site.host()).api());
    let must = |verb: &str, arguments: &[&str]| {
        let said = gateway.cli(verb, arguments);
        assert_eq!(said.code, 0, "{verb} {arguments:?}: {said:?}");
        said.stdout
    };
    let status = || site.client().connect(gateway.address(), HOST).unwrap().get(HOST, "/").unwrap().status();
    let pem = site.devices.path.to_str().unwrap();
    must("cert", &["add", pem, "--name", "Device CA", "--host", HOST]);
    assert_eq!(status(), 403);
    must("app", &["add", HOST, "--common-name", "device-1"]);
    assert_eq!(status(), 200);
    let table = must("cert", &["list"]);
    assert!(table.lines().nth(1).unwrap().contains("Device CA") && table.contains(HOST), "{table}");
    let apps: Value = serde_json::from_str(&must("app", &["list", "--json"])).unwrap();
    assert_eq!(apps[0]["policies"][0]["include"][0]["common_name"]["common_name"], "device-1");
    must("cert", &["hosts", "Device CA"]);
    assert_eq!(status(), 403);
    must("cert", &["rm", "Device CA"]);
    must("app", &["rm", HOST]);
    assert_eq!(must("app", &["list"]).lines().count(), 1, "only the headings");
    let refused = gateway.cli("cert", &["rm", "Device CA"]);
    assert_eq!(refused.code, 1);
    assert!(refused.stderr.contains("none with the id or name `Device CA`"), "{refused:?}");
}

#[test]
fn tokens_are_issued_listed_and_revoked_by_command() {
    let site = Site::new();
    let gateway = Gateway::start(site.setup().api());
    let issue = ["create", "reader", "--scope", "certificates:read", "--expires-in", "1h", "--json"];
    let said: Value = serde_json::from_str(&gateway.cli("api-token", &issue).stdout).unwrap();
    let header = format!("Authorization: Bearer {}", said["token"].as_str().unwrap());
    let path = gateway.account("access/certificates");
    let status = || gateway.api_with(&[&header], "GET", &path, None).status();
    assert_eq!(status(), 200);
    let listed = gateway.cli("api-token", &["list"]).stdout;
    assert!(listed.contains("certificates:read") && listed.contains("all:edit"), "{listed}");
    let revoked = gateway.cli("api-token", &["revoke", said["id"].as_str().unwrap()]);
    assert_eq!((revoked.code, status()), (0, 403), "{revoked:?}");
    assert_eq!(gateway.cli("api-token", &["create", "x", "--scope", "nothing:read"]).code, 1);
}
