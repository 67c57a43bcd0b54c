//! Answers without a body have none, whatever their headers say, and what comes before the final answer stays with us.

use fleetgate_tests::gateway::Gateway;
use fleetgate_tests::raw_site::{OK, RawSite, answer, say};
use fleetgate_tests::site::HOST;

#[test]
fn what_has_no_body_leaves_the_connection_to_the_next_request() {
    let scene = RawSite::new();
    let gateway = Gateway::start(scene.setup());
    let mut device = scene.connect(&gateway);
    let cases = [
        ("HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 12345\r\n\r\n", "http/1.1 200 ", Some("12345")),
        ("HEAD", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "http/1.1 200 ", None),
        ("HEAD", "HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\n", "http/1.1 404 ", Some("9")),
        ("GET", "HTTP/1.1 204 No Content\r\n\r\n", "http/1.1 204 ", None),
        ("GET", "HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\n\r\n", "http/1.1 304 ", None),
        // It may be told, and hyper does not.
        ("GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 77\r\n\r\n", "http/1.1 304 ", None),
    ];
    let mut origin = None;
    for (method, said, status, length) in cases {
        device.send(&format!("{method} / HTTP/1.1\r\nHost: {HOST}\r\n\r\n")).unwrap();
        let origin = origin.get_or_insert_with(|| scene.origin.accept());
        say(origin, said);
        let head = answer(&mut device);
        assert!(head.starts_with(status), "{head} for {said}");
        let found = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        assert_eq!(found, length, "{head} for {said}");
        // Another byte would be taken for the start of the next answer.
        device.send(&format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n")).unwrap();
        say(origin, OK);
        assert_eq!(device.receive().unwrap().text(), "ok", "after {said}");
    }
}

#[test]
fn http2_ends_them_with_their_head() {
    let scene = RawSite::new();
    let gateway = Gateway::start(scene.setup());
    let Some(client) = scene.site.http2(gateway.address()) else { return };
    let cases = [
        ("HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 12345\r\n\r\n", 200),
        ("GET", "HTTP/1.1 204 No Content\r\n\r\n", 204),
        ("GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 77\r\n\r\n", 304),
    ];
    for (method, said, status) in cases {
        let request = serde_json::json!([{ "authority": HOST, "method": method }]);
        let answers = std::thread::scope(|scope| {
            let asking = scope.spawn(|| client.requests(&request));
            say(&mut scene.origin.accept(), said);
            asking.join().unwrap()
        });
        let answer = &answers[0];
        assert_eq!((&answer["status"], &answer["ended"]), (&status.into(), &true.into()), "{answer}");
        assert_eq!(answer["body"], "");
    }
}

#[test]
fn interim_answers_are_taken_out() {
    let scene = RawSite::new();
    let gateway = Gateway::start(scene.setup());
    let mut device = scene.connect(&gateway);
    let early = "HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n";
    let said = format!("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n{early}{OK}");
    device.send(&format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n")).unwrap();
    say(&mut scene.origin.accept(), &said);
    let head = answer(&mut device);
    assert!(head.starts_with("http/1.1 200 ") && !head.contains("link:"), "{head}");
    assert_eq!(device.read(2).unwrap(), b"ok");
}
