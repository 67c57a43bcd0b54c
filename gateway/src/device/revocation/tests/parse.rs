//! What is read out of a CRL, and what is refused and how.

use super::support::{
    Ca, DUE, Draft, ECDSA_SHA256, LIMIT, NOW, assemble, crl_number, data, entry, extension, flag, key_id,
    point, reason, serial, shard_point, tlv, utc,
};
use crate::device::revocation::{CrlNumber, Entry, ParseError, ParsedCrl, Reason, Scope, Shard};

fn parse(der: &[u8]) -> Result<ParsedCrl<'_>, ParseError> {
    ParsedCrl::parse(der, LIMIT)
}

fn error(draft: &Draft, ca: &Ca) -> ParseError {
    parse(&draft.signed_by(ca)).expect_err("must be refused")
}

fn number(crl: &ParsedCrl<'_>) -> Option<String> {
    crl.number.as_ref().map(CrlNumber::to_string)
}

#[test]
fn it_reads_what_openssl_writes() {
    for file in [data!("openssl-rsa.crl"), data!("openssl-ecdsa.crl"), data!("openssl-ed25519.crl")] {
        let crl = parse(file).unwrap();
        assert_eq!((crl.this_update, crl.next_update), (NOW, Some(DUE)));
        assert_eq!(number(&crl).as_deref(), Some("4096"));
        assert_eq!(crl.authority_key_id.map(<[u8]>::len), Some(20));
        assert_eq!((crl.scope, crl.shard), (Scope::All, None));
        let mut read: Vec<_> = crl
            .entries()
            .map(|Entry { serial, revoked_at, reason }| {
                (serial.to_string(), revoked_at, reason.map_or("-", Reason::label))
            })
            .collect();
        read.sort();
        let day = |n: u64| 1_735_689_600 + (n - 1) * 86_400;
        let expected = [
            ("01", day(1), "-"),
            ("0123456789ABCDEF0123456789ABCDEF", day(4), "affiliationChanged"),
            ("1000", day(5), "superseded"),
            ("1001", day(6), "cessationOfOperation"),
            ("1002", day(7), "certificateHold"),
            ("1003", day(8), "unspecified"),
            ("1004", day(9), "keyCompromise"),
            ("7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF", day(3), "CACompromise"),
            ("80FF", day(2), "keyCompromise"),
        ];
        assert_eq!(
            read.iter().map(|(serial, at, reason)| (&**serial, *at, *reason)).collect::<Vec<_>>(),
            expected
        );
        assert_eq!(crl.length, expected.len());
    }
}

#[test]
fn it_reads_what_cas_write_without_being_wrong() {
    let ca = Ca::new("CA");
    let draft = || Draft::of(&ca);
    let explicit_false = tlv(0x30, &[&[6, 3, 0x55, 0x1d, 46], &[1, 1, 0], &tlv(4, &[b"x"])]);
    for (name, draft, length) in [
        ("no entries", draft(), 0),
        ("an empty sequence of entries", draft().revoking(&[]), 0),
        ("version 1", Draft { version: vec![], ..draft() }.revoking(&[1, 2]), 2),
        ("no nextUpdate", Draft { next_update: vec![], ..draft() }.revoking(&[1]), 1),
        (
            "an unknown extension that is not critical",
            draft().with(extension(99, false, b"?")).revoking(&[1]),
            1,
        ),
        ("an explicit FALSE", draft().with(explicit_false), 0),
        (
            "a zero, a negative and a padded serial",
            draft().entries(&[entry(&[0], &[]), entry(&[0x80], &[]), entry(&[0, 0, 1], &[])]),
            3,
        ),
        ("an unknown reason", draft().entries(&[entry(&[1], &[&reason(7)])]), 1),
        (
            "an entry with an invalidity date",
            draft().entries(&[entry(
                &[1],
                &[&reason(1), &extension(24, false, &tlv(0x18, &[b"20250101000000Z"]))],
            )]),
            1,
        ),
    ] {
        let der = draft.signed_by(&ca);
        let crl = parse(&der).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!((crl.length, crl.entries().count()), (length, length), "{name}");
    }
    for file in [data!("openssl-v1.crl"), data!("openssl-empty.crl")] {
        assert_eq!(
            parse(file).map(|crl| crl.length),
            Ok(if file == data!("openssl-v1.crl") { 9 } else { 0 })
        );
    }
}

#[test]
fn what_it_cannot_apply_is_refused_by_name() {
    let ca = Ca::new("CA");
    let draft = || Draft::of(&ca);
    let critical = |oid: &str| ParseError::CriticalExtension { oid: oid.to_owned() };
    let in_entry = |extension: Vec<u8>| draft().entries(&[entry(&[5], &[&extension])]);
    for (draft, expected) in [
        (draft().with(extension(99, true, b"?")), critical("2.5.29.99")),
        (draft().with(extension(46, true, b"?")), critical("2.5.29.46")),
        (draft().with(point(&[&flag(4)])), ParseError::Indirect),
        (draft().with(point(&[&flag(5)])), ParseError::AttributeCertificates),
        (draft().with(point(&[&[0x83, 2, 5, 0x40]])), ParseError::SomeReasons),
        (draft().with(point(&[&flag(1), &flag(2)])), ParseError::NoScope),
        (
            draft().with(crl_number(&[1])).with(crl_number(&[1])),
            ParseError::DuplicateExtension { oid: "2.5.29.20".to_owned() },
        ),
        (
            draft().with(extension(99, false, b"a")).with(extension(99, false, b"b")),
            ParseError::DuplicateExtension { oid: "2.5.29.99".to_owned() },
        ),
        (
            (0..17).fold(draft(), |draft, arc| draft.with(extension(100 + arc, false, b"?"))),
            ParseError::TooManyExtensions { most: 16 },
        ),
        (in_entry(extension(29, true, b"?")), ParseError::Indirect),
        (in_entry(extension(29, false, b"?")), ParseError::Indirect),
        (
            in_entry(extension(99, true, b"?")),
            ParseError::CriticalEntryExtension { oid: "2.5.29.99".to_owned(), serial: serial(5) },
        ),
        (in_entry(reason(8)), ParseError::RemoveFromCrl { serial: serial(5) }),
        (
            draft().entries(&[entry(&[5], &[&reason(1), &reason(1)])]),
            ParseError::DuplicateExtension { oid: "2.5.29.21".to_owned() },
        ),
        (Draft { version: vec![], ..in_entry(reason(1)) }, ParseError::ExtensionsInV1),
        (Draft { version: vec![], ..draft() }.with(crl_number(&[1])), ParseError::ExtensionsInV1),
        (Draft { version: vec![2, 1, 0], ..draft() }, ParseError::Version),
        (Draft { version: vec![2, 1, 2], ..draft() }, ParseError::Version),
        (Draft { algorithm: vec![0x30, 5, 6, 3, 0x2b, 0x65, 0x70], ..draft() }, ParseError::AlgorithmsDiffer),
    ] {
        assert_eq!(error(&draft, &ca), expected);
    }
    for (file, expected) in [
        (data!("openssl-indirect.crl"), ParseError::Indirect),
        (data!("openssl-attributes.crl"), ParseError::AttributeCertificates),
        (data!("openssl-some_reasons.crl"), ParseError::SomeReasons),
    ] {
        assert_eq!(parse(file).map(|_| ()), Err(expected));
    }
}

/// S22: an expired delta CRL was accepted (openssl#31297). We apply none, fresh or expired.
#[test]
fn s22_delta_crls_are_refused() {
    let ca = Ca::new("CA");
    for critical in [true, false] {
        let delta = Draft::of(&ca).with(extension(27, critical, &[2, 1, 1])).revoking(&[1]);
        for draft in [delta.clone(), delta.due("240101000000Z").made("230101000000Z")] {
            let error = error(&draft, &ca);
            assert_eq!(error, ParseError::Delta);
            assert!(error.to_string().contains("delta CRL"));
        }
    }
    assert_eq!(parse(data!("openssl-delta.crl")).map(|_| ()), Err(ParseError::Delta));
}

#[test]
fn damage_is_refused_with_its_place() {
    let ca = Ca::new("CA");
    let draft = || Draft::of(&ca);
    let long_serial = entry(&[1; 41], &[]);
    for (draft, place) in [
        (Draft { this_update: vec![], next_update: vec![], ..draft() }, "in thisUpdate"),
        (draft().made("261301000000Z"), "in thisUpdate"),
        (draft().due("260230000000Z"), "in nextUpdate"),
        (draft().due("2602010000Z"), "in nextUpdate"),
        (draft().due("260201000000+0100"), "in nextUpdate"),
        (draft().entries(&[vec![0x30, 0]]), "in an entry"),
        (draft().entries(&[vec![0x02, 1, 1]]), "in an entry"),
        (draft().entries(&[long_serial]), "41 octets"),
        (draft().entries(&[entry(&[], &[])]), "empty"),
        (draft().entries(&[tlv(0x30, &[&[2, 1, 1], &utc("x")])]), "in a revocation date"),
        (draft().with(crl_number(&[0x80])), "in the CRL number"),
        (draft().with(tlv(0x30, &[&[6, 1, 0x55], &tlv(4, &[]), &[5, 0]])), "in an extension"),
        (draft().with(tlv(0x30, &[&[6, 1, 0x55], &[1, 1, 1], &tlv(4, &[])])), "in an extension"),
        (draft().with(vec![0x30, 0x81, 5, 6, 1, 0x55, 4, 0]), "shortest form"),
        (draft().with(vec![0x30, 0x82, 0, 5, 6, 1, 0x55, 4, 0]), "shortest form"),
        (draft().with(vec![0x30, 0x80, 6, 1, 0x55, 4, 0, 0, 0]), "indefinite"),
        (draft().with(crl_number(&[])), "empty"),
        (draft().with(extension(35, false, b"?")), "in the key id"),
        (draft().with(point(&[&flag(2), &flag(1)])), "in the issuing distribution point"),
        (draft().with(point(&[&[0x81, 1, 1]])), "in the issuing distribution point"),
        (Draft { issuer: vec![0x31, 0], ..draft() }, "in the issuer"),
    ] {
        let message = error(&draft, &ca).to_string();
        assert!(message.contains(place), "`{message}` does not say `{place}`");
    }
}

#[test]
fn nothing_may_follow_a_crl() {
    let mut der = data!("openssl-rsa.crl").to_vec();
    der.push(b'\n');
    assert!(parse(&der).unwrap_err().to_string().contains("1 octets follow"));
    let ca = Ca::new("CA");
    let signed = Draft::of(&ca).to_be_signed();
    let extra = tlv(0x30, &[&signed, ECDSA_SHA256, &tlv(3, &[&[0]]), &[5, 0]]);
    assert!(parse(&extra).is_err());
    let unused_bits = tlv(0x30, &[&signed, ECDSA_SHA256, &[3, 2, 1, 0xfe]]);
    assert!(parse(&unused_bits).unwrap_err().to_string().contains("in the signature"));
    assert!(parse(&assemble(&signed, ECDSA_SHA256, &[])).is_ok());
}

#[test]
fn larger_than_the_limit_is_refused_unread() {
    let most = data!("openssl-rsa.crl").len();
    assert!(ParsedCrl::parse(data!("openssl-rsa.crl"), most).is_ok());
    assert_eq!(
        ParsedCrl::parse(data!("openssl-rsa.crl"), most - 1).map(|_| ()),
        Err(ParseError::TooLarge { octets: most, most: most - 1 })
    );
}

#[test]
fn the_issuing_distribution_point_is_kept() {
    let crl = parse(data!("openssl-user_shard.crl")).unwrap();
    assert_eq!(crl.scope, Scope::UserCertificates);
    assert_eq!(Shard::new(crl.shard.unwrap()).to_string(), "http://crl.example.com/shard-7.crl");

    let ca = Ca::new("CA");
    for (fields, scope) in [
        (vec![], Scope::All),
        (vec![flag(1)], Scope::UserCertificates),
        (vec![flag(2)], Scope::CaCertificates),
        (vec![vec![0x81, 1, 0]], Scope::All),
    ] {
        let fields: Vec<_> = fields.iter().map(Vec::as_slice).collect();
        let der = Draft::of(&ca).with(point(&fields)).signed_by(&ca);
        assert_eq!(parse(&der).map(|crl| crl.scope), Ok(scope));
    }
    // Not critical, as some CAs have it: it counts all the same.
    let der = Draft::of(&ca).with(extension(28, false, &tlv(0x30, &[&flag(2)]))).signed_by(&ca);
    assert_eq!(parse(&der).map(|crl| crl.scope), Ok(Scope::CaCertificates));
    // A name that is not a URI, and one with an escape sequence for the terminal.
    for (name, shown) in [(vec![0xa1, 0], "a100"), (tlv(0xa0, &[&tlv(0x86, &[b"\x1b[2J"])]), r"\x1b[2J")] {
        assert_eq!(Shard::new(&name).to_string(), shown);
    }
    let der = Draft::of(&ca).with(shard_point("http://a/1")).signed_by(&ca);
    assert_eq!(Shard::new(parse(&der).unwrap().shard.unwrap()).to_string(), "http://a/1");
}

#[test]
fn times_are_read_as_both_types_write_them() {
    let ca = Ca::new("CA");
    let generalized = |text: &str| tlv(0x18, &[text.as_bytes()]);
    for (time, expected) in [
        (utc("700101000000Z"), Some(0)),
        (utc("491231235959Z"), Some(2_524_607_999)),
        (utc("500101000000Z"), Some(0)),
        (utc("240229120000Z"), Some(1_709_208_000)),
        (utc("250229120000Z"), None),
        (generalized("20000229000000Z"), Some(951_782_400)),
        (generalized("21000229000000Z"), None),
        (generalized("99991231235959Z"), Some(253_402_300_799)),
        (generalized("00000101000000Z"), Some(0)),
        (generalized("20260101000000.5Z"), None),
        (generalized("20260101000060Z"), None),
        (generalized("20260101240000Z"), None),
        (generalized("2026010100000 Z"), None),
        (generalized("20260100000000Z"), None),
        (tlv(0x16, &[b"260101000000Z"]), None),
    ] {
        let der = Draft { this_update: time.clone(), next_update: vec![], ..Draft::of(&ca) }.signed_by(&ca);
        assert_eq!(parse(&der).map(|crl| crl.this_update).ok(), expected, "{time:?}");
    }
}

#[test]
fn crl_numbers_are_compared_as_numbers() {
    let ca = Ca::new("CA");
    let number = |content: &[u8]| {
        let der = Draft::of(&ca).with(crl_number(content)).with(key_id(b"k")).signed_by(&ca);
        parse(&der).unwrap().number.unwrap()
    };
    assert!(number(&[9]) < number(&[1, 0]));
    assert!(number(&[0, 0xff]) < number(&[1, 0]));
    assert_eq!(number(&[0, 9]), number(&[9]));
    assert_eq!(number(&[0x10, 0]).to_string(), "4096");
}
