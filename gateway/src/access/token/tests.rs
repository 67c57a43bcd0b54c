use std::os::unix::fs::PermissionsExt as _;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;

mod confusion;
mod herd;
mod keeping;

const NOW: u64 = 1_700_000_000;
const HOUR: u64 = 3600;
const AUD: &str = "aud-1";

fn settings(folder: Option<&TempDir>) -> Settings {
    Settings {
        state_dir: folder.map(|folder| folder.path().to_owned()),
        key_rotation: Duration::from_hours(24 * 42),
        cache: 1000,
        signers: 2,
    }
}

/// Tokens whose keys are kept nowhere. They are the same for all tests: making a key takes long.
pub(crate) fn in_memory() -> Arc<Tokens> {
    static TOKENS: std::sync::LazyLock<Arc<Tokens>> = std::sync::LazyLock::new(|| Arc::new(tokens()));
    Arc::clone(&TOKENS)
}

fn tokens() -> Tokens {
    Tokens::open(settings(None), NOW).unwrap()
}

fn audience_for(aud: &str, session: u64) -> Audience {
    let issuer = "iot.example.com".parse().unwrap();
    Audience::new(aud, issuer, Duration::from_secs(session), CookieAttributes::default()).unwrap()
}

fn audience() -> Audience {
    audience_for(AUD, HOUR)
}

fn device(number: u8) -> Subject<'static> {
    Subject { id: [number; 32], common_name: "James Royal", until: u64::MAX }
}

async fn issued(tokens: &Tokens, audience: &Audience, now: u64) -> String {
    text(&tokens.issue(&device(1), audience, now).await.unwrap())
}

fn text(token: &Token) -> String {
    token.assertion.to_str().unwrap().to_owned()
}

/// One of the three parts of a token, as JSON.
fn part(token: &str, index: usize) -> Value {
    let part = token.split('.').nth(index).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

fn kid(token: &str) -> String {
    part(token, 0)["kid"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_token_says_what_is_documented_and_nothing_else() {
    let tokens = tokens();
    let token = issued(&tokens, &audience(), NOW).await;
    let kid = tokens.keys(NOW).keys[0].kid.clone();
    assert_eq!((kid.len(), kid.bytes().all(|byte| byte.is_ascii_hexdigit())), (64, true));
    assert_eq!(part(&token, 0), json!({ "alg": "RS256", "kid": kid, "typ": "JWT" }));
    let expected = json!({
        "type": "app", "aud": ["aud-1"], "iss": "https://iot.example.com", "common_name": "James Royal",
        "iat": NOW, "exp": NOW + HOUR, "sub": "",
    });
    assert_eq!(part(&token, 1), expected);
    let holder = tokens.verify(&token, &[&audience()], NOW).unwrap();
    let expected =
        Holder { common_name: "James Royal".into(), aud: AUD.into(), issued: NOW, expires: NOW + HOUR };
    assert_eq!(holder, expected);
}

#[tokio::test]
async fn a_token_lives_no_longer_than_its_certificate_and_sessions_have_bounds() {
    let tokens = tokens();
    let subject = Subject { until: NOW + 90, ..device(1) };
    let token = tokens.issue(&subject, &audience(), NOW).await.unwrap();
    assert_eq!((token.issued, token.expires), (NOW, NOW + 90));
    for (session, expected) in [(0, 60), (61, 61), (u64::MAX, 31 * 24 * HOUR)] {
        let token = tokens.issue(&device(2), &audience_for("x", session), NOW).await.unwrap();
        assert_eq!(token.expires - token.issued, expected);
    }
}

#[tokio::test]
async fn a_token_is_used_again_until_half_of_its_life_is_over() {
    let (tokens, audience) = (tokens(), audience());
    let first = issued(&tokens, &audience, NOW).await;
    assert_eq!(issued(&tokens, &audience, NOW + HOUR / 2 - 1).await, first);
    let second = issued(&tokens, &audience, NOW + HOUR / 2).await;
    assert_ne!(second, first);
    assert_eq!(tokens.statistics().issued, 2);
    // A month's session is renewed daily: keys are honoured for a week.
    let month = audience_for("month", u64::MAX);
    let first = issued(&tokens, &month, NOW).await;
    assert_eq!(issued(&tokens, &month, NOW + 24 * HOUR - 1).await, first);
    assert_ne!(issued(&tokens, &month, NOW + 24 * HOUR).await, first);
}

#[tokio::test]
async fn devices_applications_and_settings_have_tokens_of_their_own() {
    let tokens = tokens();
    let first = text(&tokens.issue(&device(1), &audience(), NOW).await.unwrap());
    tokens.issue(&device(2), &audience(), NOW).await.unwrap();
    tokens.issue(&device(1), &audience_for("other", HOUR), NOW).await.unwrap();
    // Another session for the same application: what is in the cache was made for the old one.
    let longer = text(&tokens.issue(&device(1), &audience_for(AUD, 2 * HOUR), NOW).await.unwrap());
    assert_eq!(part(&longer, 1)["exp"], NOW + 2 * HOUR);
    assert_eq!(tokens.statistics().issued, 4);
    assert_eq!(text(&tokens.issue(&device(1), &audience(), NOW).await.unwrap()), first);
    assert_eq!(tokens.statistics().issued, 4);
}

#[tokio::test]
async fn the_cache_is_bounded_and_says_when_it_is_full() {
    let tokens = Tokens::open(Settings { cache: 8, ..settings(None) }, NOW).unwrap();
    for number in 0..32 {
        tokens.issue(&device(number), &audience(), NOW).await.unwrap();
    }
    let statistics = tokens.statistics();
    assert!((1..=8).contains(&statistics.entries), "{statistics:?}");
    assert_eq!(statistics.evictions, 32 - statistics.entries);
    assert_eq!(statistics.capacity, 8);
    tokens.configure(Duration::from_hours(24 * 42), 2);
    let statistics = tokens.statistics();
    assert!(statistics.entries <= 2 && statistics.capacity == 2, "{statistics:?}");
}

#[tokio::test]
async fn the_headers_are_ready_and_neither_they_nor_the_room_print_a_token_or_a_key() {
    let tokens = tokens();
    let token = tokens.issue(&device(1), &audience(), NOW).await.unwrap();
    let (assertion, cookie) = (text(&token), token.set_cookie.to_str().unwrap());
    assert!(cookie.starts_with(&format!(
        "CF_Authorization={assertion}; Path=/; Secure; HttpOnly; SameSite=None; Expires="
    )));
    let signature = assertion.rsplit('.').next().unwrap();
    let printed = format!("{token:?} {tokens:?} {:?}", tokens.keys.load());
    assert!(!printed.contains(signature) && !printed.contains("PRIVATE"), "{printed}");
    let mut headers = HeaderMap::new();
    assert!(!token.is_presented(&headers));
    headers.insert("cookie", format!("a=b; CF_Authorization={assertion}").parse().unwrap());
    assert!(token.is_presented(&headers));
    assert_eq!(tokens.holder(&headers, &[&audience()], NOW).unwrap().common_name, "James Royal");
    assert_eq!(tokens.holder(&headers, &[&audience_for("other", HOUR)], NOW), None);
}

#[test]
fn an_aud_tag_and_a_cookie_path_are_looked_at() {
    let new = |aud: &str, path: Option<&str>| {
        let cookie = CookieAttributes { path: path.map(Into::into), ..CookieAttributes::default() };
        Audience::new(aud, "a.example".parse().unwrap(), Duration::from_mins(1), cookie).err()
    };
    assert_eq!(new("a-b_c.1", Some("/x")), None);
    for aud in ["", "a b", "ü", "a/b", &"a".repeat(129)] {
        assert_eq!(new(aud, None), Some(AudienceError::Aud), "{aud}");
    }
    assert_eq!(new("a", Some("/x; Domain=example.com")), Some(AudienceError::Path));
}
