//! What resources have in common: found by id, created under a new one, amended without losing anybody's change, removed.

use serde_json::{Value, json};

use super::ask::{Ask, Fields};
use super::{Refusal, Result, time};
use crate::api::auth::random;
use crate::control::{
    ChangeError, Committed, Inventory, Kind, Origin, RecordId, Request, Resource, Write, WriteError,
};
use crate::model::id::ResourceId;

/// How often a change is made again on top of somebody else's.
const ATTEMPTS: usize = 8;

/// A new id.
pub(super) fn new_id() -> RecordId {
    ResourceId::from(random::<16>()).into()
}

/// A resource, by its id in any spelling.
pub(super) fn find<'a>(inventory: &'a Inventory, kind: Kind, id: &str) -> Result<Resource<'a>> {
    let spelled = id.parse::<ResourceId>().map_or_else(|_| id.to_owned(), |id| id.to_string());
    inventory.get(kind, &spelled).ok_or_else(Refusal::not_found)
}

/// Its fields, with its id and times; those in the file have their place instead.
pub(super) fn fields(resource: &Resource<'_>) -> Fields {
    let mut fields = resource.document.as_object().cloned().unwrap_or_default();
    if let Some(secret) = resource.kind.secret() {
        fields.remove(secret);
    }
    let (created_at, updated_at) = match resource.origin {
        Origin::Stored { created_at, updated_at, .. } => {
            (time::from_milliseconds(created_at), time::from_milliseconds(updated_at))
        }
        Origin::File { place } => {
            fields.insert("declared_at".to_owned(), json!(place));
            (None, None)
        }
    };
    fields.insert("id".to_owned(), json!(resource.id.as_str()));
    fields.insert("created_at".to_owned(), json!(created_at));
    fields.insert("updated_at".to_owned(), json!(updated_at));
    fields
}

/// Takes out what the API adds to a resource: clients send it back.
pub(super) fn without_added(mut fields: Fields) -> Fields {
    for key in ["id", "uid", "created_at", "updated_at", "declared_at", "unused_hostnames"] {
        fields.remove(key);
    }
    fields
}

/// Refuses one more than there may be.
pub(super) fn room(inventory: &Inventory, kind: Kind, most: u32, full: &str) -> Result<()> {
    let is_full = inventory.list(kind).count() >= most as usize;
    if is_full { Err(Refusal::invalid(full)) } else { Ok(()) }
}

impl Ask {
    /// Makes changes, all or none. `kind` is what a refusal is about.
    pub(super) fn write(&self, kind: Kind, writes: Vec<Write>) -> Result<Committed> {
        self.change(writes).map_err(|error| Refusal::of(&error, kind))
    }

    fn change(&self, writes: Vec<Write>) -> std::result::Result<Committed, ChangeError> {
        self.control.change(&Request { who: self.caller.who.to_string(), writes })
    }

    /// Creates a resource under a new id, which it gives.
    pub(super) fn create(&self, kind: Kind, document: Fields) -> Result<RecordId> {
        let id = new_id();
        self.write(kind, vec![Write::create(kind, id.clone(), Value::Object(document))])?;
        Ok(id)
    }

    /// Changes a resource by what `change` makes of it, on top of whatever others changed meanwhile.
    pub(super) fn amend(
        &self,
        kind: Kind,
        id: &str,
        change: impl Fn(&Inventory, &Resource<'_>) -> Result<Fields>,
    ) -> Result<Committed> {
        self.retry(kind, |inventory| {
            let resource = find(inventory, kind, id)?;
            let document = Value::Object(change(inventory, &resource)?);
            Ok(vec![replace(&resource, document)?])
        })
    }

    /// Makes the changes that `writes` wants, as of what is there; again where somebody was faster.
    pub(super) fn retry(
        &self,
        kind: Kind,
        writes: impl Fn(&Inventory) -> Result<Vec<Write>>,
    ) -> Result<Committed> {
        let mut attempts = 1..ATTEMPTS;
        loop {
            let inventory = self.control.resources();
            match self.change(writes(&inventory)?) {
                Err(ChangeError::Conflict(WriteError::Conflict { .. })) if attempts.next().is_some() => {}
                result => return result.map_err(|error| Refusal::of(&error, kind)),
            }
        }
    }
}

/// The write that replaces a resource, as it was seen.
pub(super) fn replace(resource: &Resource<'_>, document: Value) -> Result<Write> {
    let Resource { kind, id, .. } = *resource;
    match resource.origin {
        Origin::Stored { revision, .. } => Ok(Write::replace(kind, id.clone(), revision, document)),
        Origin::File { place } => Err(in_file(resource, place)),
    }
}

/// The write that removes a resource.
pub(super) fn remove(resource: &Resource<'_>) -> Result<Write> {
    match resource.origin {
        Origin::Stored { .. } => Ok(Write::delete(resource.kind, resource.id.clone())),
        Origin::File { place } => Err(in_file(resource, place)),
    }
}

fn in_file(resource: &Resource<'_>, place: &str) -> Refusal {
    let (kind, id) = (resource.kind, resource.id.clone());
    Refusal::of(&ChangeError::ReadOnly { kind, id, place: place.to_owned() }, resource.kind)
}

/// What is told of something that is gone.
pub(super) fn gone(id: &RecordId) -> Value {
    json!({ "id": id.as_str() })
}
