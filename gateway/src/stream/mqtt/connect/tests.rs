//! CONNECT packets, good and bad.

use proptest::prelude::*;

use super::*;

/// The parts of a packet, put together by the book.
#[derive(Clone, Debug)]
struct Parts {
    version: Version,
    client_id: String,
    will: Option<(String, Vec<u8>)>,
    username: Option<String>,
    password: Option<Vec<u8>>,
}

fn field(octets: &[u8]) -> Vec<u8> {
    [&u16::try_from(octets.len()).unwrap().to_be_bytes(), octets].concat()
}

fn body(parts: &Parts) -> Vec<u8> {
    let Parts { version, client_id, will, username, password } = parts;
    let (level, properties): (u8, &[u8]) = match version {
        Version::V311 => (4, &[]),
        // Session expiry interval: 10 s.
        Version::V5 => (5, &[5, 0x11, 0, 0, 0, 10]),
    };
    let will_properties: &[u8] = if *version == Version::V5 { &[0] } else { &[] };
    let flag = |is: bool, flag: u8| if is { flag } else { 0 };
    let flags = 0x02
        | flag(will.is_some(), WILL_FLAG | 0x08)
        | flag(username.is_some(), USERNAME_FLAG)
        | flag(password.is_some(), PASSWORD_FLAG);
    let mut body = [b"\0\x04MQTT", &[level, flags, 0, 60][..], properties].concat();
    body.extend(field(client_id.as_bytes()));
    if let Some((topic, payload)) = will {
        body.extend([will_properties, &field(topic.as_bytes()), &field(payload)].concat());
    }
    body.extend(username.iter().flat_map(|name| field(name.as_bytes())));
    body.extend(password.iter().flat_map(|word| field(word)));
    body
}

fn plain() -> Parts {
    Parts { version: Version::V311, client_id: "device-1".into(), will: None, username: None, password: None }
}

fn full(version: Version) -> Parts {
    let text = |text: &str| Some(text.to_owned());
    Parts {
        version,
        client_id: "device-1".into(),
        will: Some(("gone/device-1".into(), vec![0xff; 300])),
        username: text("me"),
        password: Some(b"secret".into()),
    }
}

#[test]
fn who_is_there_is_read_in_both_versions() {
    for version in [Version::V311, Version::V5] {
        let connect = Connect::parse(body(&full(version))).unwrap();
        assert_eq!(
            (connect.version, connect.client_id(), connect.username()),
            (version, "device-1", Some("me"))
        );
    }
    let connect = Connect::parse(body(&plain())).unwrap();
    assert_eq!((connect.client_id(), connect.username()), ("device-1", None));
}

#[test]
fn another_user_name_leaves_everything_else() {
    for version in [Version::V311, Version::V5] {
        let named = |name: &str| body(&Parts { username: Some(name.into()), ..full(version) });
        let longer = "device-1 of the fleet in the north".repeat(4);
        let rewritten = Connect::parse(named("me")).unwrap().with_username(&longer).unwrap();
        let mut expected = vec![CONNECT];
        expected.extend(length_octets(named(&longer).len()));
        expected.extend(named(&longer));
        assert_eq!(rewritten.into_packet(), expected);
    }
    let named = Connect::parse(body(&plain())).unwrap().with_username("device-1").unwrap();
    assert_eq!(
        named.body,
        body(&Parts { username: Some("device-1".into()), ..plain() }),
        "where there was none"
    );
    // A password alone, as version 5 has it, comes to stand behind a name.
    let token = Parts { username: None, ..full(Version::V5) };
    let named = Connect::parse(body(&token)).unwrap().with_username("device-1").unwrap();
    assert_eq!(named.body, body(&Parts { username: Some("device-1".into()), ..token }));
}

#[test]
fn what_the_specification_forbids_is_refused() {
    let with = |at: usize, octet: u8| {
        let mut body = body(&full(Version::V311));
        body[at] = octet;
        Connect::parse(body).unwrap_err()
    };
    assert_eq!(with(2, b'm'), Malformed::NotConnect);
    assert_eq!(with(6, 3), Malformed::Version(3));
    assert_eq!(with(6, 6), Malformed::Version(6));
    let good = body(&full(Version::V311))[FLAGS];
    for flags in [good | RESERVED_FLAG, good | WILL_QOS, good & !WILL_FLAG, good & !USERNAME_FLAG] {
        assert!(matches!(with(FLAGS, flags), Malformed::Packet(_)), "{flags:x}");
    }
    let more = [body(&plain()), vec![0]].concat();
    assert!(Connect::parse(more).is_err());
    for name in ["a\0b", "\u{0}"] {
        assert!(Connect::parse(body(&Parts { client_id: name.into(), ..plain() })).is_err());
    }
    let mut latin = body(&plain());
    *latin.last_mut().unwrap() = 0xe9;
    assert!(Connect::parse(latin).is_err());
    assert_eq!(version(b"\0\x06MQIsdp\x03"), Err(Malformed::Version(3)));
    assert_eq!(Connect::parse(b"GET / HTTP/1.1\r\n".into()), Err(Malformed::NotConnect));
}

#[test]
fn no_part_of_a_packet_is_a_packet() {
    for version in [Version::V311, Version::V5] {
        let body = body(&full(version));
        for length in 0..body.len() {
            assert!(Connect::parse(body[..length].into()).is_err(), "{length}");
        }
    }
}

#[test]
fn a_user_name_that_mqtt_has_no_room_for_is_refused() {
    let connect = Connect::parse(body(&plain())).unwrap();
    for name in ["a\0b".to_owned(), "x".repeat(65_536)] {
        assert!(connect.with_username(&name).is_err());
    }
}

#[test]
fn lengths_are_written_as_they_are_read() {
    for (length, octets) in [
        (0, &[0][..]),
        (127, &[0x7f]),
        (128, &[0x80, 1]),
        (16_383, &[0xff, 0x7f]),
        (16_384, &[0x80, 0x80, 1]),
        (MAX_LENGTH, &[0xff, 0xff, 0xff, 0x7f]),
    ] {
        assert_eq!(length_octets(length).collect::<Vec<_>>(), octets);
        let mut read = Length::default();
        let values: Vec<_> = octets.iter().map(|octet| read.push(*octet).unwrap()).collect();
        assert_eq!(values.last(), Some(&Some(length)));
        assert!(values[..values.len() - 1].iter().all(Option::is_none));
    }
}

fn parts() -> impl Strategy<Value = Parts> {
    let text = || "[^\u{0}]{0,40}";
    let octets = || prop::collection::vec(any::<u8>(), 0..200);
    (
        prop_oneof![Just(Version::V311), Just(Version::V5)],
        text(),
        prop::option::of((text(), octets())),
        text(),
        prop::option::of(octets()),
    )
        .prop_map(|(version, client_id, will, name, password)| Parts {
            version,
            client_id,
            will,
            username: Some(name),
            password,
        })
}

proptest! {
    #[test]
    fn what_is_put_together_by_the_book_is_read_as_it_was_meant(parts in parts(), name in "[^\u{0}]{0,40}") {
        let connect = Connect::parse(body(&parts)).unwrap();
        prop_assert_eq!(connect.client_id(), &parts.client_id);
        prop_assert_eq!(connect.username(), parts.username.as_deref());
        let renamed = connect.with_username(&name).unwrap();
        let expected = body(&Parts { username: Some(name), ..parts });
        prop_assert_eq!(renamed.body, expected);
    }

    #[test]
    fn nothing_makes_it_panic(octets: Vec<u8>) {
        let _ = Connect::parse(octets);
    }

    #[test]
    fn a_damaged_packet_is_refused_or_says_what_a_broker_would_read(
        parts in parts(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut octets = body(&parts);
        for (at, octet) in damage {
            *at.get_mut(&mut octets[..]) = octet;
        }
        let length = octets.len();
        if let Ok(connect) = Connect::parse(octets.clone()) {
            let packet = connect.into_packet();
            prop_assert_eq!(&packet[packet.len() - length..], &octets[..]);
        }
    }
}
