use rcgen::{ExtendedKeyUsagePurpose, KeyUsagePurpose};

use super::*;
use crate::pki::profile::PathLength;

fn parse(text: &str) -> Result<SigningConfig, ConfigError> {
    SigningConfig::parse(text.as_bytes())
}

fn now() -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(1_700_000_000).unwrap()
}

fn profile(text: &str, name: &str) -> Result<Profile, ConfigError> {
    parse(text)?.profile(name, now()).map(|(profile, _)| profile)
}

const DOCUMENT: &str = include_str!("../../../../../xtask/src/run/document/ca-config.json");

#[test]
fn the_documents_profiles_are_read() {
    let client = profile(DOCUMENT, "client").unwrap();
    assert_eq!(client.purposes, [ExtendedKeyUsagePurpose::ClientAuth]);
    assert_eq!(client.key_usages, [KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment]);
    assert_eq!(client.validity.not_after - client.validity.not_before, time::Duration::hours(8760));
    assert_eq!(client.ca, None);
}

#[test]
fn a_profile_that_is_not_there_is_told_with_those_that_are() {
    let said = profile(DOCUMENT, "clients").unwrap_err().to_string();
    assert!(said.contains("`clients`") && said.contains("client, server"), "{said}");
    let said = profile(DOCUMENT, "").unwrap_err().to_string();
    assert!(said.contains("signing.default has no usages") && said.contains("client, server"), "{said}");
}

#[test]
fn everything_that_a_profile_can_say_is_read_and_the_rest_is_the_default_profiles() {
    let text = r#"{ "signing": {
        "default": { "expiry": "1h", "crl_url": "http://a/crl", "ocsp_url": "http://a/ocsp", "issuer_urls": ["http://a/ca"] },
        "profiles": {
            "a": { "usages": ["cert sign", "cert sign", "crl sign"], "ca_constraint": { "is_ca": true, "max_path_len_zero": true } },
            "b": { "usages": ["any"], "expiry": "2h", "backdate": "1h", "crl_url": "http://b/crl", "ocsp_no_check": true },
            "c": { "usages": ["any"], "not_before": "2030-01-01T00:00:00Z", "not_after": "2031-01-01T00:00:00Z" }
        } } }"#;
    let a = profile(text, "a").unwrap();
    assert_eq!((a.ca, a.key_usages.len()), (Some(PathLength(Some(0))), 2));
    assert_eq!((a.crl_url.as_deref(), a.issuer_urls.len()), (Some("http://a/crl"), 1));
    let b = profile(text, "b").unwrap();
    assert_eq!(b.validity.not_after.unix_timestamp() - 1_700_000_000 / 60 * 60, 3600);
    assert_eq!((b.crl_url.as_deref(), b.ocsp_no_check), (Some("http://b/crl"), true));
    let c = profile(text, "c").unwrap();
    assert_eq!((c.validity.not_before.year(), c.validity.not_after.year()), (2030, 2031));
}

#[test]
fn errors_name_the_field() {
    let cases = [
        ("{}", "there is no `signing`"),
        ("{", "line 1, column 1: "),
        (r#"{"signing": {"default": {"usages": ["any"], "expiry": "1d"}}}"#, "signing.default.expiry: `1d`"),
        (r#"{"signing": {"default": {"usages": ["any"]}}}"#, "signing.default.expiry is missing"),
        (
            r#"{"signing": {"default": {"usages": ["clientauth"], "expiry": "1h"}}}"#,
            "signing.default.usages: none of",
        ),
        (r#"{"signing": {"default": {"usages": "any"}}}"#, "signing.default.usages: a list is expected"),
        (
            r#"{"signing": {"default": {"usages": ["any"], "expiry": "1h", "not_after": "soon"}}}"#,
            "signing.default.not_after: `soon`",
        ),
        (
            r#"{"signing": {"default": {"usages": ["any"], "expiry": "1h", "name_whitelist": "^a$"}}}"#,
            "signing.default.name_whitelist is not supported",
        ),
        (
            r#"{"signing": {"default": {"usages": ["any"], "expiry": "1h", "not_after": "2020-01-01T00:00:00Z"}}}"#,
            "signing.default: its certificates would end (2020-01-01",
        ),
        (r#"{"signing": {"profiles": {"a": 7}}}"#, "signing.profiles.a: an object is expected"),
    ];
    for (text, expected) in cases {
        let said = profile(text, "").unwrap_err().to_string();
        assert!(said.starts_with(expected), "{text}: {said}");
    }
}

#[test]
fn a_usage_that_is_none_is_told() {
    let config = parse(
        r#"{"signing": {"default": {"usages": ["any", "clientauth"], "expiry": "1h", "expirey": "2h"}}}"#,
    );
    let config = config.unwrap();
    let (_, warnings) = config.profile("", now()).unwrap();
    let said = warnings.join("\n");
    assert!(said.contains("usages[1]: `clientauth`") && said.contains("expirey"), "{said}");
}

#[test]
fn half_a_ca_is_told() {
    for (profile, told) in [
        (r#""usages": ["cert sign"]"#, Some("signing.default.usages: `cert sign` is for CAs")),
        (
            r#""usages": ["crl sign"], "ca_constraint": { "is_ca": true }"#,
            Some("signing.default.usages: a CA without `cert sign`"),
        ),
        (r#""usages": ["cert sign"], "ca_constraint": { "is_ca": true }"#, None),
        (r#""usages": ["signing", "client auth"]"#, None),
    ] {
        let config =
            parse(&format!(r#"{{"signing": {{"default": {{ {profile}, "expiry": "1h" }} }} }}"#)).unwrap();
        let (_, warnings) = config.profile("", now()).unwrap();
        match told {
            None => assert_eq!(warnings, [] as [String; 0], "{profile}"),
            Some(told) => {
                assert!(warnings.iter().any(|warning| warning.starts_with(told)), "{profile}: {warnings:?}");
            }
        }
    }
}

#[test]
fn without_a_file_it_is_cfssls_own_profile() {
    let config = SigningConfig::usual();
    let (profile, _) = config.profile("", now()).unwrap();
    assert_eq!(profile.purposes.len(), 2);
    assert_eq!(profile.validity.not_after - profile.validity.not_before, time::Duration::days(365));
}
