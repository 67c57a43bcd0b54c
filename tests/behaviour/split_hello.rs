//! A ClientHello finds its host and its device however it is cut: over TCP segments, over TLS records, byte by byte
//! (CVE-2026-32305, RUSTSEC-2024-0399). Beside the protected host there is a public one, where a gateway that loses track
//! could end up.

use fleetgate_tests::client::{Raw, Tls};
use fleetgate_tests::gateway::{Gateway, Host};
use fleetgate_tests::site::{HOST, Site};
use fleetgate_tests::wait;
use fleetgate_tests::xdp::hello::{self, record};
use rustls::NamedGroup;

const RECORD_HEADER: usize = 5;

fn start(site: &Site) -> Gateway {
    let public = Host::new("*.example.com", &site.servers.server(&["*.example.com"]), &site.origin.url());
    Gateway::start(site.setup().host(public.client_auth("none")))
}

/// A client whose hello fits one segment.
fn classic(site: &Site) -> Tls {
    site.client().groups(&[NamedGroup::X25519])
}

/// A whole connection, whose hello is sent in pieces, ends at the device's own origin with the device's own certificate.
#[track_caller]
fn assert_found(
    site: &Site,
    gateway: &Gateway,
    client: &Tls,
    cut: impl FnOnce(&[u8]) -> Vec<Vec<u8>>,
    case: &str,
) {
    let mut connection =
        client.connect_cut(gateway.address(), HOST, cut).unwrap_or_else(|error| panic!("{case}: {error}"));
    assert_eq!(connection.get(HOST, "/").unwrap().status(), 200, "{case}");
    let seen = site.origin.requests().pop().unwrap();
    assert_eq!(seen.header("cf-client-cert-sha256"), Some(site.device.sha256().as_str()), "{case}");
}

/// The record's content in records of these many octets, and one of the rest.
fn records<'a>(hello: &'a [u8], lengths: impl IntoIterator<Item = usize>) -> Vec<Vec<u8>> {
    let mut rest: &'a [u8] = &hello[RECORD_HEADER..];
    let mut records = Vec::new();
    for length in lengths {
        let (piece, after) = rest.split_at(length);
        records.push(record(piece));
        rest = after;
    }
    if !rest.is_empty() {
        records.push(record(rest));
    }
    records
}

fn length(client: &Tls, gateway: &Gateway) -> usize {
    let mut length = 0;
    let connected = client.connect_cut(gateway.address(), HOST, |hello| {
        length = hello.len();
        vec![hello.to_vec()]
    });
    assert!(connected.is_ok());
    length
}

fn over_segments(client: impl Fn(&Site) -> Tls) {
    let site = Site::new();
    let (gateway, client) = (start(&site), client(&site));
    for at in 1..length(&client, &gateway) {
        let cut = |hello: &[u8]| vec![hello[..at].to_vec(), hello[at..].to_vec()];
        assert_found(&site, &gateway, &client, cut, &format!("segments cut at {at}"));
    }
}

/// Both records are in one segment, so that the gateway has them at once.
fn over_records(client: impl Fn(&Site) -> Tls) {
    let site = Site::new();
    let (gateway, client) = (start(&site), client(&site));
    for at in 1..length(&client, &gateway) - RECORD_HEADER {
        let cut = |hello: &[u8]| vec![records(hello, [at]).concat()];
        assert_found(&site, &gateway, &client, cut, &format!("records cut at {at}"));
    }
}

#[test]
fn s06_over_two_tcp_segments_at_every_position() {
    over_segments(classic);
}

#[test]
fn s06_over_two_tls_records_at_every_position() {
    over_records(classic);
}

#[test]
fn s06_post_quantum_over_two_tcp_segments_at_every_position() {
    over_segments(Site::client);
}

#[test]
fn s06_post_quantum_over_two_tls_records_at_every_position() {
    over_records(Site::client);
}

#[test]
fn s06_in_as_many_pieces_as_there_are_octets() {
    let site = Site::new();
    let gateway = start(&site);
    let single = |bytes: &[u8]| bytes.iter().map(|byte| vec![*byte]).collect::<Vec<_>>();
    let each = |hello: &[u8]| records(hello, std::iter::repeat_n(1, hello.len() - RECORD_HEADER));
    for client in [classic(&site), site.client(), site.client().tls12()] {
        assert_found(&site, &gateway, &client, single, "an octet a segment");
        assert_found(&site, &gateway, &client, |hello| vec![each(hello).concat()], "an octet a record");
        assert_found(&site, &gateway, &client, each, "an octet a record and segment");
        assert_found(
            &site,
            &gateway,
            &client,
            |hello| single(&records(hello, [1, 3, 40]).concat()),
            "both cut",
        );
    }
    assert!(length(&site.client(), &gateway) > 1400, "a post-quantum hello should not fit one segment");
}

/// What is around the hello, or between its pieces, is no reason to forget it or to guess.
#[test]
fn s17_what_is_not_one_hello_in_its_own_records_is_refused_and_panics_nobody() {
    const CHANGE_CIPHER_SPEC: [u8; 6] = [20, 3, 3, 0, 1, 1];
    const WARNING: [u8; 7] = [21, 3, 3, 0, 2, 1, 90];
    const DATA: [u8; 6] = [23, 3, 3, 0, 1, 0];
    let site = Site::new();
    let gateway = start(&site);
    let hello = hello::classic(HOST);
    let message = &hello[RECORD_HEADER..];
    let (head, tail) = (record(&message[..50]), record(&message[50..]));
    let with_length = |length: u32| [&[1], &length.to_be_bytes()[1..], &message[4..]].concat();
    let cases: [(&str, Vec<u8>); 10] = [
        ("two hellos in one record", record(&[message, message].concat())),
        ("half a second hello in the same record", record(&[message, &message[..50]].concat())),
        ("a change of ciphers between the pieces", [&head[..], &CHANGE_CIPHER_SPEC, &tail].concat()),
        ("an alert between the pieces", [&head[..], &WARNING, &tail].concat()),
        ("data between the pieces", [&head[..], &DATA, &tail].concat()),
        ("an empty record between the pieces", [&head[..], &record(&[]), &tail].concat()),
        ("a piece that is not a handshake's", [&[22, 9, 9][..], &hello[3..]].concat()),
        ("a message of 16 MiB", record(&with_length(0xff_ffff))),
        (
            "a message that is one octet too short",
            record(&with_length(u32::try_from(message.len() - 5).unwrap())),
        ),
        ("a record of more than 16 KiB", [&[22, 3, 1, 0xff, 0xff][..], &vec![0; 0xffff]].concat()),
    ];
    for (case, bytes) in &cases {
        let answer = Raw::connect(gateway.address()).send(&[bytes]).finish().read_to_end();
        // A fatal alert, or nothing; never a server's hello.
        assert!(answer.is_empty() || answer[0] == 21, "{case}: {answer:?}");
    }
    let of = |host| gateway.metrics().sum("fleetgate_handshakes_total", &[("host", host)]);
    wait::until("every handshake's end", || (of("other") == cases.len() as u64).then_some(()));
    assert_eq!([of(HOST), of("*.example.com")], [0, 0]);
    assert_found(&site, &gateway, &site.client(), |hello| vec![hello.to_vec()], "after all that");
    assert_eq!(gateway.metric("fleetgate_panics_total", &[]), 0);
}
