//! `fleetgate policy test` decides as the gateway does, and says how, without a gateway.

use std::path::Path;

use fleetgate_tests::gateway::{Said, Setup, cli};
use fleetgate_tests::pki::Ca;
use fleetgate_tests::site::{HOST, Site};
use serde_json::Value;
use tempfile::TempDir;

const POLICIES: &str = "[[application.policy]]\nname = \"blocked\"\ndecision = \"deny\"\ninclude = [{ ip = { ip = \"203.0.113.0/24\" } }]\n\
    [[application.policy]]\nname = \"devices\"\ndecision = \"non_identity\"\n\
    include = [{ email = { email = \"a@example.com\" } }, { certificate = {} }]\nrequire = [{ group = { name = \"inside\" } }]";

fn setup(site: &Site) -> Setup {
    Setup::default()
        .host(site.host())
        .trust("devices", &site.devices.path, &[HOST])
        .array("group", "name = \"inside\"\ninclude = [{ ip = { ip = \"192.0.2.0/24\" } }, { any_valid_service_token = {} }]")
        .array("service_token", format!("name = \"ci\"\nclient_id = \"ci.access\"\nclient_secret_sha256 = \"{}\"", "0".repeat(64)))
        .array("application", format!("domain = \"{HOST}/api\"\n{POLICIES}"))
}

fn test(config: &Path, arguments: &[&str]) -> Said {
    cli("policy", config, &[&["test", "--host", HOST], arguments].concat())
}

#[test]
fn the_exit_status_is_the_decision_and_the_output_the_way_to_it() {
    let (site, folder) = (Site::new(), TempDir::new().unwrap());
    let (config, _) = setup(&site).write(folder.path());
    let cert = site.device.certificate.to_str().unwrap();
    let inside = test(&config, &["--path", "/api/x?y", "--cert", cert, "--ip", "192.0.2.7"]);
    assert_eq!(inside.code, 0, "{inside:?}");
    let expected = [
        "certificate  verified: CN=device-1, by `devices`",
        "application  iot.example.com/api (aud ",
        "1. policy `devices` (non_identity) matches",
        "   no   include email {\"email\":\"a@example.com\"} (needs a login; never holds)",
        "   yes  include certificate",
        "   yes  require group inside",
        "      yes  include ip 192.0.2.0/24",
        "permitted by policy `devices`",
    ];
    let mut lines = inside.stdout.lines();
    for line in expected {
        assert!(lines.any(|said| said.starts_with(line)), "{line} in its place in\n{}", inside.stdout);
    }
    let outside = test(&config, &["--path", "/api", "--cert", cert, "--ip", "203.0.113.7"]);
    assert_eq!(outside.code, 1, "{outside:?}");
    assert!(outside.stdout.contains("2. policy `blocked` (deny) matches"), "{}", outside.stdout);
    assert!(outside.stdout.ends_with("denied by policy `blocked`: denied_by_policy\n"), "{}", outside.stdout);
    let by_token = test(&config, &["--path", "/api", "--cert", cert, "--service-token", "ci"]);
    assert_eq!(by_token.code, 0, "{by_token:?}");
}

#[test]
fn the_certificate_is_worth_what_it_is_worth_on_that_host() {
    let (site, folder) = (Site::new(), TempDir::new().unwrap());
    let (config, _) = setup(&site).write(folder.path());
    let json = |path: &str, cert: Option<&Path>| {
        let cert = cert.map(|cert| cert.to_str().unwrap());
        let arguments: Vec<_> = ["--json", "--ip", "192.0.2.7", "--path", path]
            .into_iter()
            .chain(cert.iter().flat_map(|cert| ["--cert", *cert]))
            .collect();
        let said = test(&config, &arguments);
        let json: Value = serde_json::from_str(&said.stdout).unwrap();
        assert_eq!(said.code == 0, json["outcome"]["decision"] == "permit", "{json}");
        json
    };
    let stranger = Ca::root("Stranger").device("device-1");
    let denied = json("/api", Some(&stranger.certificate));
    assert_eq!(denied["certificate"]["status"], "unknown_issuer");
    assert_eq!(denied["outcome"]["reason"], "certificate_invalid");
    assert_eq!(json("/api", None)["outcome"]["reason"], "certificate_missing");
    assert_eq!(json("/", Some(&site.device.certificate))["outcome"]["reason"], "no_application");
    assert_eq!(json("/api/../x", Some(&site.device.certificate))["outcome"]["reason"], "ambiguous_path");
    let permitted = json("/api", Some(&site.device.certificate));
    assert_eq!(permitted["outcome"]["policy"], "devices");
    assert_eq!(permitted["certificate"]["issued_below"], "devices");
    assert_eq!(permitted["policies"][0]["rules"][2]["rules"][0]["selector"], "ip");
    assert_eq!(permitted["application"]["aud"].as_str().unwrap().len(), 64);
}

#[test]
fn what_cannot_be_told_is_neither_yes_nor_no() {
    let (site, folder) = (Site::new(), TempDir::new().unwrap());
    let (config, _) = setup(&site).write(folder.path());
    let cases: [&[&str]; 4] = [
        &["--host", "other.example.com"],
        &["--host", "not a host"],
        &["--host", HOST, "--cert", "absent.pem"],
        &["--host", HOST, "--service-token", "absent"],
    ];
    for arguments in cases {
        let said = cli("policy", &config, &[&["test"], arguments].concat());
        assert_eq!((said.code, said.stdout.as_str()), (2, ""), "{arguments:?}: {said:?}");
        assert!(said.stderr.starts_with("fleetgate: "), "{said:?}");
    }
    let said = cli("policy", &folder.path().join("absent.toml"), &["test", "--host", HOST]);
    assert_eq!(said.code, 2, "{said:?}");
}
