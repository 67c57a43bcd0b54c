//! Which country an address is in, by a database of the operator's.

use std::collections::HashSet;
use std::net::IpAddr;
use std::path::Path;

use maxminddb::{PathElement, Reader, WithinOptions};
use serde::de::IgnoredAny;

use crate::model::country::Country;

/// A database in `MaxMind`'s format that knows countries.
pub struct GeoDatabase(Reader<Vec<u8>>);

/// Why a file is no such database.
#[derive(Debug, thiserror::Error)]
pub enum GeoError {
    /// It cannot be read, or is of another format.
    #[error(transparent)]
    Format(#[from] maxminddb::MaxMindDbError),
}

impl GeoDatabase {
    /// Reads the file at `path` into memory, and checks it.
    ///
    /// # Errors
    /// [`GeoError`] when it cannot be read or is damaged.
    pub fn open(path: &Path) -> Result<Self, GeoError> {
        let reader = Reader::open_readfile(path)?;
        // Not `verify`, which also wants a description of it: only that no lookup will fail.
        let mut seen = HashSet::new();
        for found in reader.networks(WithinOptions::default())? {
            let found = found?;
            if seen.insert(found.offset()) {
                found.decode::<IgnoredAny>()?;
            }
        }
        Ok(Self(reader))
    }

    /// The country that `address` is in; else the one that it is registered in. `None` where the database does not say.
    pub fn country(&self, address: IpAddr) -> Option<Country> {
        let found = self.0.lookup(address.to_canonical()).ok()?;
        let code = |of: &str| {
            let path = [PathElement::Key(of), PathElement::Key("iso_code")];
            found.decode_path::<&str>(&path).ok().flatten().and_then(|code| code.parse().ok())
        };
        code("country").or_else(|| code("registered_country"))
    }
}

impl std::fmt::Debug for GeoDatabase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("GeoDatabase").field(&self.0.metadata().database_type).finish()
    }
}

#[cfg(test)]
mod tests;
