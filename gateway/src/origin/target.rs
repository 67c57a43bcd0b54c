//! An origin, ready to be connected to.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use rustls::pki_types::ServerName;

use super::check::Check;
use super::health::{self, Health, Standing};
use super::origins;
use super::tls::TlsToOrigin;
use crate::model::origin::{HttpVersions, OriginUrl, Place};

/// An origin with all that it takes to connect to it. There is one of equal ones: a reload that leaves an origin as it
/// is leaves its connections and what is known of its health, too.
#[derive(Debug)]
pub struct Target {
    /// Its address.
    pub url: OriginUrl,
    /// What it is called in metrics: its address as text.
    pub label: Arc<str>,
    pub(super) id: u64,
    pub(super) versions: HttpVersions,
    pub(super) check: Option<Check>,
    pub(super) health: Health,
    /// For rendezvous hashing.
    pub(super) hash: u64,
    tls: Option<TlsToOrigin>,
}

/// What makes origins the same.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Same {
    url: OriginUrl,
    versions: HttpVersions,
    check: Option<Check>,
    tls: Option<(ServerName<'static>, [u8; 32])>,
}

/// Origins that something still uses.
static KNOWN: Mutex<Option<HashMap<Same, Weak<Target>>>> = Mutex::new(None);
static NEXT: AtomicU64 = AtomicU64::new(1);

impl Target {
    /// The origin at `url`, asked whether it is well by `check`. Where the way to it is over TLS, `tls` says how, and is told its host.
    ///
    /// # Errors
    /// What `tls` fails with.
    pub fn new<E>(
        url: OriginUrl,
        versions: HttpVersions,
        check: Option<Check>,
        tls: impl FnOnce(&ServerName<'static>) -> Result<TlsToOrigin, E>,
    ) -> Result<Arc<Self>, E> {
        let tls = match url.place() {
            Place::Port { host, .. } if url.is_tls() => Some(tls(host)?),
            Place::Port { .. } | Place::Socket(_) => None,
        };
        let same = Same {
            url: url.clone(),
            versions,
            check: check.clone(),
            tls: tls.as_ref().map(|tls| (tls.name.clone(), tls.fingerprint())),
        };
        let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        let known = known.get_or_insert_default();
        if let Some(target) = known.get(&same).and_then(Weak::upgrade) {
            return Ok(target);
        }
        known.retain(|_, target| target.strong_count() > 0);
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        let label: Arc<str> = url.to_string().into();
        let hash = origins::hash(&label);
        let target = Arc::new(Self { url, label, id, versions, check, health: Health::default(), hash, tls });
        known.insert(same, Arc::downgrade(&target));
        Ok(target)
    }

    /// Whether requests go to it as to any other.
    pub fn is_healthy(&self) -> bool {
        self.health.standing(health::now()) == Standing::In
    }

    /// Whether it is asked if it is well.
    pub fn is_asked(&self) -> bool {
        self.check.is_some()
    }

    /// How it is spoken to over TLS, where it is.
    pub(super) fn tls(&self) -> Option<&TlsToOrigin> {
        self.tls.as_ref()
    }
}
