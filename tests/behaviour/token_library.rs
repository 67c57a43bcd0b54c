//! Programs that were not written here read the keys and check the tokens: `pyjwt`, and OpenSSL.

use std::io::Write as _;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fleetgate::access::token::respond::{Visit, WellKnown};
use fleetgate::access::token::{Audience, CookieAttributes, Settings, Subject, Tokens};
use fleetgate::device::Device;
use fleetgate_tests::python;
use fleetgate_tests::skip;
use http_body_util::BodyExt as _;
use serde_json::Value;
use tokio::runtime::Runtime;

const AUD: &str = "737646a56ab1df6ec9bddc7e5ca84eaf3b0768850f3ffb5d74f1534911fe3893";
const ISSUER: &str = "https://iot.example.com";
/// It has to come out of JSON as it went in.
const NAME: &str = "James \"Royal\" \u{e9}\u{1f512}\\";

/// As an origin would: the key set, the key by the token's id, then signature, issuer, audience and times.
const VERIFY: &str = r#"
import json, sys, jwt
keys, token, audience, issuer = sys.argv[1:]
try:
    key = jwt.PyJWKSet.from_json(keys)[jwt.get_unverified_header(token)["kid"]].key
    options = {"require": ["exp", "iat", "iss", "aud", "sub"]}
    print(json.dumps(jwt.decode(token, key, algorithms=["RS256"], audience=audience, issuer=issuer, options=options)))
except (jwt.PyJWTError, KeyError) as error:
    print(json.dumps(type(error).__name__))
"#;

struct Scene {
    tokens: Tokens,
    audience: Audience,
    runtime: Runtime,
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

impl Scene {
    fn new() -> Self {
        let settings =
            Settings { state_dir: None, key_rotation: Duration::from_hours(1000), cache: 10, signers: 1 };
        let cookie = CookieAttributes::default();
        Self {
            tokens: Tokens::open(settings, now()).unwrap(),
            audience: Audience::new(AUD, ISSUER.parse().unwrap(), Duration::from_hours(1), cookie).unwrap(),
            runtime: tokio::runtime::Builder::new_current_thread().build().unwrap(),
        }
    }

    fn issue(&self, at: u64) -> String {
        let subject = Subject { id: [1; 32], common_name: NAME, until: u64::MAX };
        let token = self.runtime.block_on(self.tokens.issue(&subject, &self.audience, at)).unwrap();
        token.assertion.to_str().unwrap().to_owned()
    }

    /// `/cdn-cgi/access/certs`
    fn keys(&self) -> String {
        let visit = Visit {
            method: &http::Method::GET,
            headers: &http::HeaderMap::new(),
            audiences: &[],
            asks_for_certificates: true,
            device: &Device::Absent,
            source: Ipv4Addr::LOCALHOST.into(),
            country: None,
            now: now(),
        };
        let body = WellKnown::Certs.answer(&self.tokens, &visit).into_body();
        let body = self.runtime.block_on(body.collect()).unwrap().to_bytes();
        String::from_utf8(body.to_vec()).unwrap()
    }
}

/// The claims that `pyjwt` takes from a token, or the name of its error.
fn judge(python: &Path, arguments: [&str; 4]) -> Value {
    let output = python::output(Command::new(python).args(["-c", VERIFY]).args(arguments));
    serde_json::from_str(&output).unwrap()
}

#[test]
fn pyjwt_takes_our_tokens_by_our_key_set_and_refuses_what_is_not_for_it() {
    let Some(python) = python::interpreter() else { return };
    let scene = Scene::new();
    let (at, token) = (now(), scene.issue(now()));
    let (keys, other) = (scene.keys(), Scene::new().keys());
    let claims = judge(&python, [&keys, &token, AUD, ISSUER]);
    assert_eq!((&claims["common_name"], &claims["sub"]), (&NAME.into(), &"".into()));
    assert_eq!(claims["aud"], serde_json::json!([AUD]));
    assert!(claims["iat"].as_u64().unwrap() >= at);
    assert_eq!(claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap(), 3600);

    // The header stays, and the claims are another token's.
    let (header, rest) = token.split_once('.').unwrap();
    let (_, signature) = rest.split_once('.').unwrap();
    let older = scene.issue(at - 1);
    let claims = older.split('.').nth(1).unwrap();
    let mixed = format!("{header}.{claims}.{signature}");
    assert_eq!(judge(&python, [&keys, &mixed, AUD, ISSUER]), "InvalidSignatureError");
    assert_eq!(judge(&python, [&keys, &token, "another", ISSUER]), "InvalidAudienceError");
    assert_eq!(judge(&python, [&keys, &token, AUD, "https://evil.example.com"]), "InvalidIssuerError");
    assert_eq!(judge(&python, [&other, &token, AUD, ISSUER]), "KeyError", "the key is not in that set");
    assert_eq!(judge(&python, [&keys, &scene.issue(at - 3601), AUD, ISSUER]), "ExpiredSignatureError");

    scene.tokens.rotate(now()).unwrap();
    let keys = scene.keys();
    assert_eq!(judge(&python, [&keys, &token, AUD, ISSUER])["common_name"], NAME, "of the key before");
    assert_eq!(
        judge(&python, [&keys, &scene.issue(now()), AUD, ISSUER])["common_name"],
        NAME,
        "of the new key"
    );
}

#[test]
fn openssl_reads_the_certificates_in_the_key_set_and_finds_the_keys_of_the_programs_in_them() {
    if !skip::unless_installed("openssl") {
        return;
    }
    let scene = Scene::new();
    scene.tokens.rotate(now()).unwrap();
    let set: Value = serde_json::from_str(&scene.keys()).unwrap();
    let (keys, certificates) = (set["keys"].as_array().unwrap(), set["public_certs"].as_array().unwrap());
    assert_eq!((keys.len(), certificates.len()), (2, 2));
    for (key, certificate) in keys.iter().zip(certificates) {
        assert_eq!(key["kid"], certificate["kid"]);
        let pem = certificate["cert"].as_str().unwrap();
        let said = openssl(&["x509", "-noout", "-modulus", "-checkend", "0"], pem);
        let modulus = said.lines().find_map(|line| line.strip_prefix("Modulus=")).unwrap().to_lowercase();
        assert_eq!(modulus, hexadecimal(key["n"].as_str().unwrap()));
        assert_eq!(modulus.len(), 512, "2048 bits");
        let folder = tempfile::TempDir::new().unwrap();
        let file = folder.path().join("key.pem");
        std::fs::write(&file, pem).unwrap();
        let file = file.to_str().unwrap();
        openssl(&["verify", "-check_ss_sig", "-CAfile", file, file], "");
    }
}

/// What `openssl` says about something on its standard input.
fn openssl(arguments: &[&str], input: &str) -> String {
    let mut openssl = Command::new("openssl")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    openssl.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = openssl.wait_with_output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn hexadecimal(base64url: &str) -> String {
    use base64::Engine as _;
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(base64url).unwrap();
    bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}
