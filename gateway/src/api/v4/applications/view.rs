//! What is told of an application.

use serde_json::{Value, json};

use super::super::{links, resource};
use crate::control::{Inventory, Resource};
use crate::model::destination::Destination;
use crate::model::id::Audience;

/// An application with its policies.
pub(super) fn view(inventory: &Inventory, application: &Resource<'_>) -> Value {
    let mut fields = resource::fields(application);
    let domain = application.document["domain"].as_str().unwrap_or_default();
    let mut usual = |key: &str, value: Value| {
        let known = fields.entry(key).or_insert(Value::Null);
        if known.is_null() {
            *known = value;
        }
    };
    usual("type", json!("self_hosted"));
    usual("name", json!(domain));
    usual("session_duration", json!("24h"));
    usual("destinations", json!([{ "type": "public", "uri": domain }]));
    usual("http_only_cookie_attribute", json!(true));
    for key in [
        "enable_binding_cookie",
        "options_preflight_bypass",
        "path_cookie_attribute",
        "service_auth_401_redirect",
        "auto_redirect_to_identity",
    ] {
        usual(key, json!(false));
    }
    for key in ["allowed_idps", "tags"] {
        usual(key, json!([]));
    }
    let uris: Vec<Value> = fields
        .get("destinations")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .map(|destination| destination["uri"].clone())
        .collect();
    fields.insert("self_hosted_domains".to_owned(), json!(uris));
    fields.insert("aud".to_owned(), json!(aud(application)));
    let placed = links::placed(inventory, application);
    let policies: Vec<_> = placed.iter().map(|placed| links::view(inventory, placed)).collect();
    fields.insert("policies".to_owned(), json!(policies));
    let unused = inventory.unused(application);
    if !unused.is_empty() {
        fields.insert("unused_hostnames".to_owned(), json!(unused));
    }
    Value::Object(fields)
}

/// Its audience tag.
pub(super) fn aud(application: &Resource<'_>) -> String {
    if let Some(aud) = application.document["aud"].as_str() {
        return aud.to_ascii_lowercase();
    }
    let domain = application.document["domain"].as_str().unwrap_or_default();
    let domain = domain.parse::<Destination>().map_or_else(|_| domain.to_owned(), |it| it.to_string());
    Audience::derived(&domain).to_string()
}
