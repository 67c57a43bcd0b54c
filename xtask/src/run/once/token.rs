//! The application token, before a judge that shares nothing with the gateway: OpenSSL.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use super::super::lab::{HOST, Lab};
use super::ask::{Asked, ask_for};
use crate::process::{self, Error, Result};

const COOKIE: &str = "CF_Authorization=";

/// The token that an answer sets as a cookie; the answer was asked for with its headers.
pub(super) fn in_cookie(asked: &Asked) -> Result<String> {
    let set = asked.body().lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        value.trim().strip_prefix(COOKIE).filter(|_| name.eq_ignore_ascii_case("set-cookie"))
    });
    let token = set.and_then(|value| value.split(';').next());
    token.map(str::to_owned).ok_or_else(|| Error::message(format!("no cookie in {}", asked.body())))
}

/// Checks a token's signature with OpenSSL, by the certificate that the host publishes for its key, and reads whom it is of.
pub(super) fn verify(lab: &Lab, token: &str) -> Result<String> {
    let keys = ask_for(lab, HOST, "/cdn-cgi/access/certs", None, &[])?.json()?;
    let mut parts = token.split('.');
    let (Some(head), Some(claims), Some(signature)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(Error::message(format!("not a token: {token}")));
    };
    let kid = json(head)?.get("kid").cloned().unwrap_or_default();
    let certificates = keys.get("public_certs").and_then(Value::as_array);
    let of_key = |entry: &&Value| entry.get("kid") == Some(&kid);
    let certificate =
        certificates.into_iter().flatten().find(of_key).and_then(|entry| entry.get("cert")?.as_str());
    let certificate = certificate.ok_or_else(|| Error::message(format!("no key {kid} in {keys}")))?;
    let file = |name: &str, content: &[u8]| -> Result<String> {
        let path = lab.path(name);
        std::fs::write(&path, content).map_err(Error::file(&path))?;
        Ok(lab.text(name))
    };
    let certificate = file("token-key.pem", certificate.as_bytes())?;
    let public = openssl(&["x509", "-in", &certificate, "-noout", "-pubkey"])?;
    let public = file("token-key.pub", public.as_bytes())?;
    let signature = file("token.sig", &decode(signature)?)?;
    let signed = file("token.signed", format!("{head}.{claims}").as_bytes())?;
    openssl(&["dgst", "-sha256", "-verify", &public, "-signature", &signature, &signed])?;
    match json(claims)?.get("common_name").and_then(Value::as_str) {
        Some("James Royal") => Ok("common_name James Royal".to_owned()),
        other => Err(Error::message(format!("it is of {other:?}"))),
    }
}

fn openssl(words: &[&str]) -> Result<String> {
    process::capture(&mut process::command(std::iter::once("openssl").chain(words.iter().copied())))
}

fn json(part: &str) -> Result<Value> {
    serde_json::from_slice(&decode(part)?).map_err(|error| Error::message(format!("{error} in {part}")))
}

/// Base64 for URLs, without padding (RFC 7515, 2).
fn decode(part: &str) -> Result<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(part).map_err(|error| Error::message(format!("{error} in {part}")))
}
