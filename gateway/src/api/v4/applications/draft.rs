//! What a body says of an application, as it is kept: its policies' contents are theirs.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::super::ask::{Ask, Fields, take};
use super::super::resource::{new_id, remove, replace, without_added};
use super::super::{Refusal, Result, links, policies};
use super::view::aud;
use crate::api::auth::random;
use crate::control::{Inventory, Kind, RecordId, Resource, Write};
use crate::model::hex::Lower;

/// An application to be kept.
pub(super) struct Draft {
    /// What it says.
    pub(super) document: Fields,
    /// What becomes of its own policies.
    pub(super) own: Vec<Write>,
}

/// A draft in the making.
struct Making<'a> {
    ask: &'a Ask,
    inventory: &'a Inventory,
    id: &'a RecordId,
    before: Option<&'a Resource<'a>>,
    links: Vec<Value>,
    own: Vec<Write>,
    /// Policies of its own that stay.
    kept: BTreeSet<RecordId>,
    places: BTreeSet<i64>,
}

impl Draft {
    /// Reads `body`, of an application that is new or was as `before` says.
    pub(super) fn read(
        ask: &Ask,
        inventory: &Inventory,
        id: &RecordId,
        before: Option<&Resource<'_>>,
        body: Fields,
    ) -> Result<Self> {
        let mut document = without_added(body);
        let aud = before.map_or_else(|| Lower(&random::<32>()).to_string(), aud);
        document.insert("aud".to_owned(), json!(aud));
        of_the_right_type(&mut document, before)?;
        place(&mut document)?;
        let listed = take::<Vec<Value>>(&mut document, "policies")?;
        let Some(listed) = listed else {
            let links = before.map(|before| before.document["policies"].clone());
            document
                .insert("policies".to_owned(), links.filter(Value::is_array).unwrap_or_else(|| json!([])));
            return Ok(Self { document, own: Vec::new() });
        };
        let (links, own, kept, places) = (Vec::new(), Vec::new(), BTreeSet::new(), BTreeSet::new());
        let mut making = Making { ask, inventory, id, before, links, own, kept, places };
        for (policy, position) in listed.into_iter().zip(1..) {
            making.take(policy, position)?;
        }
        making.drop_others()?;
        document.insert("policies".to_owned(), Value::Array(making.links));
        Ok(Self { document, own: making.own })
    }
}

/// There are self-hosted ones only.
fn of_the_right_type(document: &mut Fields, before: Option<&Resource<'_>>) -> Result<()> {
    match take::<String>(document, "type")?.as_deref() {
        Some("self_hosted") => {}
        None if before.is_some() => {}
        Some(_) | None => {
            return Err(Refusal::invalid("app type is missing or invalid; self_hosted is served here"));
        }
    }
    document.insert("type".to_owned(), json!("self_hosted"));
    Ok(())
}

/// `destinations` go before the older `self_hosted_domains`, and the first of them is the domain where none is given.
fn place(document: &mut Fields) -> Result<()> {
    let older = take::<Vec<String>>(document, "self_hosted_domains")?;
    let missing = document.get("destinations").is_none_or(Value::is_null);
    if let Some(older) = older.filter(|older| missing && !older.is_empty()) {
        let public = |uri: String| json!({ "type": "public", "uri": uri });
        document.insert("destinations".to_owned(), older.into_iter().map(public).collect());
    }
    if document.get("domain").is_none_or(Value::is_null) {
        let first = document.get("destinations").and_then(|all| all.get(0)).map(|first| first["uri"].clone());
        let first = first.filter(Value::is_string).ok_or_else(|| Refusal::invalid("`domain` is missing"))?;
        document.insert("domain".to_owned(), first);
    }
    Ok(())
}

impl Making<'_> {
    /// A link to a shared policy, one of the application's own, or a new one of its own.
    fn take(&mut self, listed: Value, position: i64) -> Result<()> {
        let (id, mut fields) = match listed {
            Value::String(id) => (Some(id), Fields::new()),
            Value::Object(mut fields) => (take::<String>(&mut fields, "id")?, fields),
            _ => return Err(Refusal::invalid("`policies` are ids or objects")),
        };
        let precedence = take::<i64>(&mut fields, "precedence")?.unwrap_or(position);
        if !self.places.insert(precedence) {
            return Err(Refusal::invalid("policy precedences must be unique"));
        }
        let Some(id) = id.map(|id| links::spelled(&id)) else {
            let document = self.policy(fields, precedence)?;
            self.own.push(Write::create(Kind::ApplicationPolicy, new_id(), document));
            return Ok(());
        };
        if self.inventory.get(Kind::Policy, &id).is_some() {
            self.links.push(json!({ "id": id, "precedence": precedence }));
            return Ok(());
        }
        let own = links::own(self.inventory, self.id).find(|policy| policy.id.as_str() == id);
        let own = own.ok_or_else(|| Refusal::invalid(format_args!("there is no policy `{id}`")))?;
        // Sent back as it was shown, or only named.
        let fields = if fields.contains_key("decision") {
            fields
        } else {
            own.document.as_object().cloned().unwrap_or_default()
        };
        let document = self.policy(fields, precedence)?;
        self.kept.insert(own.id.clone());
        self.own.push(replace(&own, document)?);
        Ok(())
    }

    fn policy(&self, fields: Fields, precedence: i64) -> Result<Value> {
        let mut document = policies::document(self.ask, fields)?;
        document.insert("app_id".to_owned(), json!(self.id.as_str()));
        document.insert("precedence".to_owned(), json!(precedence));
        Ok(Value::Object(document))
    }

    /// The list is all of them.
    fn drop_others(&mut self) -> Result<()> {
        let Some(before) = self.before else { return Ok(()) };
        for policy in links::own(self.inventory, before.id) {
            if !self.kept.contains(policy.id) {
                self.own.push(remove(&policy)?);
            }
        }
        Ok(())
    }
}
