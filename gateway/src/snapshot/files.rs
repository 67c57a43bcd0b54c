//! What a configuration names, read once: compiling again with other resources neither waits for a disk nor sees files that
//! are being replaced. And what was made of CAs, which takes longer than everything else.

use std::collections::HashMap;
use std::hash::Hash;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::authority::Authority;
use super::kept::Kept;
use crate::access::geo::{GeoDatabase, GeoError};
use crate::config::Pem;
use crate::device::ca::CaRules;
use crate::device::pem::{self, PemError};
use crate::origin::Roots;

/// Files that were read, for as long as one version of the configuration file is in force.
#[derive(Default)]
pub struct Files {
    certificates: Once<PathBuf, Arc<[CertificateDer<'static>]>>,
    keys: Once<PathBuf, Arc<PrivateKeyDer<'static>>>,
    geo: Once<PathBuf, Arc<GeoDatabase>>,
    roots: Once<(), Roots>,
    authorities: Once<Upload, Arc<Authority>>,
    pub(super) policies: Kept,
}

/// What decides what becomes of an upload.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Upload {
    pub(super) name: Arc<str>,
    pub(super) pem: Pem,
    pub(super) rules: CaRules,
}

/// Values that are made once. What fails is tried again.
struct Once<K, V>(Mutex<HashMap<K, V>>);

impl<K, V> Default for Once<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash, V: Clone> Once<K, V> {
    fn get<E>(&self, key: K, make: impl FnOnce(&K) -> Result<V, E>) -> Result<V, E> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(value) = known.get(&key) {
            return Ok(value.clone());
        }
        let value = make(&key)?;
        known.insert(key, value.clone());
        Ok(value)
    }

    fn retain(&self, wanted: impl Fn(&V) -> bool) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|_, value| wanted(value));
    }
}

impl Files {
    pub(super) fn certificates(&self, path: &Path) -> Result<Arc<[CertificateDer<'static>]>, PemError> {
        self.certificates.get(path.to_owned(), |path| pem::certificates(path).map(Into::into))
    }

    pub(super) fn key(&self, path: &Path) -> Result<PrivateKeyDer<'static>, PemError> {
        let key = self.keys.get(path.to_owned(), |path| pem::private_key(path).map(Arc::new))?;
        Ok(key.clone_key())
    }

    pub(super) fn geo_database(&self, path: &Path) -> Result<Arc<GeoDatabase>, GeoError> {
        self.geo.get(path.to_owned(), |path| GeoDatabase::open(path).map(Arc::new))
    }

    pub(super) fn system_roots<E>(&self, load: impl FnOnce() -> Result<Roots, E>) -> Result<Roots, E> {
        self.roots.get((), |()| load())
    }

    pub(super) fn authority<E>(
        &self,
        upload: Upload,
        make: impl FnOnce(&Upload) -> Result<Authority, E>,
    ) -> Result<Arc<Authority>, E> {
        self.authorities.get(upload, |upload| make(upload).map(Arc::new))
    }

    /// Forgets CAs that nothing in force has, and policies that are gone.
    pub(super) fn forget_unused(&self) {
        self.authorities.retain(|authority| Arc::strong_count(&authority.bundle) > 1);
        self.policies.forget_unused();
    }
}

impl std::fmt::Debug for Files {
    /// Not what is in them: there are private keys among it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Files")
    }
}
