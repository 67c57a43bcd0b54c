//! What went wrong at other gateways, played to this one. `docs/security.md` has the list, with the incidents whose tests
//! stand elsewhere.

use std::net::SocketAddr;

use fleetgate_tests::client::{Connection, Raw, Tls};
use fleetgate_tests::gateway::{Gateway, Host};
use fleetgate_tests::site::{HOST, Site};
use fleetgate_tests::wait;
use fleetgate_tests::xdp::hello;

/// A public wildcard that covers the protected host as well: it must never serve it.
const PUBLIC: &str = "*.example.com";
/// A protected wildcard.
const FLEET: &str = "*.fleet.example.com";

fn start(site: &Site) -> Gateway {
    let host = |name: &str| Host::new(name, &site.servers.server(&[name]), &site.origin.url());
    let setup =
        site.untrusting().host(host(PUBLIC).client_auth("none")).host(host(FLEET)).devices_only(FLEET);
    Gateway::start(setup.trust("devices", &site.devices.path, &[HOST, FLEET]))
}

/// CVE-2026-48491 (Traefik): the SNI of a public host with the Host of a protected one. Only the name that the connection
/// was made for is answered on it, whichever pattern serves either.
#[test]
fn s07_on_a_connection_only_its_own_name_is_answered() {
    const NAMES: [&str; 5] =
        [HOST, "public.example.com", "other.example.com", "a.fleet.example.com", "b.fleet.example.com"];
    let site = Site::new();
    let gateway = start(&site);
    let client = site.client();
    for sni in NAMES {
        let spellings =
            |name: &str| [name.to_owned(), name.to_uppercase(), format!("{name}."), format!("{name}:443")];
        let mut connection = client.connect(gateway.address(), sni).unwrap();
        for host in NAMES.iter().flat_map(|name| spellings(name)) {
            let own = host.to_lowercase().trim_end_matches(":443").trim_end_matches('.') == sni;
            let status = connection.get(&host, "/").unwrap().status();
            assert_eq!(status, if own { 200 } else { 421 }, "SNI {sni}, Host {host}");
        }
        // What is no hostname at all is the name of nobody.
        for host in
            ["", "*.example.com", "iot.example.com\0", "ïot.example.com", "iot.example.com,a", "[::1]", "a b"]
        {
            let mut connection = client.connect(gateway.address(), sni).unwrap();
            assert_eq!(connection.get(host, "/").unwrap().status(), 400, "SNI {sni}, Host {host:?}");
        }
    }
    assert_eq!(site.origin.requests().len(), NAMES.len() * 4);
}

/// CVE-2022-23632 and CVE-2026-53622 (Traefik): a dot at the end, or capitals, led past the protected host's options.
/// However a name is spelled in the hello, it is this host's or nobody's.
#[test]
fn s09_no_spelling_of_a_protected_name_leads_to_another_host() {
    let site = Site::new();
    let gateway = start(&site);
    let spellings =
        ["IOT.EXAMPLE.COM", "iot.example.com.", "iot.example.com..", "iot.example.com\0", "iot.example.com "];
    for spelling in spellings {
        // rustls does not write such a name; one of the same length is where it stands.
        let stand_in = format!("{}x", "x".repeat(spelling.len() - 1));
        let hello = replaced(&hello::classic(&stand_in), stand_in.as_bytes(), spelling.as_bytes());
        let _ = Raw::connect(gateway.address()).send(&[&hello]).record_type();
    }
    let of = |host| gateway.metrics().sum("fleetgate_handshakes_total", &[("host", host)]);
    wait::until("every handshake's end", || (of(HOST) + of("other") == spellings.len() as u64).then_some(()));
    assert_eq!(of(PUBLIC), 0);
    assert_ne!(of(HOST), 0, "capitals are no other name");
}

fn replaced(bytes: &[u8], piece: &[u8], other: &[u8]) -> Vec<u8> {
    let at = bytes.windows(piece.len()).position(|window| window == piece).unwrap();
    [&bytes[..at], other, &bytes[at + piece.len()..]].concat()
}

/// What is smuggled in: a request that no device of this host may make.
const SMUGGLED: &str = "GET /smuggled HTTP/1.1\r\nHost: other.example.com\r\n\r\n";

/// RUSTSEC-2025-0037, -2026-0033, -0034 and their kin (Pingora), and whatever else makes two readers of one stream see
/// different requests. The origin never sees a request that the gateway has not decided about.
#[test]
fn s20_nothing_is_smuggled_to_the_origin() {
    let (length, chunked) = (SMUGGLED.len() + 5, "Transfer-Encoding: chunked\r\n");
    let both = format!("Content-Length: {length}\r\n");
    let heads = [
        // Two lengths, in every order and spelling.
        format!("{both}{chunked}"),
        format!("{chunked}{both}"),
        "Content-Length: 0\r\nContent-Length: 5\r\n".to_owned(),
        "Content-Length: 0, 5\r\n".to_owned(),
        "Content-Length: +5\r\n".to_owned(),
        "Content-Length: 0x5\r\n".to_owned(),
        "Content-Length: -1\r\n".to_owned(),
        "Content-Length: 5 5\r\n".to_owned(),
        format!("Content_Length: {length}\r\n"),
        // What one reader takes for chunked, and another does not.
        "Transfer-Encoding: xchunked\r\n".to_owned(),
        "Transfer-Encoding: chunked, identity\r\n".to_owned(),
        "Transfer-Encoding: identity, chunked\r\n".to_owned(),
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n".to_owned(),
        "Transfer-Encoding: \"chunked\"\r\n".to_owned(),
        "Transfer-Encoding:\x0bchunked\r\n".to_owned(),
        "Transfer-Encoding : chunked\r\n".to_owned(),
        " Transfer-Encoding: chunked\r\n".to_owned(),
        "X: y\r\n Transfer-Encoding: chunked\r\n".to_owned(),
        "X: y\rTransfer-Encoding: chunked\r\n".to_owned(),
        "X: y\nTransfer-Encoding: chunked\r\n".to_owned(),
        "Transfer_Encoding: chunked\r\n".to_owned(),
        // A tunnel that nobody has agreed to.
        "Connection: Upgrade\r\nUpgrade: websocket\r\n".to_owned(),
        format!("Connection: Upgrade\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n{both}"),
        "Connection: Content-Length\r\nContent-Length: 5\r\n".to_owned(),
        format!("Connection: Transfer-Encoding\r\n{chunked}"),
        "Expect: 100-continue\r\nContent-Length: 5\r\n".to_owned(),
    ];
    let site = Site::new();
    let gateway = site.start();
    for version in ["1.1", "1.0"] {
        for head in &heads {
            let request =
                format!("POST /own HTTP/{version}\r\nHost: {HOST}\r\n{head}\r\n0\r\n\r\n{SMUGGLED}");
            assert_not_smuggled(&site, gateway.address(), &request);
        }
    }
    let chunks = [
        format!("5;\nx\r\nhello\r\n0\r\n\r\n{SMUGGLED}"),
        format!("5\nhello\n0\n\n{SMUGGLED}"),
        format!("0x0\r\n\r\n{SMUGGLED}"),
        format!("00000000000000000005\r\nhello\r\n0\r\n\r\n{SMUGGLED}"),
        format!("100000000000000000\r\n{SMUGGLED}"),
        format!("-1\r\n{SMUGGLED}"),
        format!("5\r\nhelloXX0\r\n\r\n{SMUGGLED}"),
        format!(
            "0\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\nHost: other.example.com\r\n\r\n{SMUGGLED}"
        ),
    ];
    for body in chunks {
        let request = format!("POST /own HTTP/1.1\r\nHost: {HOST}\r\n{chunked}\r\n{body}");
        assert_not_smuggled(&site, gateway.address(), &request);
    }
    assert_eq!(gateway.metric("fleetgate_panics_total", &[]), 0);
}

#[track_caller]
fn assert_not_smuggled(site: &Site, address: SocketAddr, request: &str) {
    let client: Tls = site.client();
    let before = site.origin.requests().len();
    let mut connection: Connection = client.connect(address, HOST).unwrap();
    // An answer or none: what counts is what the origin saw.
    let _ = connection.exchange(request);
    // The origin's connection is kept for the next request: what is left over in it would come before that.
    let mut next = client.connect(address, HOST).unwrap();
    assert!(next.get(HOST, "/next").unwrap().text().contains("/next"), "{request}");
    let seen = site.origin.requests().split_off(before);
    let targets: Vec<_> =
        seen.iter().map(|message| message.start.split(' ').nth(1).unwrap_or_default()).collect();
    assert!(matches!(targets[..], ["/own", "/next"] | ["/next"]), "{targets:?} after\n{request}");
    for message in &seen {
        let lengths = ["content-length", "transfer-encoding"].map(|name| {
            message
                .headers
                .iter()
                .filter(|(other, _)| other.replace('_', "-").eq_ignore_ascii_case(name))
                .count()
        });
        assert!(lengths.iter().sum::<usize>() <= 1, "{message:?} after\n{request}");
        assert!(
            message.header("upgrade").is_none() && message.trailers.is_empty(),
            "{message:?} after\n{request}"
        );
    }
}
