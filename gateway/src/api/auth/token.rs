//! Bearer tokens: issued once, kept as their SHA-256, looked for in constant time.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_lc_rs::{constant_time, digest, rand};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::{Caller, Scopes};
use crate::control::{ChangeError, Control, Inventory, Kind, RecordId, Request, Resource, Write};
use crate::model::hex::{self, Lower};
use crate::model::id::ResourceId;
use crate::state;

/// What every token begins with, for scanners that look for secrets.
const PREFIX: &str = "fleetgate_";

/// The file in `server.state_dir` with the first token.
const FILE: &str = "api-token";

/// A new token. Its text is not kept anywhere.
pub(in crate::api) struct Issued {
    /// Its id.
    pub(in crate::api) id: String,
    /// What is sent.
    pub(in crate::api) text: String,
}

/// Why there is no first token.
#[derive(Debug, thiserror::Error)]
pub(in crate::api) enum FirstTokenError {
    /// The file.
    #[error("cannot write the first API token to {}: {error}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// The store.
    #[error("cannot keep the first API token: {0}")]
    Change(#[from] ChangeError),
}

/// Issues a token on somebody's behalf.
///
/// # Errors
/// It cannot be kept.
pub(in crate::api) fn issue(
    control: &Control,
    who: &str,
    name: &str,
    scopes: &Scopes,
    expires_at: Option<u64>,
) -> Result<Issued, ChangeError> {
    let (id, text) = (new_id(), new_text());
    keep(control, who, &id, document(&text, name, scopes, expires_at))?;
    Ok(Issued { id: id.to_string(), text })
}

/// Issues the first token where there is none, into `state_dir`, for the gateway's user alone.
///
/// # Errors
/// [`FirstTokenError`]
pub(in crate::api) fn keep_first(control: &Control, state_dir: &Path) -> Result<(), FirstTokenError> {
    if control.resources().list(Kind::AdminToken).next().is_some() {
        return Ok(());
    }
    let (id, text) = (new_id(), new_text());
    let path = state_dir.join(FILE);
    // One that is in the file and not kept does nothing; the other way round nobody would have it.
    let written = state::replace(&path, format!("{text}\n").as_bytes());
    written.map_err(|error| FirstTokenError::File { path: path.clone(), error })?;
    keep(control, "start", &id, document(&text, "first", &Scopes::all(), None))?;
    tracing::info!(path = %path.display(), "the first API token was issued");
    Ok(())
}

fn keep(control: &Control, who: &str, id: &RecordId, document: Value) -> Result<(), ChangeError> {
    let writes = vec![Write::create(Kind::AdminToken, id.clone(), document)];
    control.change(&Request { who: who.to_owned(), writes }).map(drop)
}

fn document(text: &str, name: &str, scopes: &Scopes, expires_at: Option<u64>) -> Value {
    let hash = Lower(digest::digest(&digest::SHA256, text.as_bytes()).as_ref()).to_string();
    json!({ "name": name, "sha256": hash, "scopes": scopes.words(), "expires_at": expires_at })
}

fn new_id() -> RecordId {
    ResourceId::from(random::<16>()).into()
}

fn new_text() -> String {
    format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(random::<32>()))
}

/// It fails where the system has no randomness, and then no handshake would work either.
pub(in crate::api) fn random<const N: usize>() -> [u8; N] {
    let mut octets = [0; N];
    let _ = rand::fill(&mut octets);
    octets
}

/// Who has this token, if anybody has at `now`, in seconds since the epoch. All are compared, and each to its end.
pub(super) fn find(inventory: &Inventory, text: &str, now: u64) -> Option<Caller> {
    let presented = digest::digest(&digest::SHA256, text.as_bytes());
    let mut found = None;
    for token in inventory.list(Kind::AdminToken) {
        let kept = token.document["sha256"].as_str().and_then(hex::parse_digest).unwrap_or([0; 32]);
        if constant_time::verify_slices_are_equal(&kept, presented.as_ref()).is_ok() {
            found = Some(token);
        }
    }
    found.filter(|token| expires_at(token).is_none_or(|end| now < end)).map(|token| caller(&token))
}

fn expires_at(token: &Resource<'_>) -> Option<u64> {
    token.document["expires_at"].as_u64()
}

fn caller(token: &Resource<'_>) -> Caller {
    let words = token.document["scopes"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let name = token.document["name"].as_str().unwrap_or_default();
    Caller {
        who: format!("token {name} ({})", token.id).into(),
        scopes: Arc::new(Scopes::known(words)),
        token: Some(token.id.as_str().into()),
    }
}

/// What may be told of a token.
pub(in crate::api) fn view(token: &Resource<'_>) -> Value {
    let mut document = Value::clone(token.document);
    if let Some(fields) = document.as_object_mut() {
        fields.remove("sha256");
        fields.insert("id".to_owned(), json!(token.id.as_str()));
    }
    document
}
