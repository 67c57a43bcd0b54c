//! The control side of a running gateway: what it is asked and told from outside.

mod alerts;
mod api;
mod audit;
mod background;
mod bans;
mod base;
mod cache;
mod check;
mod crls;
mod denied;
mod identity;
mod metrics;
mod reload;
mod resources;
mod retired;
mod state;
mod status;
mod steering;
mod tokens;
mod upgrade;

use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use arc_swap::ArcSwap;
use tokio::sync::{RwLock, watch};

use crate::access::token;
use crate::alert::{self, Desk};
use crate::config::Problems;
use crate::crl::Keeper;
use crate::device::cache::Statistics;
use crate::handover::{Manager, Program};
use crate::listen::{Listeners, Shared};
use crate::snapshot::Record;
use crate::store::Store;
use crate::xdp::DataPlane;
use retired::Retired;
use upgrade::Heir;

pub use crate::alert::{
    DISPLAY_NAME as ALERT_NAME, DocumentError, Policy as AlertPolicy, Webhook as AlertWebhook,
    record as alert_record,
};
pub use alerts::{AlertPlan, TestRequest, TestResult, Tested};
pub use api::ApiSettings;
pub use bans::{BanChange, BanList, BanRequest, RefusedBan};
pub use base::{Base, Composed};
pub use cache::Seen;
pub use check::{Checked, check, look, stored_at_rest};
pub use crls::{CrlsPushed, CrlsRemoved};
pub use denied::{DeniedChange, DeniedList};
pub use identity::Identity;
pub use reload::{Reload, missing_interfaces};
pub use resources::{ChangeError, Committed, Request};
pub use state::{Export, ImportError, Imported};
pub use status::{HostStatus, Status};
pub use tokens::{RevokedChange, TokenKeys};
pub use upgrade::{Changing, UpgradeError, Upgraded};

pub use crate::crl::{AuthorityStatus, PushError, Selector};
pub use crate::model::kind::{Kind, NotAKind};
pub use crate::model::record_id::RecordId;
pub use crate::resource::{Inventory, Origin, Resource, Stored};
pub use crate::store::{Expect, Redb, Revision, Write, WriteError};
pub use crate::telemetry::recent::Decision;

/// What a running gateway is asked and told from outside: by the admin socket, the metrics endpoint and signals.
pub struct Control {
    shared: Shared,
    listeners: Listeners,
    probes: TcpListener,
    api: Option<TcpListener>,
    program: Program,
    manager: Manager,
    draining: AtomicBool,
    /// Who comes after this gateway.
    heir: Mutex<Heir>,
    /// Held by whoever changes what outlives the process; true once that is another gateway's.
    changes: Arc<RwLock<bool>>,
    handed_over: watch::Sender<bool>,
    keeper: Arc<Keeper>,
    store: Arc<dyn Store>,
    /// Every resource in force.
    inventory: ArcSwap<Inventory>,
    revisions: watch::Sender<Revision>,
    retired: Retired,
    alerts: Arc<Desk>,
    /// Which CAs are accepted. Held throughout a reload and a change: one comes after the other.
    record: Mutex<Record>,
    state: Mutex<State>,
}

/// What follows the snapshot.
pub struct Parts {
    /// The XDP side.
    pub plane: DataPlane,
    /// The revocation index's side.
    pub keeper: Arc<Keeper>,
    /// Where resources are kept.
    pub store: Arc<dyn Store>,
    /// The ids that go with it.
    pub identity: Identity,
    /// Every resource.
    pub inventory: Inventory,
    /// How alerts are sent.
    pub alerts: alert::Settings,
    /// Which CAs were accepted.
    pub record: Record,
    /// The sockets for devices.
    pub listeners: Listeners,
    /// The metrics endpoint's socket.
    pub probes: TcpListener,
    /// The API's socket.
    pub api: Option<TcpListener>,
    /// What this process was started as.
    pub program: Program,
    /// What runs this process.
    pub manager: Manager,
}

struct State {
    path: PathBuf,
    /// The file in force.
    base: Arc<Base>,
    identity: Identity,
    plane: DataPlane,
    last_reload: Reload,
    cache_reported: Statistics,
    tokens_reported: token::Statistics,
}

impl Control {
    /// Takes over a gateway that was just started with `compiled`.
    pub fn new(path: PathBuf, base: Base, warnings: &Problems, parts: Parts, shared: Shared) -> Self {
        let Parts { plane, keeper, store, identity, inventory, alerts, .. } = parts;
        let Parts { mut record, listeners, probes, api, program, manager, .. } = parts;
        record.keep(&shared.snapshot.load().authorities);
        let last_reload = Reload { successful: true, at: now(), problems: warnings.lines() };
        let cache_reported = shared.verdicts.cache.statistics();
        let control = Self {
            listeners,
            probes,
            api,
            program,
            manager,
            draining: AtomicBool::new(false),
            heir: Mutex::default(),
            changes: Arc::default(),
            handed_over: watch::Sender::new(false),
            keeper,
            store,
            revisions: watch::Sender::new(inventory.revision()),
            inventory: ArcSwap::from_pointee(inventory),
            retired: Retired::default(),
            alerts: Arc::new(Desk::new(alerts)),
            record: Mutex::new(record),
            state: Mutex::new(State {
                path,
                base: Arc::new(base),
                identity,
                plane,
                last_reload,
                cache_reported,
                tokens_reported: token::Statistics::default(),
            }),
            shared,
        };
        let mut state = control.lock();
        control.in_force(&mut state);
        drop(state);
        control
    }

    /// Has XDP follow what handshakes said about sources, and attaches it again where it was lost.
    pub fn heal(&self) {
        let mut state = self.lock();
        self.follow_reputation(&mut state);
        state.plane.heal(&self.shared.snapshot.load());
        if state.plane.wants_listeners() {
            self.follow_listeners(&mut state);
        }
        self.shared.limiter.set_offloaded(state.plane.is_enforcing());
    }

    /// Gives back the memory of snapshots that nobody holds any more. It may take a while.
    pub fn give_back(&self) {
        self.retired.give_back();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Brings what depends on the snapshot in step with it.
    fn in_force(&self, state: &mut State) {
        let snapshot = self.shared.snapshot.load();
        let Shared { limiter, metrics, .. } = &self.shared;
        self.follow_listeners(state);
        limiter.set_offloaded(state.plane.is_enforcing());
        limiter.retain_hosts(|pattern| snapshot.hosts().any(|host| host.pattern == *pattern));
        metrics.snapshot_generation.set(snapshot.generation.cast_signed());
        metrics.reload_successful.set(1);
        #[expect(clippy::cast_precision_loss, reason = "seconds since the epoch fit a double")]
        metrics.reload_timestamp.set(state.last_reload.at as f64);
        self.describe_certificates();
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs())
}
