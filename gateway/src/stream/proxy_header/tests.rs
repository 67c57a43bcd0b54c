//! What a header says, and what it leaves out.

use std::sync::Arc;

use proxy_header::ParseConfig;
use rustls::pki_types::UnixTime;

use super::*;
use crate::device::Refused;
use crate::device::refusal::Refusal;
use crate::device::tests::pki::verify;
use crate::snapshot::Site;

fn device(name: &str) -> Device {
    let site = Site::new().host("iot.example.com").ca("ca.pem", &["iot.example.com"]);
    let compiled = site.compile().unwrap();
    let host = compiled.snapshot.hosts().next().unwrap();
    let now = UnixTime::now().as_secs();
    Device::Verified(Arc::new(verify(&host.trust, &site.ca.device(name), &[], now).unwrap()))
}

fn encode(device: &Device) -> Vec<u8> {
    let ours = CertificateFacts { signature: "ecdsa-with-SHA256".into(), key: "EC256".into() };
    let tls = Tls { version: Some("TLSv1.3"), cipher: None, alpn: Some(b"mqtt".into()), ours: &ours, device };
    let facts = Facts {
        source: ([192, 0, 2, 1], 4000).into(),
        destination: ([198, 51, 100, 1], 8883).into(),
        name: "iot.example.com",
        tls: Some(tls),
    };
    facts.encode("0123456789abcdef")
}

fn certificate(header: &ProxyHeader<'_>) -> Option<Vec<u8>> {
    header.tlvs().find_map(|field| match field {
        Ok(Tlv::Custom(CERTIFICATE, der)) => Some(der.into_owned()),
        _ => None,
    })
}

#[test]
fn a_verified_device_is_told_of() {
    let device = device("device-1");
    let octets = encode(&device);
    let (header, length) = ProxyHeader::parse(&octets, ParseConfig::default()).unwrap();
    assert_eq!(length, octets.len());
    assert_eq!((header.authority(), header.alpn()), (Some("iot.example.com"), Some(&b"mqtt"[..])));
    assert_eq!(header.unique_id(), Some(&b"0123456789abcdef"[..]));
    let ssl = header.ssl().unwrap();
    assert!(ssl.client_ssl() && ssl.client_cert_conn() && ssl.client_cert_sess());
    assert_eq!((ssl.verify(), ssl.cn(), ssl.version()), (0, Some("device-1"), Some("TLSv1.3")));
    assert_eq!((ssl.sig_alg(), ssl.key_alg()), (Some("ecdsa-with-SHA256"), Some("EC256")));
    assert_eq!(certificate(&header).as_deref(), Some(&**device.verified().unwrap().chain[0]));
}

#[test]
fn one_that_did_not_verify_is_nobody() {
    let identity = device("device-1").verified().unwrap().chain[0].clone();
    let refused = Refused { reason: Refusal::UnknownIssuer, identity: None, chain: [identity].into() };
    for device in [Device::Absent, Device::Refused(Arc::new(refused))] {
        let octets = encode(&device);
        let (header, _) = ProxyHeader::parse(&octets, ParseConfig::default()).unwrap();
        let ssl = header.ssl().unwrap();
        assert!(ssl.client_ssl() && !ssl.client_cert_conn() && !ssl.client_cert_sess());
        assert_eq!((ssl.verify(), ssl.cn(), certificate(&header)), (1, None, None));
    }
}

#[test]
fn a_name_without_end_is_left_out() {
    let octets = encode(&device(&"x".repeat(MAX_NAME + 1)));
    let (header, _) = ProxyHeader::parse(&octets, ParseConfig::default()).unwrap();
    assert_eq!(header.ssl().unwrap().cn(), None);
    assert!(certificate(&header).is_some());
}

#[test]
fn addresses_of_two_families_are_written_in_one() {
    let v4: SocketAddr = "192.0.2.1:1".parse().unwrap();
    let v6: SocketAddr = "[2001:db8::1]:2".parse().unwrap();
    let mapped: SocketAddr = "[::ffff:192.0.2.1]:1".parse().unwrap();
    assert_eq!(one_family(v4, mapped), (v4, v4));
    assert_eq!(one_family(v4, v6), (mapped, v6));
    assert_eq!(one_family(v6, v4), (v6, mapped));
}

#[test]
fn suites_have_the_names_that_openssl_gives_them() {
    for (registry, openssl) in [
        ("TLS13_AES_128_GCM_SHA256", "TLS_AES_128_GCM_SHA256"),
        ("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "ECDHE-RSA-AES256-GCM-SHA384"),
        ("TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305"),
    ] {
        assert_eq!(openssl_name(registry), openssl);
    }
}
