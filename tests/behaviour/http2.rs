//! HTTP/2 from devices follows the same rules as HTTP/1.1: one host a connection, a decision a request, nothing forged, and
//! the end of what lost its permit.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::Stdio;

use fleetgate_tests::gateway::{Gateway, Host, Setup};
use fleetgate_tests::site::{HOST, Site};
use serde_json::{Value, json};

#[test]
fn requests_are_decided_and_forwarded() {
    let site = Site::new();
    let gateway = site.start();
    let Some(client) = site.http2(gateway.address()) else { return };
    let answers = client.requests(&json!([
        { "authority": HOST, "path": "/a?b=c", "headers": [["cookie", "a=1"], ["cookie", "b=2"], ["te", "trailers"]] },
        { "authority": HOST, "path": "/upload", "method": "POST", "body": "hello" },
        { "authority": HOST, "path": "/", "method": "HEAD" },
    ]));
    let status: Vec<_> = answers.iter().map(|answer| (&answer["status"], &answer["ended"])).collect();
    assert_eq!(status, [(&json!(200), &json!(true)); 3]);
    let seen = |answer: &Value| serde_json::from_str::<Value>(answer["body"].as_str().unwrap()).unwrap();
    let (first, second) = (seen(&answers[0]), seen(&answers[1]));
    assert_eq!((&first["target"], &second["body_length"]), (&json!("/a?b=c"), &json!(5)));
    let headers = first["headers"].to_string();
    for expected in ["[\"cookie\",\"a=1; b=2\"]", "[\"host\",\"iot.example.com\"]", &site.device.sha256()] {
        assert!(headers.contains(expected), "{expected}: {headers}");
    }
    assert_eq!(answers[2]["body"], "");
    gateway.wait_metric("fleetgate_http_connections_total", &[("host", HOST), ("version", "2")], 1);
    let nobody = client_without_certificate(&site, &gateway);
    assert_eq!(nobody.unwrap()[0]["status"], 403);
}

fn client_without_certificate(site: &Site, gateway: &Gateway) -> Option<Vec<Value>> {
    let client = fleetgate_tests::client::Http2::new(gateway.address(), HOST, &site.servers, None)?;
    Some(client.requests(&json!([{ "authority": HOST }])))
}

#[test]
fn sni_and_authority_must_agree_up_to_case_dot_and_port() {
    let site = Site::new();
    let other =
        Host::new("other.example.com", &site.servers.server(&["other.example.com"]), &site.origin.url());
    let gateway = Gateway::start(site.setup().host(other.client_auth("none")));
    let Some(client) = site.http2(gateway.address()) else { return };
    let host = |name: &str| json!([["host", name]]);
    let cases = [
        (json!({ "authority": HOST }), 200),
        (json!({ "authority": "IOT.Example.COM" }), 200),
        (json!({ "authority": "iot.example.com." }), 200),
        (json!({ "authority": "iot.example.com:8443" }), 200),
        (json!({ "headers": host(HOST) }), 200),
        (json!({ "authority": HOST, "headers": host(HOST) }), 200),
        (json!({ "authority": "other.example.com" }), 421),
        (json!({ "authority": "nobody.example.com" }), 421),
        (json!({ "authority": "sub.iot.example.com" }), 421),
        (json!({ "headers": host("other.example.com") }), 421),
        (json!({ "authority": HOST, "headers": host("other.example.com") }), 400),
        (json!({ "authority": "other.example.com", "headers": host(HOST) }), 400),
        (json!({ "authority": format!("user@{HOST}") }), 400),
        (json!({ "authority": "127.0.0.1" }), 400),
        (json!({}), 400),
    ];
    for (request, expected) in cases {
        // What is malformed for HTTP/2 itself is refused before us, with a reset.
        let answer = &client.requests(&json!([request]))[0];
        let refused = expected == 400 && !answer["reset"].is_null();
        assert!(refused || answer["status"] == expected, "{request}: {answer}");
    }
}

#[test]
fn nothing_is_forged_in_headers_or_trailers() {
    let site = Site::new();
    let gateway = site.start();
    let Some(client) = site.http2(gateway.address()) else { return };
    let forged = json!([
        ["cf-client-cert-sha256", "forged"],
        ["cf_client_cert_sha256", "forged"],
        ["x-forwarded-for", "forged"],
        ["x_forwarded_host", "forged"],
        ["forwarded", "for=forged"],
        ["x-own", "kept"],
        // Without it no trailer gets to an HTTP/1.1 origin at all, and this would show nothing.
        ["trailer", "x-own, cf-client-cert-sha256, cf_client_cert_sha256, x-forwarded-for"],
    ]);
    let answers = client.requests(&json!([
        { "authority": HOST, "method": "POST", "headers": forged, "body": "x", "trailers": forged },
    ]));
    assert_eq!(answers[0]["status"], 200, "{answers:?}");
    let request = site.origin.requests().pop().unwrap();
    let fields: Vec<_> = request.headers.iter().chain(&request.trailers).collect();
    assert!(fields.iter().all(|(_, value)| !value.contains("forged")), "{fields:?}");
    assert_eq!(request.trailers.len(), 1, "{:?}", request.trailers);
}

/// What becomes of a connection with a request for `/held` under way, after one for `/`, when another configuration comes.
fn after_reload(site: &Site, gateway: &Gateway, setup: &Setup) -> Option<Value> {
    let mut child = site.http2(gateway.address())?.command(&["hold"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    output.read_line(&mut String::new()).unwrap();
    fleetgate_tests::wait::until("both requests", || (site.origin.requests().len() == 2).then_some(()));
    gateway.configure(setup);
    gateway.must_reload();
    let mut result = String::new();
    output.read_to_string(&mut result).unwrap();
    child.wait().unwrap();
    serde_json::from_str(&result).ok()
}

#[test]
fn a_connection_that_lost_its_permit_ends_with_its_streams() {
    let site = Site::new();
    let gateway = site.start();
    let Some(result) = after_reload(&site, &gateway, &site.untrusting()) else { return };
    assert_eq!((&result["goaway"], &result["stream"]["status"]), (&json!(0), &Value::Null), "{result}");
    let lost = [("host", HOST), ("reason", "unknown_issuer")];
    gateway.wait_metric("fleetgate_connections_terminated_total", &lost, 1);
}

#[test]
fn a_stream_that_lost_its_permit_ends_although_a_later_one_has_not() {
    let site = Site::new();
    let gateway = Gateway::start(site.setup().devices_only(&format!("{HOST}/held")));
    let policy = "name = \"nobody\"\ndecision = \"deny\"\ninclude = [{ everyone = {} }]";
    let application = format!("domain = \"{HOST}/held\"\n[[application.policy]]\n{policy}");
    let setup = site.setup().array("application", application);
    let Some(result) = after_reload(&site, &gateway, &setup) else { return };
    assert_eq!((&result["goaway"], &result["stream"]["status"]), (&json!(0), &Value::Null), "{result}");
    let lost = [("host", HOST), ("reason", "denied_by_policy")];
    gateway.wait_metric("fleetgate_connections_terminated_total", &lost, 1);
}

#[test]
fn a_connection_without_requests_is_let_go() {
    let site = Site::new();
    let gateway = Gateway::start(site.setup().table("timeout", "request_header = \"300ms\""));
    let Some(client) = site.http2(gateway.address()) else { return };
    let result = fleetgate_tests::python::output(&mut client.command(&["idle"]));
    assert_eq!(serde_json::from_str::<Value>(&result).unwrap(), json!({ "goaway": 0 }));
}

#[test]
fn a_host_can_do_without() {
    let site = Site::new();
    let gateway = Gateway::start(site.setup().replace("origin = ", "http2 = false\norigin = "));
    let curl = site.curl(gateway.address(), "/").identity(&site.device).args(&["--http2"]);
    assert!(curl.run().unwrap().start.starts_with("HTTP/1.1 200"));
    let gateway = site.start();
    let curl = site.curl(gateway.address(), "/").identity(&site.device).args(&["--http2"]);
    assert!(curl.run().unwrap().start.starts_with("HTTP/2 200"));
}
