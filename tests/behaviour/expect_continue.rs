//! A device that asks before it sends a body (`Expect: 100-continue`) is told to go on only where its request may.

use fleetgate_tests::client::Connection;
use fleetgate_tests::gateway::Gateway;
use fleetgate_tests::raw_site::answer;
use fleetgate_tests::site::{HOST, Site};
use serde_json::json;

const HEAD: &str =
    "POST /upload HTTP/1.1\r\nHost: iot.example.com\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n";

fn ask(connection: &mut Connection) -> String {
    connection.send(HEAD).unwrap();
    answer(connection)
}

#[test]
fn it_is_told_to_go_on_and_then_gets_its_answer() {
    let site = Site::new();
    let gateway = site.start();
    let mut connection = site.client().connect(gateway.address(), HOST).unwrap();
    for _ in 0..2 {
        assert_eq!(ask(&mut connection), "http/1.1 100 continue\r\n\r\n");
        let response = connection.exchange("hello").unwrap();
        assert_eq!((response.status(), &response.json()["body_length"]), (200, &json!(5)));
    }
    let seen = site.origin.requests();
    assert!(seen.iter().all(|request| request.header("expect").is_none()), "{seen:?}");
    // One that does not wait is served as well; whether it is told, nobody looks at.
    let response = connection.exchange(&format!("{HEAD}hello")).unwrap();
    assert_eq!(response.json()["body_length"], 5);
}

#[test]
fn one_that_is_denied_keeps_its_body() {
    let site = Site::new();
    let gateway = site.start();
    let mut connection = site.anonymous().connect(gateway.address(), HOST).unwrap();
    let answer = ask(&mut connection);
    assert!(answer.starts_with("http/1.1 403 "), "{answer}");
    assert_eq!(site.origin.connections(), 0);
}

#[test]
fn one_whose_origin_is_not_there_keeps_its_body() {
    let site = Site::new();
    let gateway = Gateway::start(site.setup().replace(&site.origin.url(), "unix:/nowhere/http.sock"));
    let mut connection = site.client().connect(gateway.address(), HOST).unwrap();
    let answer = ask(&mut connection);
    assert!(answer.starts_with("http/1.1 502 "), "{answer}");
}

#[test]
fn curl_uploads_over_both_versions() {
    let site = Site::new();
    let gateway = site.start();
    let body = "x".repeat(2 << 20);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("body");
    std::fs::write(&file, &body).unwrap();
    let upload = format!("@{}", file.display());
    for version in ["--http1.1", "--http2"] {
        let arguments = [version, "--data-binary", &upload];
        let curl = || site.curl(gateway.address(), "/upload").header("Expect: 100-continue").args(&arguments);
        let response = curl().identity(&site.device).response();
        assert_eq!(response.json()["body_length"], body.len(), "{version}");
        let response = curl().response();
        assert_eq!(response.status(), 403, "{version}");
    }
    assert_eq!(site.origin.requests().len(), 2);
}
