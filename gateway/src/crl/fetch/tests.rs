//! The fetcher against servers of every kind.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::*;

const GOOD: &str = "HTTP/1.1 200 OK\r\nETag: \"1\"\r\nLast-Modified: Thu, 01 Jan 2026 00:00:00 GMT\r\nContent-Length: 4\r\n\r\nbody";

/// Anybody's certificate: nothing here gets as far as TLS.
fn settings() -> Settings {
    let root = rcgen::generate_simple_self_signed(["ca.example.com".to_owned()]).unwrap();
    Settings {
        max_size: 1024,
        timeout: Duration::from_secs(20),
        allow_private: true,
        roots: Some(vec![root.cert.der().clone()]),
        ..Settings::default()
    }
}

/// A server that answers one request with `answer`. Gives its URL, and the request's head once it is there.
async fn server(answer: &str) -> (CrlUrl, oneshot::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/a.crl?b", listener.local_addr().unwrap());
    let (sender, request) = oneshot::channel();
    let answer = answer.to_owned();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        sender.send(String::from_utf8(head).unwrap()).unwrap();
        // Whoever has read enough goes away.
        let _ = stream.write_all(answer.as_bytes()).await;
        let _ = stream.read_u8().await;
    });
    (CrlUrl::distribution_point(&url).unwrap(), request)
}

async fn fetch(settings: Settings, answer: &str) -> Result<Fetched, FetchError> {
    let (url, _request) = server(answer).await;
    Fetcher::new(Arc::new(settings)).unwrap().fetch(&url, &Validators::default()).await
}

#[tokio::test]
async fn a_body_comes_with_what_lets_the_server_say_that_it_is_unchanged() {
    let (url, request) = server(GOOD).await;
    let fetcher = Fetcher::new(Arc::new(settings())).unwrap();
    let Ok(Fetched::New { body, validators }) = fetcher.fetch(&url, &Validators::default()).await else {
        panic!("not fetched")
    };
    assert_eq!(body, "body");
    let head = request.await.unwrap();
    assert!(head.starts_with("GET /a.crl?b HTTP/1.1\r\n"), "{head}");
    assert!(head.contains(&format!("host: {}\r\n", url.authority)) && !head.contains("if-"), "{head}");

    let (url, request) = server("HTTP/1.1 304 Not Modified\r\n\r\n").await;
    assert!(matches!(fetcher.fetch(&url, &validators).await, Ok(Fetched::Unchanged)));
    let head = request.await.unwrap();
    assert!(head.contains("if-none-match: \"1\"\r\n"), "{head}");
    assert!(head.contains("if-modified-since: Thu, 01 Jan 2026 00:00:00 GMT\r\n"), "{head}");
}

#[tokio::test]
async fn every_answer_but_a_list_is_a_failure_of_its_own() {
    let long = format!("HTTP/1.1 200 OK\r\nContent-Length: 1025\r\n\r\n{}", "x".repeat(1025));
    let chunked = format!(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n401\r\n{}\r\n0\r\n\r\n",
        "x".repeat(1025)
    );
    let cases = [
        (long.as_str(), "too_large"),
        (&chunked, "too_large"),
        ("HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n", "redirect"),
        ("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "status"),
        ("HTTP/1.1 206 Partial Content\r\nContent-Length: 1\r\n\r\nx", "status"),
        // Nobody has asked whether anything has changed.
        ("HTTP/1.1 304 Not Modified\r\n\r\n", "status"),
        ("220 mail.example.com ESMTP\r\n", "protocol"),
    ];
    for (answer, expected) in cases {
        let error = fetch(settings(), answer).await.err().unwrap_or_else(|| panic!("fetched: {answer}"));
        assert_eq!(error.label(), expected, "{answer}: {error}");
    }
}

#[tokio::test]
async fn a_body_that_does_not_come_to_its_end_is_none() {
    let (url, _request) = server("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nbody").await;
    let fetcher =
        Fetcher::new(Arc::new(Settings { timeout: Duration::from_millis(300), ..settings() })).unwrap();
    // The server waits for more after its last octet, and nobody waits for it for ever.
    let error = fetcher.fetch(&url, &Validators::default()).await.err().unwrap();
    assert_eq!(error.label(), "timeout");
}

#[tokio::test]
async fn addresses_that_are_not_public_are_refused_unless_they_are_allowed() {
    let careful = || Settings { allow_private: false, ..settings() };
    let fetcher = Fetcher::new(Arc::new(careful())).unwrap();
    for url in
        ["http://127.0.0.1:1/", "http://localhost:1/", "http://[::1]:1/", "http://169.254.169.254/latest"]
    {
        let url = CrlUrl::distribution_point(url).unwrap();
        let error = fetcher.fetch(&url, &Validators::default()).await.err().unwrap();
        assert_eq!(error.label(), "private_address", "{url}: {error}");
    }
    let (url, _request) = server(GOOD).await;
    assert!(fetcher.fetch(&url, &Validators::default()).await.is_err());
    assert!(fetch(settings(), GOOD).await.is_ok());
}
