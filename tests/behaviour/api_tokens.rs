//! The API hears whoever has a token, for what the token is for, and nobody else; not often either.

use fleetgate_tests::gateway::Gateway;
use fleetgate_tests::site::Site;
use fleetgate_tests::wait;
use serde_json::json;

const TOKENS: &str = "/fleetgate/v1/api-tokens";

fn mode(path: &std::path::Path) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn the_first_token_is_a_private_file_and_each_header_takes_it() {
    let site = Site::new();
    let gateway = Gateway::start(site.setup().api());
    assert_eq!(mode(&gateway.folder().join("api-token")), 0o600);
    let (token, certificates) = (gateway.api_token(), gateway.account("access/certificates"));
    for header in [
        format!("Authorization: Bearer {token}"),
        format!("X-Auth-Email: somebody@example.com\r\nX-Auth-Key: {token}"),
        format!("X-Auth-User-Service-Key: {token}"),
    ] {
        assert_eq!(gateway.api_with(&[&header], "GET", &certificates, None).status(), 200, "{header}");
    }
    for header in ["X-Nothing: 1", "Authorization: Bearer wrong", "X-Auth-Key: wrong"] {
        let answer = gateway.api_with(&[header], "GET", &certificates, None);
        assert_eq!((answer.status(), &answer.json()["errors"][0]["code"]), (403, &json!(10000)), "{header}");
    }
    let kept = std::fs::read(gateway.folder().join("store.redb")).unwrap();
    let has = |text: &str| kept.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(has("all:edit") && !has(&token), "its hash is kept, and not the token");
}

#[test]
fn a_token_is_for_its_scopes_until_it_is_revoked_or_over() {
    let site = Site::new();
    let gateway = Gateway::start(site.setup().api());
    let issue = |body: serde_json::Value| {
        let answer = gateway.api("POST", TOKENS, Some(&body));
        assert_eq!(answer.status(), 200, "{}", answer.text());
        answer.json()
    };
    let issued = issue(json!({ "name": "reader", "scopes": ["certificates:read"] }));
    let header = format!("Authorization: Bearer {}", issued["token"].as_str().unwrap());
    let status = |method: &str, path: &str| gateway.api_with(&[&header], method, path, None).status();
    let (certificates, applications) = (gateway.zone("access/certificates"), gateway.zone("access/apps"));
    assert_eq!(status("GET", &certificates), 200);
    assert_eq!(status("GET", "/client/v4/user/tokens/verify"), 200);
    for (method, path) in [
        ("POST", &*certificates),
        ("GET", &*applications),
        ("GET", "/fleetgate/v1/status"),
        ("GET", "/fleetgate/v1/resources"),
        ("GET", "/fleetgate/v1/state"),
        ("GET", TOKENS),
        ("POST", TOKENS),
    ] {
        assert_eq!(status(method, path), 403, "{method} {path}");
    }
    let over = issue(json!({ "name": "over", "expires_at": 1_000_000 }));
    let over = format!("Authorization: Bearer {}", over["token"].as_str().unwrap());
    assert_eq!(gateway.api_with(&[&over], "GET", &certificates, None).status(), 403);
    let id = issued["id"].as_str().unwrap();
    let listed = gateway.api("GET", TOKENS, None).text();
    assert!(listed.contains(id) && !listed.contains("sha256"), "{listed}");
    assert_eq!(gateway.api("DELETE", &format!("{TOKENS}/{id}"), None).status(), 200);
    assert_eq!(status("GET", &certificates), 403, "it was revoked");
    assert_eq!(gateway.api("DELETE", &format!("{TOKENS}/{id}"), None).status(), 404);
    let wrong = gateway.api("POST", TOKENS, Some(&json!({ "name": "x", "scopes": ["certificates:write"] })));
    assert_eq!(wrong.status(), 400);
}

#[test]
fn whoever_guesses_is_not_even_refused_after_a_while() {
    let site = Site::new();
    let gateway = Gateway::start(site.setup().api().admin("failures = \"1/s burst 3\""));
    let certificates = gateway.account("access/certificates");
    let guess = || gateway.api_with(&["Authorization: Bearer guess"], "GET", &certificates, None);
    let last = wait::until("a 429", || Some(guess()).filter(|answer| answer.status() == 429));
    assert_eq!(last.header("retry-after"), Some("1"));
    assert_eq!(
        gateway.api("GET", &certificates, None).status(),
        200,
        "who has a token is heard all the same"
    );
}

#[test]
fn requests_and_bodies_are_bounded() {
    let site = Site::new();
    let gateway = Gateway::start(
        site.setup().api().admin("rate = \"1/s burst 2\"\nmax_body = 2048\nmax_connections = 1"),
    );
    let path = gateway.account("access/groups");
    let large = json!({ "name": "x".repeat(4096), "include": [{ "everyone": {} }] });
    assert_eq!(gateway.api("POST", &path, Some(&large)).status(), 413);
    wait::until("a 429", || Some(gateway.api("GET", &path, None)).filter(|answer| answer.status() == 429));
    assert_eq!(
        gateway.admin("GET", &path, None).status(),
        200,
        "the socket has no tokens, and no such bound"
    );
}

#[test]
fn tokens_do_not_travel_in_the_clear_beyond_loopback() {
    let site = Site::new();
    let setup = site.setup().table("server", "state_dir = \".\"").admin("listen = \"0.0.0.0:9443\"");
    let refusal = Gateway::try_start(setup).err().unwrap();
    assert!(refusal.stderr.contains("must not travel in the clear"), "{}", refusal.stderr);
    let refusal = Gateway::try_start(site.setup().admin("listen = \"127.0.0.1:9443\"")).err().unwrap();
    assert!(refusal.stderr.contains("needs `server.state_dir`"), "{}", refusal.stderr);
}
