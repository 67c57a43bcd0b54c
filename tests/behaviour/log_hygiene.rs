//! No key, token, cookie or query string reaches a log, an error, a metric or the status, at any log level.

use std::fs;
use std::path::Path;

use fleetgate_tests::client::{Curl, Raw};
use fleetgate_tests::gateway::{Gateway, cli, quoted};
use fleetgate_tests::site::{HOST, Site};
use tempfile::TempDir;

/// The lines of a key's PEM, without its frame.
fn key_lines(path: &Path) -> Vec<String> {
    let pem = fs::read_to_string(path).unwrap();
    pem.lines().filter(|line| !line.starts_with("-----")).map(str::to_owned).collect()
}

#[test]
fn what_a_request_and_a_configuration_keep_secret_stays_secret() {
    let site = Site::new();
    let gateway = Gateway::start(site.setup().wrapped(&["env", "RUST_LOG=trace"]));
    let secret = |client: Curl| {
        let headers = ["Authorization: Bearer s3cret", "Cookie: session=s3cret", "X-Api-Key: s3cret"];
        headers
            .iter()
            .fold(client, |client, header| client.header(header))
            .args(&["-d", "body=s3cret"])
            .response()
    };
    let path = "/telemetry?token=s3cret&x=1";
    assert_eq!(secret(site.curl(gateway.address(), path).identity(&site.device)).status(), 200);
    assert_eq!(secret(site.curl(gateway.address(), path)).status(), 403);
    Raw::connect(gateway.address()).send(&[b"s3cret garbage"]).read_to_end();
    let line = gateway.output().wait_access("the denial", |line| line["status"] == 403);
    assert_eq!(line["path"], "/telemetry");
    gateway.output().wait_access("the garbage", |line| line["event"] == "handshake");

    let said = gateway.output().everything()
        + &gateway.status().to_string()
        + &gateway.probe("/metrics").unwrap().text();
    assert!(!said.contains("s3cret"), "{said}");
    for line in [&site.server.key, &site.device.key].into_iter().flat_map(|key| key_lines(key)) {
        assert!(!said.contains(&line));
    }
}

#[test]
fn an_error_about_a_key_file_does_not_quote_it() {
    let site = Site::new();
    let folder = TempDir::new().unwrap();
    let damaged = folder.path().join("damaged.pem");
    let key = fs::read_to_string(&site.server.key).unwrap();
    fs::write(&damaged, key.replace("-----END", "----END")).unwrap();
    let setups = [
        site.setup().replace(&quoted(&site.server.key), &quoted(&damaged)),
        site.setup().replace(&quoted(&site.server.certificate), &quoted(&site.server.key)),
        site.setup().trust("key", &site.server.key, &[HOST]),
    ];
    for setup in setups {
        let (config, _) = setup.write(folder.path());
        for verb in ["run", "check"] {
            let said = cli(verb, &config, &[]);
            assert_eq!(said.code, 1, "{said:?}");
            let said = said.stdout + &said.stderr;
            assert!(key_lines(&site.server.key).iter().all(|line| !said.contains(line)), "{said}");
        }
    }
}
