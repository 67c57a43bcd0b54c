//! The ids that the API has for all of this: one account's and one zone's, made once.

use std::sync::Arc;

use aws_lc_rs::rand;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::now;
use crate::model::hex::Lower;
use crate::model::kind::Kind;
use crate::model::record_id::RecordId;
use crate::store::{Batch, Expect, Store, StoreError, Write, WriteError};

/// The account and the zone that the API is about. 32 hexadecimal digits each.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The account's.
    pub account_id: String,
    /// The zone's.
    pub zone_id: String,
}

impl Identity {
    /// The one that is kept in `store`, or a new one, which is kept there where that is possible.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn establish(store: &dyn Store) -> Result<Self, StoreError> {
        if let Some(kept) = Self::kept(store)? {
            return Ok(kept);
        }
        let identity = Self { account_id: random(), zone_id: random() };
        let document = json!({ "account_id": identity.account_id, "zone_id": identity.zone_id });
        let write = Write {
            kind: Kind::Identity,
            id: RecordId::only(),
            expect: Expect::Any,
            document: Some(Arc::new(document)),
        };
        let batch = Batch { at: now() * 1000, who: "start".to_owned(), writes: vec![write] };
        match store.write(&batch) {
            Ok(_) | Err(WriteError::Store(StoreError::NoStateDir)) => {}
            Err(error) => {
                tracing::warn!(%error, "the ids of account and zone live until the gateway stops");
            }
        }
        Ok(identity)
    }

    fn kept(store: &dyn Store) -> Result<Option<Self>, StoreError> {
        let record = store.get(Kind::Identity, &RecordId::only())?;
        // What does not read as one is no identity; another is made.
        Ok(record.and_then(|record| Self::deserialize(&*record.document).ok()))
    }
}

fn random() -> String {
    let mut octets = [0; 16];
    // It fails where the system has no randomness, and then no handshake would work either.
    let _ = rand::fill(&mut octets);
    Lower(&octets).to_string()
}
