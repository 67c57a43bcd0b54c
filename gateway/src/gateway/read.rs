//! Everything that is read before anything is bound.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;

use super::StartError;
use crate::access::token::{self, Tokens};
use crate::alert;
use crate::config::{Config, Problems};
use crate::control::{Base, Composed, Identity};
use crate::crl::{Denials, Network, Prepared};
use crate::device::refusal;
use crate::device::verdicts::Verdicts;
use crate::resource::{Inventory, Stored};
use crate::snapshot::{Compiled, Record, Snapshot};
use crate::store::{Nowhere, Redb, Store, StoreError};

/// What was read.
pub(super) struct Read {
    pub(super) base: Base,
    pub(super) store: Arc<dyn Store>,
    pub(super) identity: Identity,
    pub(super) inventory: Inventory,
    pub(super) alerts: alert::Settings,
    pub(super) record: Record,
    pub(super) verdicts: Arc<Verdicts>,
    pub(super) snapshot: Snapshot,
    pub(super) warnings: Problems,
    pub(super) denials: Denials,
    pub(super) tokens: Arc<Tokens>,
    pub(super) crls: Prepared,
}

impl Read {
    /// Reads the configuration at `path`, what it names, and what is stored.
    pub(super) fn all(path: &Path) -> Result<Self, StartError> {
        let base = Base::load(path)?;
        let Base { config, source, .. } = &base;
        let verdicts = Arc::new(Verdicts::new(config.server.verdict_cache));
        let state_dir = config.server.state_dir(source);
        let store = open_store(state_dir.as_deref())?;
        let identity = Identity::establish(&*store)?;
        let (stored, found) = Stored::load(&*store)?;
        let stored = Arc::new(stored);
        let record = Record::open(state_dir.as_deref());
        let Composed { compiled, inventory, key_rotation } =
            base.compose(&stored, found, &verdicts, &record.accepted(), 1)?;
        let Compiled { snapshot, crls, warnings, .. } = compiled;
        let alerts = base.alerts()?;
        let denials = Denials::open(state_dir.as_deref())?;
        let tokens = Arc::new(open_tokens(config, state_dir, key_rotation)?);
        let crls = Prepared::load(crls, Network::Ask)
            .map_err(|problems| Problems::new(&base.source_with(&stored), problems))?;
        for warning in warnings.lines() {
            tracing::warn!("{warning}");
        }
        Ok(Self {
            base,
            store,
            identity,
            inventory,
            alerts,
            record,
            verdicts,
            snapshot,
            warnings,
            denials,
            tokens,
            crls,
        })
    }
}

/// Without a folder there is nowhere to keep resources, and nothing to lose.
fn open_store(state_dir: Option<&Path>) -> Result<Arc<dyn Store>, StoreError> {
    Ok(match state_dir {
        Some(folder) => Arc::new(Redb::open(folder)?),
        None => Arc::new(Nowhere),
    })
}

/// Half of the cores at most sign tokens: the workers need the others.
fn open_tokens(
    config: &Config,
    state_dir: Option<PathBuf>,
    key_rotation: Duration,
) -> Result<Tokens, token::TokensError> {
    if state_dir.is_none() {
        tracing::warn!(
            "server.state_dir is not set: the key of application tokens lives until the gateway stops, and tokens end with it"
        );
    }
    let settings = token::Settings {
        state_dir,
        key_rotation,
        cache: config.access.token_cache,
        signers: available_parallelism().map_or(1, |cores| cores.get().div_ceil(2)),
    };
    Tokens::open(settings, refusal::now())
}
