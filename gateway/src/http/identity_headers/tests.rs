//! Each switch, with a device of the product document.

use std::sync::Arc;

use rcgen::SanType;

use super::*;
use crate::device::Refused;
use crate::device::refusal::Refusal;
use crate::device::refusal::now;
use crate::device::tests::pki::{Ca, device_params, trust, verify};
use crate::device::tests::verified;
use crate::model::forwarding::Transform;

fn james() -> Device {
    Device::Verified(Arc::new(verified("James Royal")))
}

fn refused(reason: Refusal) -> Device {
    Device::Refused(Arc::new(Refused { reason, identity: None, chain: Box::default() }))
}

fn texts(headers: &[Header]) -> Vec<(&str, &str)> {
    headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect()
}

fn get<'a>(headers: &'a [Header], name: &str) -> &'a str {
    let found = headers.iter().find(|(other, _)| other.as_str() == name);
    found.unwrap_or_else(|| panic!("no {name} in {headers:?}")).1.to_str().unwrap()
}

fn only(change: impl FnOnce(&mut Forwarding)) -> Forwarding {
    let mut rules = Forwarding { rfc9440: false, ..Forwarding::default() };
    change(&mut rules);
    rules
}

#[test]
fn cloudflares_two_headers_come_with_every_request_or_with_the_first() {
    let device = james();
    let identity = device.identity().unwrap();
    let expected = [
        ("cf-client-cert-der-base64", identity.der_base64.to_str().unwrap()),
        ("cf-client-cert-sha256", identity.sha256.to_str().unwrap()),
    ];
    let headers = IdentityHeaders::new(&only(|rules| rules.cloudflare = Requests::All), &device);
    assert_eq!(texts(&headers.request), expected);
    assert!(headers.first_request.is_empty() && headers.response.is_empty());
    let headers = IdentityHeaders::new(&only(|rules| rules.cloudflare = Requests::First), &device);
    assert_eq!(texts(&headers.first_request), expected);
    assert!(headers.request.is_empty());
}

#[test]
fn rfc_9440_has_the_certificate_and_the_path_between_it_and_the_anchor() {
    let root = Ca::root("Root");
    let issuing = root.intermediate("Issuing");
    let leaf = issuing.device("device-1");
    let verified = verify(&trust([&root.bundle()]), &leaf, &[&issuing], now()).unwrap();
    let device = Device::Verified(Arc::new(verified));
    let headers = IdentityHeaders::new(&Forwarding::default(), &device);
    let colons = |der: &[u8]| {
        use base64::Engine as _;
        format!(":{}:", base64::engine::general_purpose::STANDARD.encode(der))
    };
    assert_eq!(get(&headers.request, "client-cert"), colons(&leaf.der));
    assert_eq!(get(&headers.request, "client-cert-chain"), colons(&issuing.der()));
    let headers = IdentityHeaders::new(&Forwarding::default(), &james());
    assert_eq!(headers.request.len(), 1, "directly below the anchor there is no chain to tell of");
}

#[test]
fn xfcc_is_as_envoy_writes_it() {
    let ca = Ca::root("Root");
    let mut params = device_params("a \"quoted\", name");
    params.subject_alt_names = vec![
        SanType::DnsName("device-1.example.com".try_into().unwrap()),
        SanType::URI("spiffe://fleet/device-1;a=b".try_into().unwrap()),
        SanType::Rfc822Name("device@example.com".try_into().unwrap()),
    ];
    let leaf = ca.issue(&params);
    let verified = verify(&trust([&ca.bundle()]), &leaf, &[], now()).unwrap();
    let headers =
        IdentityHeaders::new(&only(|rules| rules.xfcc = true), &Device::Verified(Arc::new(verified)));
    let expected = format!(
        r#"Hash={};Subject="CN=a \\\"quoted\\\"\\, name";DNS=device-1.example.com;URI="spiffe://fleet/device-1;a=b""#,
        leaf.fingerprint().hex()
    );
    assert_eq!(get(&headers.request, "x-forwarded-client-cert"), expected);
}

#[test]
fn the_managed_transform_goes_where_it_is_wanted() {
    let device = james();
    for (transform, on_request, on_response) in [
        (Transform::Off, false, false),
        (Transform::Request, true, false),
        (Transform::Response, false, true),
        (Transform::Both, true, true),
    ] {
        let headers = IdentityHeaders::new(&only(|rules| rules.managed_transform = transform), &device);
        assert_eq!((!headers.request.is_empty(), !headers.response.is_empty()), (on_request, on_response));
    }
}

#[test]
fn the_managed_transform_says_what_is_documented() {
    let device = james();
    let identity = device.identity().unwrap();
    let headers =
        IdentityHeaders::new(&only(|rules| rules.managed_transform = Transform::Request), &device).request;
    for name in ["cf-cert-presented", "cf-cert-verified"] {
        assert_eq!(get(&headers, name), "true");
    }
    assert_eq!(get(&headers, "cf-cert-revoked"), "false");
    assert_eq!(get(&headers, "cf-cert-subject-dn"), "CN=James Royal");
    assert_eq!(get(&headers, "cf-cert-subject-dn-legacy"), "/CN=James Royal");
    assert_eq!(get(&headers, "cf-cert-serial"), identity.serial);
    assert_eq!(get(&headers, "cf-cert-fingerprint-sha256"), identity.fingerprint.hex());
    let is_date = |text: &str| text.len() == "Mar 21 13:35:00 2022 GMT".len() && text.ends_with(" GMT");
    assert!(is_date(get(&headers, "cf-cert-not-before")) && is_date(get(&headers, "cf-cert-not-after")));
}

#[test]
fn of_a_certificate_that_did_not_verify_only_that_is_told() {
    let rules = only(|rules| {
        rules.cloudflare = Requests::All;
        rules.rfc9440 = true;
        rules.xfcc = true;
        rules.managed_transform = Transform::Request;
    });
    let told = |presented, revoked| {
        vec![("cf-cert-presented", presented), ("cf-cert-verified", "false"), ("cf-cert-revoked", revoked)]
    };
    let cases = [
        (Device::Absent, told("false", "false")),
        (refused(Refusal::Expired), told("true", "false")),
        (refused(Refusal::Revoked), told("true", "true")),
    ];
    for (device, expected) in cases {
        assert_eq!(texts(&IdentityHeaders::new(&rules, &device).request), expected);
    }
}

#[test]
fn a_template_is_filled_and_is_there_without_a_certificate_too() {
    let own = |text: &str| [(HeaderName::from_static("x-own"), text.parse().unwrap())];
    let filled = |text: &str, device: &Device| {
        let rules = only(|rules| rules.headers = own(text).into());
        get(&IdentityHeaders::new(&rules, device).request, "x-own").to_owned()
    };
    assert_eq!(filled("{cert.common_name} {cert.verified}", &james()), "James Royal SUCCESS");
    assert_eq!(filled("{cert.verified}", &Device::Absent), "NONE");
    assert_eq!(filled("{cert.verified}", &refused(Refusal::Expired)), "FAILED:certificate has expired");
    assert_eq!(filled("{cert.subject_dn}", &Device::Absent), "");
    assert_eq!(filled("plain", &Device::Absent), "plain");
}

#[test]
fn what_is_not_visible_ascii_is_escaped() {
    assert_eq!(header("a€".into()).unwrap(), "a\\u00e2\\u0082\\u00ac");
    assert_eq!(header("plain".into()).unwrap(), "plain");
    assert_eq!(header("a\r\nb".into()).unwrap(), "a\\u000d\\u000ab");
}
