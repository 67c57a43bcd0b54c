use std::sync::Arc;
use std::time::Duration;

use http_body_util::BodyExt as _;
use serde_json::Value;

use super::*;
use crate::access::token::{CookieAttributes, Settings};
use crate::device::tests::verified;

const NOW: u64 = 1_700_000_000;

struct Fixture {
    tokens: Tokens,
    audience: Audience,
    device: Device,
    headers: HeaderMap,
}

fn audience(aud: &str, path: Option<&str>) -> Audience {
    let cookie = CookieAttributes { path: path.map(Into::into), ..CookieAttributes::default() };
    Audience::new(aud, "iot.example.com".parse().unwrap(), Duration::from_hours(1), cookie).unwrap()
}

impl Fixture {
    /// A device that has a token in its cookie.
    async fn new() -> Self {
        let settings =
            Settings { state_dir: None, key_rotation: Duration::from_hours(1000), cache: 10, signers: 1 };
        let tokens = Tokens::open(settings, NOW).unwrap();
        let (audience, device) = (audience("aud-1", None), Device::Verified(Arc::new(verified("device-1"))));
        let subject = Subject { until: u64::MAX, ..Subject::of(&device) };
        let token = tokens.issue(&subject, &audience, NOW).await.unwrap();
        let cookie = format!("theme=dark; CF_Authorization={}", token.assertion.to_str().unwrap());
        let headers = HeaderMap::from_iter([(header::COOKIE, cookie.parse().unwrap())]);
        Self { tokens, audience, device, headers }
    }

    fn visit<'a>(&'a self, audiences: &'a [&'a Audience]) -> Visit<'a> {
        Visit {
            method: &Method::GET,
            headers: &self.headers,
            audiences,
            asks_for_certificates: true,
            device: &self.device,
            source: "192.0.2.1".parse().unwrap(),
            country: None,
            now: NOW,
        }
    }

    async fn answer(&self, which: WellKnown, visit: &Visit<'_>) -> (http::response::Parts, String) {
        let (head, body) = which.answer(&self.tokens, visit).into_parts();
        (head, String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap())
    }
}

#[test]
fn only_three_paths_are_ours() {
    assert_eq!(WellKnown::of("/cdn-cgi/access/certs"), Some(WellKnown::Certs));
    assert_eq!(WellKnown::of("/cdn-cgi/access/get-identity"), Some(WellKnown::GetIdentity));
    assert_eq!(WellKnown::of("/cdn-cgi/access/logout"), Some(WellKnown::Logout));
    for path in [
        "/",
        "/cdn-cgi/access/",
        "/cdn-cgi/access/certs/",
        "/cdn-cgi/access/certsx",
        "/x/cdn-cgi/access/certs",
    ] {
        assert_eq!(WellKnown::of(path), None, "{path}");
    }
}

#[tokio::test]
async fn everybody_gets_the_keys() {
    let fixture = Fixture::new().await;
    let visit = Visit { device: &Device::Absent, ..fixture.visit(&[]) };
    let (head, body) = fixture.answer(WellKnown::Certs, &visit).await;
    assert_eq!(
        (head.status, &head.headers["content-type"]),
        (StatusCode::OK, &HeaderValue::from_static("application/json"))
    );
    assert_eq!(head.headers["cache-control"], "public, max-age=300");
    let set: Value = serde_json::from_str(&body).unwrap();
    let key = &set["keys"][0];
    for (name, value) in [("kty", "RSA"), ("alg", "RS256"), ("use", "sig"), ("e", "AQAB")] {
        assert_eq!(key[name], value);
    }
    assert!(key["n"].as_str().unwrap().len() >= 342, "2048 bits");
    assert!(set["public_cert"]["cert"].as_str().unwrap().starts_with("-----BEGIN CERTIFICATE-----"));
    assert!(!body.contains("PRIVATE"));
}

#[tokio::test]
async fn a_device_with_its_token_learns_who_it_is() {
    let fixture = Fixture::new().await;
    let (head, body) = fixture.answer(WellKnown::GetIdentity, &fixture.visit(&[&fixture.audience])).await;
    assert_eq!(
        (head.status, &head.headers["cache-control"]),
        (StatusCode::OK, &HeaderValue::from_static("no-store"))
    );
    let identity: Value = serde_json::from_str(&body).unwrap();
    for key in
        "email idp geo user_uuid devicePosture account_id iat ip auth_status common_name service_token_id \
                service_token_status is_warp is_gateway gateway_account_id device_id version device_sessions"
            .split_whitespace()
    {
        assert!(identity.get(key).is_some(), "{key}");
    }
    assert_eq!(identity["common_name"], "device-1");
    assert_eq!(identity["mtls_auth"]["auth_status"], "SUCCESS");
    assert_eq!(identity["mtls_auth"]["cert_presented"], true);
    assert_eq!(identity["mtls_auth"]["cert_serial"], fixture.device.identity().unwrap().serial);
}

#[tokio::test]
async fn a_token_without_its_device_and_a_device_without_its_token_learn_nothing() {
    let fixture = Fixture::new().await;
    let other = Device::Verified(Arc::new(verified("device-2")));
    let all = [&fixture.audience];
    let (none, forged) = (HeaderMap::new(), HeaderValue::from_static("CF_Authorization=a.b.c"));
    let forged = HeaderMap::from_iter([(header::COOKIE, forged)]);
    let refused = [
        Visit { device: &Device::Absent, ..fixture.visit(&all) },
        Visit { device: &other, ..fixture.visit(&all) },
        Visit { audiences: &[], ..fixture.visit(&all) },
        Visit { now: NOW + 3600, ..fixture.visit(&all) },
        Visit { headers: &none, ..fixture.visit(&all) },
        Visit { headers: &forged, ..fixture.visit(&all) },
    ];
    for (index, visit) in refused.iter().enumerate() {
        let (head, body) = fixture.answer(WellKnown::GetIdentity, visit).await;
        let expected = (StatusCode::UNAUTHORIZED, r#"{"err":"no valid application token"}"#);
        assert_eq!((head.status, body.as_str()), expected, "{index}");
    }
    // Where nobody is asked for a certificate, the token is all there is.
    let visit = Visit { asks_for_certificates: false, device: &Device::Absent, ..fixture.visit(&all) };
    assert_eq!(fixture.answer(WellKnown::GetIdentity, &visit).await.0.status, StatusCode::OK);
}

#[tokio::test]
async fn logging_out_clears_every_cookie_of_the_host_and_forgets_its_tokens() {
    let fixture = Fixture::new().await;
    let (admin, same) = (audience("aud-2", Some("/admin")), audience("aud-3", None));
    let all = [&fixture.audience, &admin, &same];
    let before = fixture.tokens.statistics().entries;
    let (head, page) = fixture.answer(WellKnown::Logout, &fixture.visit(&all)).await;
    let cleared: Vec<_> =
        head.headers.get_all(header::SET_COOKIE).iter().map(|value| value.to_str().unwrap()).collect();
    let expected = |path: &str| {
        format!(
            "CF_Authorization=; Path={path}; Secure; HttpOnly; SameSite=None; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0"
        )
    };
    assert_eq!(cleared, [expected("/"), expected("/admin")]);
    assert!(page.contains("Logged out") && !page.contains("http:") && !page.contains("https:"));
    assert_eq!((before, fixture.tokens.statistics().entries), (1, 0));
}

#[tokio::test]
async fn nothing_is_changed_by_other_methods() {
    let fixture = Fixture::new().await;
    for which in [WellKnown::Certs, WellKnown::GetIdentity, WellKnown::Logout] {
        let (head, _) = fixture.answer(which, &Visit { method: &Method::POST, ..fixture.visit(&[]) }).await;
        assert_eq!(
            (head.status, &head.headers["allow"]),
            (StatusCode::METHOD_NOT_ALLOWED, &HeaderValue::from_static("GET, HEAD"))
        );
    }
    assert_eq!(fixture.tokens.statistics().entries, 1);
}
