//! `/access/certificates/settings`: whether origins get the certificate's headers, by hostname.

use axum::http::StatusCode;
use axum::routing::get;
use serde_json::{Value, json};

use super::answer::Answer;
use super::ask::{Ask, Body, Fields, need, take};
use super::resource::fields;
use super::{Refusal, Result, Routes};
use crate::control::{Inventory, Kind, RecordId, Resource, Write};
use crate::model::hostname::HostPattern;

const KIND: Kind = Kind::CertificateSettings;

pub(super) fn routes() -> Routes {
    Routes::new().route("/access/certificates/settings", get(show).put(update))
}

async fn show(ask: Ask) -> Result {
    ask.run(|ask| Ok(Answer::ok(all(&ask.control.resources())))).await
}

/// Hostnames that are not named keep what they have. One that is named alone loses it.
async fn update(ask: Ask, Body(mut body): Body) -> Result {
    ask.run(move |ask| {
        let settings = take::<Vec<Fields>>(&mut body, "settings")?.unwrap_or_default();
        ask.retry(KIND, |inventory| {
            let writes: Result<Vec<_>> =
                settings.iter().map(|entry| write(inventory, entry.clone())).collect();
            Ok(writes?.into_iter().flatten().collect())
        })?;
        Ok(Answer::with(StatusCode::ACCEPTED, all(&ask.control.resources())))
    })
    .await
}

fn write(inventory: &Inventory, mut entry: Fields) -> Result<Option<Write>> {
    let hostname = need::<String>(&mut entry, "hostname")?;
    let pattern: HostPattern =
        hostname.parse().map_err(|error| Refusal::invalid(format_args!("hostname `{hostname}`: {error}")))?;
    let id: RecordId =
        pattern.to_string().parse().map_err(|_| Refusal::invalid(format_args!("hostname `{hostname}`")))?;
    let (china, forwarding) = (
        take::<bool>(&mut entry, "china_network")?,
        take::<bool>(&mut entry, "client_certificate_forwarding")?,
    );
    if china == Some(true) {
        return Err(Refusal::invalid("`china_network` may be true only where there is a China network"));
    }
    if china.is_none() && forwarding.is_none() {
        return Ok(inventory.get(KIND, id.as_str()).is_some().then(|| Write::delete(KIND, id)));
    }
    let document = json!({
        "hostname": id.as_str(),
        "china_network": false,
        "client_certificate_forwarding": forwarding.unwrap_or_default(),
    });
    Ok(Some(Write::put(KIND, id, document)))
}

fn all(inventory: &Inventory) -> Value {
    inventory.list(KIND).map(|resource| view(inventory, &resource)).collect()
}

fn view(inventory: &Inventory, resource: &Resource<'_>) -> Value {
    let known = fields(resource);
    let mut shown = Fields::new();
    for key in ["hostname", "china_network", "client_certificate_forwarding", "declared_at"] {
        if let Some(value) = known.get(key) {
            shown.insert(key.to_owned(), value.clone());
        }
    }
    let unused = inventory.unused(resource);
    if !unused.is_empty() {
        shown.insert("unused_hostnames".to_owned(), json!(unused));
    }
    Value::Object(shown)
}
