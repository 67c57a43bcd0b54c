//! Rotation, revocation, and what outlives the process.

use super::*;

const WEEK: u64 = 7 * 24 * HOUR;

fn file(folder: &TempDir, name: &str) -> PathBuf {
    folder.path().join(name)
}

fn reopened(folder: &TempDir, now: u64) -> Tokens {
    Tokens::open(settings(Some(folder)), now).unwrap()
}

fn kids(tokens: &Tokens, now: u64) -> Vec<String> {
    let set: Value = serde_json::from_slice(&tokens.keys.load().jwks(now)).unwrap();
    let kids = |list: &str| -> Vec<String> {
        set[list].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(kids("keys"), kids("public_certs"));
    assert_eq!(set["public_cert"], set["public_certs"][0]);
    kids("keys")
}

#[tokio::test]
async fn tokens_of_the_key_before_count_for_a_week_and_no_longer() {
    let (tokens, audience) = (tokens(), audience_for(AUD, u64::MAX));
    let first = issued(&tokens, &audience, NOW).await;
    tokens.rotate(NOW + 10).unwrap();
    let second = issued(&tokens, &audience, NOW + 10).await;
    assert_ne!(kid(&first), kid(&second), "the new key signs at once");
    assert_eq!(kids(&tokens, NOW + 10), [kid(&second), kid(&first)]);
    let end = NOW + 10 + WEEK;
    assert_eq!(tokens.verify(&first, &[&audience], end - 1).unwrap().issued, NOW);
    assert_eq!(kids(&tokens, end - 1).len(), 2);
    assert_eq!(tokens.verify(&first, &[&audience], end), Err(TokenError::UnknownKey));
    assert_eq!(kids(&tokens, end), [kid(&second)]);
    assert!(tokens.verify(&second, &[&audience], end).is_ok());
}

#[tokio::test]
async fn a_second_rotation_ends_a_key_at_once() {
    let (tokens, audience) = (tokens(), audience());
    let first = issued(&tokens, &audience, NOW).await;
    tokens.rotate(NOW).unwrap();
    tokens.rotate(NOW).unwrap();
    assert_eq!(tokens.verify(&first, &[&audience], NOW), Err(TokenError::UnknownKey));
}

#[test]
fn keys_rotate_when_they_are_due() {
    let tokens = tokens();
    let due = tokens.keys(NOW).next_rotation;
    assert_eq!(due, NOW + 6 * WEEK);
    let before = kids(&tokens, NOW);
    tokens.rotate_when_due(due - 1).unwrap();
    assert_eq!(kids(&tokens, due), before);
    tokens.configure(Duration::from_secs(2 * WEEK), 1000);
    tokens.rotate_when_due(NOW + 2 * WEEK).unwrap();
    assert_eq!(kids(&tokens, NOW + 2 * WEEK).len(), 2);
    assert_eq!(tokens.statistics().key_created, NOW + 2 * WEEK);
}

#[tokio::test]
async fn keys_outlive_the_process_and_only_the_one_that_signs_keeps_its_private_half() {
    let folder = TempDir::new().unwrap();
    let audience = audience_for(AUD, u64::MAX);
    let tokens = reopened(&folder, NOW);
    let first = issued(&tokens, &audience, NOW).await;
    tokens.rotate(NOW + 1).unwrap();
    let second = issued(&tokens, &audience, NOW + 1).await;
    let (before, path) = (tokens.keys(NOW + 1), file(&folder, keys_file::NAME));
    drop(tokens);
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let kept = std::fs::read_to_string(&path).unwrap();
    assert_eq!(kept.matches("BEGIN PRIVATE KEY").count(), 1);
    let tokens = reopened(&folder, NOW + 2);
    assert_eq!(tokens.keys(NOW + 2), before);
    for token in [&first, &second] {
        assert!(tokens.verify(token, &[&audience], NOW + 2).is_ok());
    }
    let again = issued(&tokens, &audience, NOW + 1).await;
    assert_eq!(again, second, "the same key signs the same");
    check(folder.path(), NOW).unwrap();
}

#[test]
fn damaged_keys_refuse_the_start_and_the_error_has_nothing_of_them() {
    let folder = TempDir::new().unwrap();
    let path = file(&folder, keys_file::NAME);
    drop(reopened(&folder, NOW));
    let good = std::fs::read_to_string(&path).unwrap();
    let other = TempDir::new().unwrap();
    drop(reopened(&other, NOW));
    let foreign: Value =
        serde_json::from_str(&std::fs::read_to_string(file(&other, keys_file::NAME)).unwrap()).unwrap();
    let mut unrelated: Value = serde_json::from_str(&good).unwrap();
    let secret = unrelated["current"]["private_key"].as_str().unwrap().to_owned();
    unrelated["current"]["certificate"] = foreign["current"]["certificate"].clone();
    let mut misplaced: Value = serde_json::from_str(&good).unwrap();
    misplaced["current"]["created"] = secret.clone().into();
    let mut versionless: Value = serde_json::from_str(&good).unwrap();
    versionless["version"] = secret.clone().into();
    let cases = [
        good.replace("\"version\": 1", "\"version\": 2"),
        good[..good.len() / 2].to_owned(),
        String::new(),
        unrelated.to_string(),
        misplaced.to_string(),
        versionless.to_string(),
        good.replacen("BEGIN PRIVATE KEY-----\\nMII", "BEGIN PRIVATE KEY-----\\nAAA", 1),
    ];
    let secret_line = secret.lines().nth(1).unwrap();
    for text in cases {
        assert_ne!(text, good);
        std::fs::write(&path, &text).unwrap();
        let error = Tokens::open(settings(Some(&folder)), NOW).unwrap_err();
        for said in
            [error.to_string(), format!("{error:?}"), check(folder.path(), NOW).unwrap_err().to_string()]
        {
            assert!(!said.contains(secret_line) && !said.contains("PRIVATE"), "{said}");
            assert!(said.contains("token-keys.json") || !said.contains("remove it"), "{said}");
        }
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text, "what is damaged is left for the operator");
    }
}

#[tokio::test]
async fn a_rotation_that_cannot_be_kept_is_none() {
    let folder = TempDir::new().unwrap();
    let tokens = reopened(&folder, NOW);
    let before = issued(&tokens, &audience(), NOW).await;
    // Something that cannot be removed as a file stands in the way.
    std::fs::create_dir(file(&folder, "token-keys.json.new")).unwrap();
    assert!(matches!(tokens.rotate(NOW + 1), Err(TokensError::File(FileError::Write { .. }))));
    assert_eq!(tokens.statistics().rotation_failures, 1);
    assert_eq!(issued(&tokens, &audience(), NOW + 1).await, before, "the key before signs on");
}

#[tokio::test]
async fn revoked_tokens_count_no_more_and_new_ones_do() {
    let folder = TempDir::new().unwrap();
    let (tokens, audience, other) = (reopened(&folder, NOW), audience(), audience_for("other", HOUR));
    let token = issued(&tokens, &audience, NOW).await;
    let bystander = issued(&tokens, &other, NOW).await;
    let (forgotten, kept) = tokens.revoke(AUD, NOW + 5).unwrap();
    kept.unwrap();
    assert_eq!(forgotten, 1);
    assert_eq!(tokens.verify(&token, &[&audience], NOW + 6), Err(TokenError::Revoked));
    assert!(tokens.verify(&bystander, &[&other], NOW + 6).is_ok());
    assert_eq!(issued(&tokens, &other, NOW + 6).await, bystander);
    let new = issued(&tokens, &audience, NOW + 6).await;
    assert!(tokens.verify(&new, &[&audience], NOW + 6).is_ok());
    assert_eq!(tokens.revoked(), [Revoked { aud: AUD.into(), at: NOW + 5 }]);
    drop(tokens);
    let tokens = reopened(&folder, NOW + 7);
    assert_eq!(tokens.verify(&token, &[&audience], NOW + 7), Err(TokenError::Revoked), "after a restart too");
    assert!(tokens.verify(&new, &[&audience], NOW + 7).is_ok());
    assert_eq!(tokens.revoke("no/aud", NOW).unwrap_err(), RevokeError::Aud);
}

/// Times are whole seconds: a token from the second of the revocation is one of before, whoever has it. Requests of that
/// second get one all the same, and the next second a better one; they don't sign one each.
#[tokio::test]
async fn tokens_of_the_second_of_a_revocation_are_replaced_with_the_next() {
    let (tokens, audience) = (tokens(), audience());
    let before = issued(&tokens, &audience, NOW).await;
    tokens.revoke(AUD, NOW).unwrap().1.unwrap();
    for _ in 0..3 {
        issued(&tokens, &audience, NOW).await;
    }
    assert_eq!(tokens.statistics().issued, 2, "one for the rest of the second");
    assert_eq!(tokens.verify(&before, &[&audience], NOW), Err(TokenError::Revoked));
    let after = issued(&tokens, &audience, NOW + 1).await;
    assert_eq!(part(&after, 1)["iat"], NOW + 1);
    assert!(tokens.verify(&after, &[&audience], NOW + 1).is_ok());
    assert_eq!(issued(&tokens, &audience, NOW + 2).await, after);
}

/// A token that was being signed while its application's were revoked must not be used for half of its life.
#[tokio::test]
async fn a_revocation_catches_tokens_that_are_being_signed() {
    let tokens = Arc::new(Tokens::open(Settings { signers: 1, ..settings(None) }, NOW).unwrap());
    let audience = audience();
    let order = Order::new(&device(1), &audience, NOW, tokens.revoked.load().revision).unwrap();
    tokens.revoke(AUD, NOW).unwrap().1.unwrap();
    let late = order.sign(&tokens.keys.load().current).unwrap();
    assert!(!late.is_fit(&tokens.keys.load().current, &tokens.revoked.load(), NOW));
}

#[test]
fn what_is_revoked_goes_when_the_last_token_has_ended() {
    let tokens = tokens();
    tokens.revoke("old", NOW).unwrap().1.unwrap();
    tokens.revoke("new", NOW + LONGEST_SESSION.as_secs()).unwrap().1.unwrap();
    assert_eq!(tokens.revoked().len(), 2);
    tokens.revoke("new", NOW + LONGEST_SESSION.as_secs() + 1).unwrap().1.unwrap();
    assert_eq!(tokens.revoked().len(), 1);
}
