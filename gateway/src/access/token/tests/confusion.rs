//! Tokens that nobody here issued, or that count no more.

use aws_lc_rs::hmac;

use super::*;

fn encode(json: &Value) -> String {
    URL_SAFE_NO_PAD.encode(json.to_string())
}

fn claims() -> Value {
    json!({
        "type": "app", "aud": [AUD], "iss": "https://iot.example.com", "common_name": "James Royal",
        "iat": NOW, "exp": NOW + HOUR, "sub": "",
    })
}

/// A token with these claims, signed by the real key.
fn signed(tokens: &Tokens, claims: &Value) -> String {
    tokens.keys.load().current.sign(claims.to_string().as_bytes()).unwrap()
}

fn with(key: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[key] = value;
    claims
}

fn refused(tokens: &Tokens, token: &str) -> TokenError {
    tokens.verify(token, &[&audience()], NOW).unwrap_err()
}

#[test]
fn the_claims_of_a_good_signature_are_looked_at() {
    let tokens = tokens();
    assert!(tokens.verify(&signed(&tokens, &claims()), &[&audience()], NOW).is_ok());
    let single = with("aud", AUD.into());
    assert!(
        tokens.verify(&signed(&tokens, &single), &[&audience()], NOW).is_ok(),
        "RFC 7519 has it as a string too"
    );
    let cases = [
        (with("exp", NOW.into()), TokenError::Expired),
        (with("exp", (NOW - 1).into()), TokenError::Expired),
        (with("iat", (NOW + 3600).into()), TokenError::Future),
        (with("aud", json!(["other"])), TokenError::OtherAudience),
        (with("aud", json!([])), TokenError::OtherAudience),
        (with("aud", "other".into()), TokenError::OtherAudience),
        (with("iss", "https://iot.example.com/".into()), TokenError::Issuer),
        (with("iss", "https://evil.example.com".into()), TokenError::Issuer),
        (with("type", "org".into()), TokenError::Malformed),
        (with("exp", "never".into()), TokenError::Malformed),
        (with("common_name", Value::Null), TokenError::Malformed),
        (json!({}), TokenError::Malformed),
    ];
    for (claims, expected) in cases {
        assert_eq!(refused(&tokens, &signed(&tokens, &claims)), expected, "{claims}");
    }
}

#[test]
fn every_changed_character_is_noticed() {
    let tokens = tokens();
    let token = signed(&tokens, &claims());
    for (index, old) in token.char_indices() {
        let new = if old == 'A' { 'B' } else { 'A' };
        let mut changed = token.clone();
        changed.replace_range(index..=index, &new.to_string());
        assert!(tokens.verify(&changed, &[&audience()], NOW).is_err(), "at {index}: {changed}");
    }
    for end in 0..token.len() {
        assert!(tokens.verify(&token[..end], &[&audience()], NOW).is_err(), "cut at {end}");
    }
}

#[test]
fn only_rs256_counts_whatever_the_header_says() {
    let tokens = tokens();
    let good = signed(&tokens, &claims());
    let kid = kid(&good);
    let payload = encode(&claims());
    let signature = good.rsplit('.').next().unwrap();
    for alg in ["none", "None", "", "RS512", "PS256", "ES256", "HS256", "rs256"] {
        let header = encode(&json!({ "alg": alg, "kid": kid, "typ": "JWT" }));
        for signature in ["", signature] {
            assert_eq!(
                refused(&tokens, &format!("{header}.{payload}.{signature}")),
                TokenError::Algorithm,
                "{alg}"
            );
        }
    }
    let critical = json!({ "alg": "RS256", "kid": kid, "crit": ["b64"], "b64": false });
    assert_eq!(
        refused(&tokens, &format!("{}.{payload}.{signature}", encode(&critical))),
        TokenError::Algorithm
    );
}

#[test]
fn the_public_key_is_no_secret_to_sign_with() {
    let tokens = tokens();
    let keys = tokens.keys.load();
    let public = &keys.current.public;
    let secrets =
        [public.certificate.as_bytes(), public.certificate.trim_end().as_bytes(), public.modulus.as_bytes()];
    for (alg, secret) in ["HS256", "RS256"].into_iter().flat_map(|alg| secrets.map(|secret| (alg, secret))) {
        let header = encode(&json!({ "alg": alg, "kid": &*public.kid, "typ": "JWT" }));
        let message = format!("{header}.{}", encode(&claims()));
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), message.as_bytes());
        let token = format!("{message}.{}", URL_SAFE_NO_PAD.encode(tag));
        assert!(matches!(refused(&tokens, &token), TokenError::Algorithm | TokenError::Signature), "{alg}");
    }
}

#[test]
fn the_key_is_the_one_with_the_id_and_never_one_that_the_token_brings() {
    let [tokens, others] = [tokens(), tokens()];
    let foreign = signed(&others, &claims());
    assert_eq!(refused(&tokens, &foreign), TokenError::UnknownKey);
    // Somebody else's signature under our id, with their key in the header.
    let key = others.keys.load();
    let jwk = json!({ "kty": "RSA", "n": &*key.current.public.modulus, "e": &*key.current.public.exponent });
    let header = json!({ "alg": "RS256", "kid": kid(&signed(&tokens, &claims())), "jwk": jwk });
    let signature = foreign.rsplit('.').next().unwrap();
    let token = format!("{}.{}.{signature}", encode(&header), encode(&claims()));
    assert_eq!(refused(&tokens, &token), TokenError::Signature);
    let nameless = encode(&json!({ "alg": "RS256" }));
    assert_eq!(
        refused(&tokens, &format!("{nameless}.{}.{signature}", encode(&claims()))),
        TokenError::UnknownKey
    );
}

#[test]
fn what_is_no_token_is_refused_without_a_panic() {
    let tokens = tokens();
    let huge = "a".repeat(100_000);
    let many = ".".repeat(8000);
    for token in ["", ".", "..", "...", "a.b.c", "!.!.!", "e30.e30.", "bnVsbA.bnVsbA.bnVsbA", &huge, &many] {
        assert_eq!(refused(&tokens, token), TokenError::Malformed, "{token:.20}");
    }
}
