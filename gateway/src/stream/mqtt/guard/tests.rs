//! Who may be called what.

use std::sync::Arc;

use rcgen::SanType;

use super::*;
use crate::config::CertificateField as Field;
use crate::device::refusal::now;
use crate::device::tests::pki::{device_params, verify};
use crate::snapshot::Site;
use crate::stream::mqtt::connect::Version;

fn device(names: &[SanType]) -> Device {
    let site = Site::new().host("iot.example.com").ca("ca.pem", &["iot.example.com"]);
    let compiled = site.compile().unwrap();
    let host = compiled.snapshot.hosts().next().unwrap();
    let mut params = device_params("device-1");
    params.subject_alt_names = names.to_vec();
    Device::Verified(Arc::new(verify(&host.trust, &site.ca.issue(&params), &[], now()).unwrap()))
}

/// A CONNECT of version 5 with this client identifier and, unless it is empty, this user name.
fn connect(client_id: &str, username: &str) -> Connect {
    let field = |text: &str| [&u16::try_from(text.len()).unwrap().to_be_bytes(), text.as_bytes()].concat();
    let flags = if username.is_empty() { 0x02 } else { 0x82 };
    let mut body = [&b"\0\x04MQTT\x05"[..], &[flags, 0, 60, 0]].concat();
    body.extend(field(client_id));
    if !username.is_empty() {
        body.extend(field(username));
    }
    Connect::parse(body).unwrap()
}

fn settings(client_id: Option<Field>, username: MqttUsername) -> Mqtt {
    Mqtt { client_id, username, ..Mqtt::default() }
}

#[test]
fn a_client_is_who_its_certificate_says() {
    let dns = |name: &str| SanType::DnsName(name.to_owned().try_into().unwrap());
    let uri = |name: &str| SanType::URI(name.to_owned().try_into().unwrap());
    let device = device(&[dns("a.example.com"), dns("b.example.com"), uri("urn:device:1")]);
    let identity = &device.verified().unwrap().identity;
    let (fingerprint, serial) = (identity.fingerprint.hex(), identity.serial.to_ascii_lowercase());
    let cases = [
        (
            Field::CommonName,
            &["device-1"][..],
            &["device-2", "DEVICE-1", "device-1 ", "", "a.example.com"][..],
        ),
        (Field::Dns, &["a.example.com", "b.example.com"], &["device-1", "c.example.com", "urn:device:1", ""]),
        (Field::Uri, &["urn:device:1"], &["a.example.com", "urn:device:2"]),
        (Field::Email, &[], &["a.example.com", ""]),
        (Field::Fingerprint, &[&fingerprint, &fingerprint.to_uppercase()], &["", &fingerprint[1..]]),
        (Field::Serial, &[&serial, &identity.serial], &["0", ""]),
    ];
    for (field, good, bad) in cases {
        for (text, holds) in good.iter().map(|text| (text, true)).chain(bad.iter().map(|text| (text, false)))
        {
            let as_client = check(connect(text, ""), &settings(Some(field), MqttUsername::Any), &device);
            let as_user = check(connect("x", text), &settings(None, MqttUsername::Equals(field)), &device);
            let refused = |refusal| Err(Refused { refusal, version: Some(Version::V5) });
            let expected = if holds { Ok(connect(text, "")) } else { refused(Refusal::ClientId) };
            assert_eq!(as_client, expected, "{field:?} {text}");
            let expected = if holds { Ok(connect("x", text)) } else { refused(Refusal::Username) };
            assert_eq!(as_user, expected, "{field:?} {text}");
        }
    }
}

#[test]
fn a_user_name_is_set_where_the_certificate_has_exactly_one() {
    let dns = |name: &str| SanType::DnsName(name.to_owned().try_into().unwrap());
    let set = |field, device: &Device| {
        check(connect("x", "somebody"), &settings(None, MqttUsername::Set(field)), device)
    };
    assert_eq!(set(Field::CommonName, &device(&[])), Ok(connect("x", "device-1")));
    assert_eq!(set(Field::Dns, &device(&[dns("a.example.com")])), Ok(connect("x", "a.example.com")));
    for device in [device(&[]), device(&[dns("a.example.com"), dns("b.example.com")])] {
        assert_eq!(set(Field::Dns, &device).unwrap_err().refusal, Refusal::Certificate);
    }
}

#[test]
fn without_a_certificate_that_verified_nobody_is_anybody() {
    let field = Field::CommonName;
    for settings in [
        settings(Some(field), MqttUsername::Any),
        settings(None, MqttUsername::Equals(field)),
        settings(None, MqttUsername::Set(field)),
    ] {
        let refused = check(connect("device-1", "device-1"), &settings, &Device::Absent).unwrap_err();
        assert_eq!(refused.refusal, Refusal::Certificate);
    }
    let nothing_asked = settings(None, MqttUsername::Any);
    assert!(check(connect("device-1", ""), &nothing_asked, &Device::Absent).is_ok());
}
