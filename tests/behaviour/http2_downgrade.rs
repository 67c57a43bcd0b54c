//! What HTTP/2 can say and HTTP/1.1 cannot never becomes another request on its way to an HTTP/1.1 origin.

use fleetgate_tests::message::Message;
use fleetgate_tests::site::{HOST, Site};
use serde_json::{Value, json};

/// A request with these fields behind (or instead of) the usual ones, and a body that would be a request of its own.
fn request(pseudo: &[(&str, &str)], fields: &[(&str, &str)]) -> Value {
    let usual = [(":method", "POST"), (":scheme", "https"), (":authority", HOST), (":path", "/own")];
    let usual = usual.iter().filter(|(name, _)| pseudo.iter().all(|(other, _)| other != name));
    let fields: Vec<_> = pseudo.iter().chain(usual).chain(fields).collect();
    json!({ "fields": fields, "body": "GET /smuggled HTTP/1.1\r\nHost: iot.example.com\r\n\r\n" })
}

fn corpus() -> Vec<Value> {
    let smuggled = "GET /smuggled HTTP/1.1\r\nHost: iot.example.com\r\nX: ";
    let split = format!("x\r\n\r\n{smuggled}");
    let path = format!("/own HTTP/1.1\r\nHost: iot.example.com\r\n\r\n{smuggled}");
    let method = format!("GET /smuggled HTTP/1.1\r\nHost: {HOST}\r\n\r\nGET");
    let in_pseudo = [
        (":path", &*path),
        (":path", "/own /smuggled"),
        (":path", "/own\n"),
        (":path", "/own\0"),
        (":path", "smuggled"),
        (":path", ""),
        (":path", "*"),
        (":path", "https://other.example.com/smuggled"),
        (":method", &*method),
        (":method", "GET /smuggled"),
        (":method", "CONNECT"),
        (":method", ""),
        (":scheme", "https://iot.example.com/smuggled?"),
        (":scheme", "http"),
        (":authority", "iot.example.com\r\nX: y"),
        (":authority", "iot.example.com/smuggled?"),
        (":authority", "iot.example.com other.example.com"),
        (":protocol", "websocket"),
        (":status", "200"),
        (":own", "x"),
    ];
    let in_fields: [(&str, &str); 25] = [
        ("x", &split),
        ("x", "y\r\ntransfer-encoding: chunked"),
        ("x", "y\nz: 1"),
        ("x", "y\rz: 1"),
        ("x", "y\0z"),
        (&split, "y"),
        ("x: y\r\nz", "1"),
        ("x y", "z"),
        ("x:", "z"),
        ("", "z"),
        ("X-Upper", "z"),
        ("transfer-encoding", "chunked"),
        ("transfer-encoding", "identity"),
        ("Transfer-Encoding", "chunked"),
        ("transfer_encoding", "chunked"),
        ("content-length", "5"),
        ("content-length", "0"),
        ("content-length", "100000"),
        ("content-length", "+5"),
        ("content-length", "5, 5"),
        ("connection", "keep-alive, content-length"),
        ("keep-alive", "timeout=5"),
        ("upgrade", "websocket"),
        ("te", "gzip"),
        ("host", "other.example.com"),
    ];
    let pairs = [
        [("content-length", "5"), ("content-length", "54")],
        [("content-length", "54"), ("transfer-encoding", "chunked")],
        [("host", HOST), ("host", "other.example.com")],
        [("connection", "upgrade"), ("upgrade", "h2c")],
        [("x", "y"), (":path", "/smuggled")],
        [("x", "y"), (":authority", "other.example.com")],
    ];
    let pseudo = in_pseudo.iter().map(|field| request(&[*field], &[]));
    let fields = in_fields.iter().map(|field| request(&[], &[*field]));
    let twice = [":path", ":method", ":authority"].map(|name| request(&[], &[(name, "/smuggled")]));
    let mut trailers = request(&[], &[("trailer", "x, content-length, transfer-encoding, host")]);
    trailers["trailers"] = json!([["x", split], ["content-length", "5"], ["host", "other.example.com"]]);
    let mut pseudo_trailers = request(&[], &[]);
    pseudo_trailers["trailers"] = json!([[":path", "/smuggled"]]);
    let pairs = pairs.iter().map(|pair| request(&[], pair));
    pseudo.chain(fields).chain(pairs).chain(twice).chain([trailers, pseudo_trailers]).collect()
}

#[test]
fn nothing_is_smuggled_from_http_2_to_an_origin_of_http_1() {
    let site = Site::new();
    let gateway = site.start();
    let Some(client) = site.http2(gateway.address()) else { return };
    let good = request(&[], &[("x", "y")]);
    assert_eq!(client.each(&json!([good]))[0]["status"], 200, "what is right with the others passes");
    for request in corpus() {
        let before = site.origin.requests().len();
        // The first answer does not matter. What is left over in the origin's connection comes before the next.
        let answers = client.each(&json!([request, { "authority": HOST, "path": "/next" }]));
        let next = &answers[1];
        assert_eq!(next["status"], 200, "{request}");
        assert!(next["body"].as_str().unwrap().contains("/next"), "{request}: {next}");
        assert_whole(&site.origin.requests().split_off(before), &request);
    }
    assert_eq!(gateway.metric("fleetgate_panics_total", &[]), 0);
}

#[track_caller]
fn assert_whole(seen: &[Message], request: &Value) {
    let targets: Vec<_> =
        seen.iter().map(|message| message.start.split(' ').nth(1).unwrap_or_default()).collect();
    assert!(matches!(targets[..], ["/own", "/next"] | ["/next"]), "{targets:?} after {request}");
    for message in seen {
        let count = |name: &str| {
            let fields = message.headers.iter().chain(&message.trailers);
            fields.filter(|(other, _)| other.replace('_', "-").eq_ignore_ascii_case(name)).count()
        };
        assert!(count("content-length") + count("transfer-encoding") <= 1, "{message:?} after {request}");
        assert_eq!((count("host"), count("upgrade"), count("z")), (1, 0, 0), "{message:?} after {request}");
        assert_eq!(message.header("host"), Some(HOST), "{request}");
    }
}
