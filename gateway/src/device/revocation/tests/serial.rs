//! Serial numbers and ids of issuers.

use rcgen::KeyPair;

use super::support::{Ca, tlv};
use crate::device::revocation::{IssuerId, Serial, SerialError};

fn serial(content: &[u8]) -> Serial {
    Serial::new(content).unwrap()
}

#[test]
fn leading_zeros_do_not_count_and_signs_do() {
    assert_eq!(serial(&[0, 0, 5]), serial(&[5]));
    assert_eq!(serial(&[0, 0x80]), serial(&[0, 0, 0x80]));
    assert_ne!(serial(&[0, 0x80]), serial(&[0x80]), "128 is not -128");
    assert_eq!(serial(&[0xff, 0x80]), serial(&[0x80]));
    assert_ne!(serial(&[0xff]), serial(&[0, 0xff]), "-1 is not 255");
    assert_eq!(serial(&[0]), serial(&[0, 0]));
}

#[test]
fn it_reads_and_shows_what_openssl_and_cfssl_print() {
    for (content, hex, decimal) in [
        (&[0][..], "00", Some("0")),
        (&[0x0a, 0x1b], "0A1B", Some("2587")),
        (&[0, 0x80], "80", Some("128")),
        (&[0x80], "-80", None),
        (&[0xff], "-01", None),
        (&[0xff, 0x00], "-0100", None),
    ] {
        let serial = serial(content);
        assert_eq!((&*serial.to_string(), serial.decimal().as_deref()), (hex, decimal));
        if let Some(decimal) = decimal {
            assert_eq!(Serial::from_decimal(decimal), Ok(serial));
            assert_eq!(hex.parse(), Ok(serial));
        }
    }
    for text in ["0a:1b", "0x0A1B", "serial=0A1B", "A1B", "000A1B"] {
        assert_eq!(text.parse(), Ok(serial(&[0x0a, 0x1b])), "{text}");
    }
}

#[test]
fn what_is_no_serial_number_is_refused_by_name() {
    assert_eq!(Serial::new(&[]), Err(SerialError::Empty));
    assert_eq!(Serial::new(&[1; 41]), Err(SerialError::TooLong { octets: 41 }));
    assert!(Serial::new(&[1; 40]).is_ok());
    assert!(Serial::new(&[&[0; 50][..], &[1; 40]].concat()).is_ok(), "leading zeros do not make it long");
    assert!(matches!("0xyz".parse::<Serial>(), Err(SerialError::NotANumber { .. })));
    assert_eq!("".parse::<Serial>(), Err(SerialError::Empty));
    for text in ["", "12a", "-5", &"9".repeat(1_000_000)] {
        assert!(matches!(Serial::from_decimal(text), Err(SerialError::NotANumber { .. })));
    }
    assert!(matches!(Serial::from_decimal(&"9".repeat(100)), Err(SerialError::TooLong { octets: 42 })));
}

#[test]
fn an_issuer_is_its_name_and_its_key() {
    let key = KeyPair::generate().unwrap();
    let renewed = KeyPair::from_pem(&key.serialize_pem()).unwrap();
    let ca = Ca::with_key("CA", key);
    assert_eq!(
        ca.issuer.id,
        Ca::with_key("CA", renewed).issuer.id,
        "renewing its certificate does not change a CA"
    );
    assert_ne!(ca.issuer.id, Ca::new("CA").issuer.id, "one name, two keys");
    let name = |tag, text: &[u8]| {
        tlv(0x30, &[&tlv(0x31, &[&tlv(0x30, &[&[6, 3, 0x55, 4, 3], &tlv(tag, &[text])])])])
    };
    let id = |tag, text: &[u8]| IssuerId::new(&name(tag, text), b"key");
    assert_eq!(id(0x0c, b"CA"), id(0x13, b"CA"), "PrintableString is UTF8String");
    assert_ne!(id(0x0c, b"CA"), id(0x1e, b"CA"), "BMPString is not");
    assert_ne!(id(0x0c, b"CA"), id(0x0c, b"ca"));
    assert_ne!(IssuerId::new(b"ab", b"c"), IssuerId::new(b"a", b"bc"), "the border counts");
    assert_eq!(ca.issuer.id.to_string().parse(), Ok(ca.issuer.id));
}
