//! `/access/certificates`: mTLS certificates. The PEM is never given back.

use std::fmt::Write as _;

use axum::extract::Path;
use axum::http::StatusCode;
use axum::routing::get;
use md5::{Digest as _, Md5};
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::Answer;
use super::ask::{Ask, Body, Fields, need, take};
use super::resource::{fields, find, remove, room};
use super::{Refusal, Result, Routes, page, time};
use crate::control::{Inventory, Kind, Resource};

const KIND: Kind = Kind::Certificate;

/// What we have beside Cloudflare's fields.
const OURS: [&str; 4] = ["allow_sha1", "crl", "crl_distribution_points", "crl_expired"];

pub(super) fn routes() -> Routes {
    Routes::new()
        .route("/access/certificates", get(list).post(create))
        .route("/access/certificates/{certificate_id}", get(one).put(update).delete(delete))
}

#[derive(Deserialize)]
struct Ids {
    certificate_id: String,
}

async fn list(ask: Ask) -> Result {
    ask.run(|ask| {
        let inventory = ask.control.resources();
        page::of(ask, inventory.list(KIND), |resource| view(&inventory, &resource))
    })
    .await
}

async fn one(ask: Ask, Path(ids): Path<Ids>) -> Result {
    ask.run(move |ask| shown(ask, StatusCode::OK, &ids.certificate_id)).await
}

async fn create(ask: Ask, Body(mut body): Body) -> Result {
    ask.run(move |ask| {
        let limits = ask.control.api_settings().limits;
        let name = need::<String>(&mut body, "name")?;
        let mut document = Fields::new();
        document.insert("name".to_owned(), json!(checked(name, limits.certificate_name)?));
        document.insert("certificate".to_owned(), json!(need::<String>(&mut body, "certificate")?));
        let hostnames = take::<Vec<String>>(&mut body, "associated_hostnames")?.unwrap_or_default();
        document.insert("associated_hostnames".to_owned(), json!(hostnames));
        take_ours(&mut body, &mut document);
        let full = "maximum number of certificates has been reached";
        room(&ask.control.resources(), KIND, limits.certificates, full)?;
        let id = ask.create(KIND, document)?;
        shown(ask, StatusCode::CREATED, id.as_str())
    })
    .await
}

/// The certificate itself stays. Without hostnames there are none afterwards: clients leave an empty list out.
async fn update(ask: Ask, Path(ids): Path<Ids>, Body(body): Body) -> Result {
    ask.run(move |ask| {
        let limits = ask.control.api_settings().limits;
        ask.amend(KIND, &ids.certificate_id, |_, resource| {
            let (mut body, mut document) = (body.clone(), object(resource));
            let hostnames = take::<Vec<String>>(&mut body, "associated_hostnames")?.unwrap_or_default();
            document.insert("associated_hostnames".to_owned(), json!(hostnames));
            if let Some(name) = take::<String>(&mut body, "name")? {
                document.insert("name".to_owned(), json!(checked(name, limits.certificate_name)?));
            }
            take_ours(&mut body, &mut document);
            Ok(document)
        })?;
        shown(ask, StatusCode::OK, &ids.certificate_id)
    })
    .await
}

async fn delete(ask: Ask, Path(ids): Path<Ids>) -> Result {
    ask.run(move |ask| {
        ask.retry(KIND, |inventory| {
            let resource = find(inventory, KIND, &ids.certificate_id)?;
            let hostnames = resource.document["associated_hostnames"].as_array();
            if hostnames.is_some_and(|hostnames| !hostnames.is_empty()) {
                return Err(Refusal::conflict("certificate has active associations"));
            }
            Ok(vec![remove(&resource)?])
        })?;
        Ok(Answer::ok(json!({ "id": ids.certificate_id })))
    })
    .await
}

fn object(resource: &Resource<'_>) -> Fields {
    resource.document.as_object().cloned().unwrap_or_default()
}

fn checked(name: String, most: u32) -> Result<String> {
    match name.chars().count() {
        0 => Err(Refusal::invalid("`name` is empty")),
        length if length > most as usize => {
            Err(Refusal::invalid(format_args!("`name` has more than {most} characters")))
        }
        _ => Ok(name),
    }
}

fn take_ours(body: &mut Fields, document: &mut Fields) {
    for key in OURS {
        if let Some(value) = body.remove(key) {
            document.insert(key.to_owned(), value);
        }
    }
}

fn shown(ask: &Ask, status: StatusCode, id: &str) -> Result {
    let inventory = ask.control.resources();
    let resource = find(&inventory, KIND, id)?;
    let unused = inventory.unused(&resource);
    let answer = Answer::with(status, view(&inventory, &resource));
    Ok(unused.iter().fold(answer, |answer, name| answer.note(None, &format!("no host serves {name}"))))
}

fn view(inventory: &Inventory, resource: &Resource<'_>) -> Value {
    let mut fields = fields(resource);
    fields.remove("certificate");
    fields.entry("associated_hostnames").or_insert_with(|| json!([]));
    let first = resource.bundle.and_then(|bundle| bundle.uploaded.first());
    let der = resource.bundle.and_then(|bundle| bundle.first());
    fields.insert("fingerprint".to_owned(), json!(der.map(|der| fingerprint(der))));
    fields
        .insert("expires_on".to_owned(), json!(first.and_then(|first| time::from_seconds(first.not_after))));
    let unused = inventory.unused(resource);
    if !unused.is_empty() {
        fields.insert("unused_hostnames".to_owned(), json!(unused));
    }
    Value::Object(fields)
}

/// As Cloudflare and OpenSSL write it. It tells certificates apart for people; nothing is decided by it.
fn fingerprint(der: &[u8]) -> String {
    let mut text = "MD5 Fingerprint=".to_owned();
    for (index, octet) in Md5::digest(der).iter().enumerate() {
        let colon = if index == 0 { "" } else { ":" };
        // A String takes everything.
        let _ = write!(text, "{colon}{octet:02X}");
    }
    text
}
