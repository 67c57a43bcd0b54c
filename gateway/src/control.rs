//! The control side of a running gateway: status, reload, readiness, and the XDP side's health.

mod alerts;
mod api;
mod audit;
mod bans;
mod base;
mod cache;
mod check;
mod crls;
mod denied;
mod identity;
mod resources;
mod retired;
mod state;
mod steering;
mod tokens;
mod upgrade;

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use arc_swap::ArcSwap;
use serde::Serialize;
use tokio::sync::{RwLock, watch};

use crate::access::token;
use crate::alert::{self, Desk};
use crate::config::{ClientAuth, Config, Problem, Problems};
use crate::crl::{self, Keeper};
use crate::device::ca::Uploaded;
use crate::device::cache::Statistics;
use crate::handover::{Manager, Program};
use crate::listen::{self, Listeners, Plan, Shared};
use crate::snapshot::{Accepted, Compiled, Record, Snapshot};
use crate::store::Store;
use crate::xdp::{self, DataPlane, InterfaceStatus};
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
pub use resources::{ChangeError, Committed, Request};
pub use state::{Export, ImportError, Imported};
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

/// A configuration with everything that it names, loaded and not in force.
struct Ready {
    base: Base,
    snapshot: Snapshot,
    inventory: Inventory,
    key_rotation: Duration,
    alerts: alert::Settings,
    crls: crl::Prepared,
    warnings: Problems,
}

/// What became of the last attempt to load the configuration.
#[derive(Clone, Debug, Serialize)]
pub struct Reload {
    /// Whether it took effect.
    pub successful: bool,
    /// When, in seconds since the epoch.
    pub at: u64,
    /// Why not, or what to know about it: `file:line:column: …`.
    pub problems: Vec<String>,
}

/// The state of a running gateway.
#[derive(Debug, Serialize)]
pub struct Status {
    /// Version of the gateway.
    pub version: &'static str,
    /// Its process id.
    pub process: u32,
    /// The configuration file.
    pub config: PathBuf,
    /// The account's and the zone's ids in the API.
    #[serde(flatten)]
    pub identity: Identity,
    /// The last change of what is stored.
    pub revision: Revision,
    /// Generation of the snapshot in force.
    pub generation: u64,
    /// Whether no more connections are accepted.
    pub draining: bool,
    /// Where connections are accepted.
    pub listeners: Vec<SocketAddr>,
    /// Served hosts.
    pub hosts: Vec<HostStatus>,
    /// Open connections.
    pub connections: i64,
    /// The verdict cache.
    pub verdict_cache: Statistics,
    /// Interfaces with or without XDP.
    pub xdp: Vec<InterfaceStatus>,
    /// The last load of the configuration.
    pub last_reload: Reload,
    /// Why the gateway is not ready, or what is degraded.
    pub warnings: Vec<String>,
}

/// The state of a served host.
#[derive(Debug, Serialize)]
pub struct HostStatus {
    /// Its name.
    pub name: String,
    /// Where permitted requests go.
    pub origin: String,
    /// CAs that it trusts.
    pub trust_anchors: usize,
    /// When our certificate expires, in seconds since the epoch.
    pub certificate_not_after: u64,
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

    /// Loads the configuration file again and publishes what it says: all of it, or nothing.
    ///
    /// # Errors
    /// Every problem; the old snapshot keeps serving.
    pub fn reload(&self) -> Result<Reload, Reload> {
        let mut record = self.record.lock().unwrap_or_else(PoisonError::into_inner);
        // Without the state's lock: it waits for files and servers, and probes must not.
        let path = self.lock().path.clone();
        let ready = self.prepare(&path);
        let mut state = self.lock();
        let result = ready.and_then(|ready| self.put_in_force(&mut state, ready));
        let (successful, problems) = match &result {
            Ok(warnings) => (true, warnings),
            Err(problems) => (false, problems),
        };
        state.last_reload = Reload { successful, at: now(), problems: problems.lines() };
        let metrics = &self.shared.metrics;
        metrics.reloads.with_label_values(&[if successful { "success" } else { "failure" }]).inc();
        metrics.reload_successful.set(i64::from(successful));
        for problem in &state.last_reload.problems {
            tracing::warn!("{problem}");
        }
        if successful {
            self.in_force(&mut state);
            let (reload, snapshot) = (state.last_reload.clone(), self.shared.snapshot.load_full());
            // The disk may be slow.
            drop(state);
            record.keep(&snapshot.authorities);
            tracing::info!(generation = snapshot.generation, "configuration reloaded");
            Ok(reload)
        } else {
            tracing::error!("reload refused; the old configuration keeps serving");
            Err(state.last_reload.clone())
        }
    }

    /// The state, for people and scripts.
    pub fn status(&self) -> Status {
        let snapshot = self.shared.snapshot.load();
        let state = self.lock();
        let mut hosts: Vec<_> = snapshot
            .hosts()
            .map(|host| HostStatus {
                name: host.label.to_string(),
                origin: host
                    .origins
                    .targets()
                    .iter()
                    .map(|target| &*target.label)
                    .collect::<Vec<_>>()
                    .join(" "),
                trust_anchors: host.trust.anchors().len(),
                certificate_not_after: host.certificate_not_after,
            })
            .collect();
        hosts.sort_by(|a, b| a.name.cmp(&b.name));
        Status {
            version: env!("CARGO_PKG_VERSION"),
            process: std::process::id(),
            config: state.path.clone(),
            identity: state.identity.clone(),
            revision: self.inventory.load().revision(),
            generation: snapshot.generation,
            draining: self.draining.load(Ordering::Relaxed),
            listeners: self.listeners.addresses(),
            hosts,
            connections: self.shared.metrics.connections.get(),
            verdict_cache: self.shared.verdicts.cache.statistics(),
            xdp: state.plane.status(),
            last_reload: state.last_reload.clone(),
            warnings: self.warnings(&state),
        }
    }

    /// Whether the gateway takes new connections, and what is degraded all the same.
    pub fn readiness(&self) -> (bool, Vec<String>) {
        (!self.draining.load(Ordering::Relaxed), self.warnings(&self.lock()))
    }

    /// All metrics, brought up to date.
    pub fn metrics(&self) -> Vec<u8> {
        let mut state = self.lock();
        let metrics = &self.shared.metrics;
        state.plane.report(metrics);
        let cache = self.shared.verdicts.cache.statistics();
        let before = std::mem::replace(&mut state.cache_reported, cache);
        metrics.cache_hits.inc_by(cache.hits - before.hits);
        metrics.cache_misses.inc_by(cache.misses - before.misses);
        metrics.cache_evictions.inc_by(cache.evictions - before.evictions);
        metrics.cache_entries.set(cache.entries.cast_signed());
        metrics.cache_capacity.set(cache.capacity.cast_signed());
        self.report_tokens(&mut state.tokens_reported);
        metrics.render()
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

    /// Loads everything that the file names, with what is stored, without putting it in force.
    fn prepare(&self, path: &Path) -> Result<Ready, Problems> {
        let base = Base::load(path)?;
        let config = &base.config;
        let mut problems = fixed_settings(&self.lock().base.config, config);
        problems.extend(missing_interfaces(config));
        let seats = self.shared.seats.as_ref().map_or_else(|| listen::seating(config), |seats| seats.cpus());
        problems.extend(listen::without_worker(config, &seats));
        let running = self.shared.snapshot.load_full();
        let accepted = Accepted::Known(running.authorities.clone());
        let inventory = self.resources();
        let stored = inventory.stored();
        let Composed { compiled, inventory, key_rotation } =
            base.compose(stored, problems, &self.shared.verdicts, &accepted, running.generation + 1)?;
        let Compiled { snapshot, crls, warnings, .. } = compiled;
        let source = base.source_with(stored);
        let crls = self.keeper.prepare(crls).map_err(|problems| Problems::new(&source, problems))?;
        let alerts = base.alerts()?;
        Ok(Ready { base, snapshot, inventory, key_rotation, alerts, crls, warnings })
    }

    fn put_in_force(&self, state: &mut State, ready: Ready) -> Result<Problems, Problems> {
        let Ready { base, snapshot, inventory, key_rotation, alerts, crls, warnings } = ready;
        let refused = |problems| Problems::new(&base.source, problems);
        let listeners = self.listeners.prepare(&base.config.listeners).map_err(refused)?;
        state.plane.apply(&snapshot, &base.config.protected()).map_err(refused)?;
        // Open connections hear of both with the index that follows the snapshot.
        self.keeper.adopt(crls, || {
            self.retired.keep(self.shared.snapshot.swap(Arc::new(snapshot)));
            self.inventory.store(Arc::new(inventory));
        });
        self.change_listeners(listeners);
        self.shared.tokens.configure(key_rotation, base.config.access.token_cache);
        self.alerts.configure(alerts);
        state.base = Arc::new(base);
        Ok(warnings)
    }

    /// The service manager closes its own before a last call, and hears of new ones when they are in force.
    fn change_listeners(&self, plan: Plan) {
        let new = plan.new_ones().to_vec();
        for listener in plan.gone() {
            self.manager.forget(listener.address());
        }
        self.listeners.apply(plan);
        for listener in new {
            self.manager.store(listener.address(), listener.sockets());
        }
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
        describe_certificates(&snapshot, &self.resources(), &self.shared);
    }

    fn warnings(&self, state: &State) -> Vec<String> {
        let mut warnings = state.plane.errors();
        warnings.extend(self.keeper.warnings());
        warnings.extend(self.store.problem());
        if self.draining.load(Ordering::Relaxed) {
            warnings.push("draining: no more connections are accepted".into());
        }
        if !state.last_reload.successful {
            warnings.push("the last reload was refused; the configuration before it is in force".into());
        }
        warnings
    }
}

fn describe_certificates(snapshot: &Snapshot, inventory: &Inventory, shared: &Shared) {
    let metrics = &shared.metrics;
    metrics.certificate_not_after.reset();
    metrics.trust_anchors.reset();
    let expiry = |kind, name: &str, not_after: u64| {
        metrics.certificate_not_after.with_label_values(&[kind, name]).set(not_after.cast_signed());
    };
    for host in snapshot.hosts() {
        if host.tls.is_some() {
            expiry("host", &host.label, host.certificate_not_after);
        }
        let anchors = host.trust.anchors();
        // A host that asks nobody for certificates trusts no CA, and that is not worth an alert.
        if host.client_auth != ClientAuth::None {
            metrics
                .trust_anchors
                .with_label_values(&[&*host.label])
                .set(anchors.len().try_into().unwrap_or(i64::MAX));
        }
    }
    for bundle in inventory.list(Kind::Certificate).filter_map(|it| it.bundle) {
        // A label for each of several would be one for each renewal.
        let anchors = bundle.anchors.iter().map(|anchor| anchor.not_after).min();
        let is_anchor = |uploaded: &Uploaded| bundle.anchors.iter().any(|it| uploaded.is(&it.der));
        let others = bundle.uploaded.iter().filter(|uploaded| !is_anchor(uploaded));
        let others = others.map(|uploaded| uploaded.not_after).min();
        for (kind, not_after) in [("ca", anchors), ("intermediate", others)] {
            if let Some(not_after) = not_after {
                expiry(kind, &bundle.name, not_after);
            }
        }
    }
}

/// What cannot change while the gateway runs.
fn fixed_settings(old: &Config, new: &Config) -> Vec<Problem> {
    let changed = [
        ("[server]", old.server != new.server),
        ("[admin]", !old.admin.is_served_alike(&new.admin)),
        ("[metrics]", old.metrics != new.metrics),
        ("[log]", old.log != new.log),
        ("xdp.mode", old.xdp.mode != new.xdp.mode),
        ("xdp.pin_dir", old.xdp.pin_dir != new.xdp.pin_dir),
        ("xdp.log", old.xdp.log != new.xdp.log),
        ("xdp.steer_cpus", old.xdp.steer_cpus.value != new.xdp.steer_cpus.value),
        ("[xdp.table]", old.xdp.table != new.xdp.table),
    ];
    let changed = changed.into_iter().filter(|(_, changed)| *changed);
    changed
        .map(|(what, _)| {
            Problem::error(format!("{what} has changed, and cannot change while the gateway runs"))
                .remedy("restart it")
        })
        .collect()
}

/// A problem for each interface that `config` names and the machine does not have.
pub fn missing_interfaces(config: &Config) -> Vec<Problem> {
    xdp::missing_interfaces(&config.xdp)
        .map(|name| Problem::error(xdp::AttachError::Missing(name.value.clone()).to_string()).at(name.span))
        .collect()
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs())
}
