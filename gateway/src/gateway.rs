//! Start to stop: everything is built and checked before the first connection is accepted.

mod memory;
mod read;
mod running;
mod signals;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;

use arc_swap::ArcSwap;
use sd_notify::NotifyState;
use tokio::sync::{Notify, Semaphore, watch};

use crate::access::token::{self, Tokens};
use crate::api::{self, AdminError, AdminSocket, ApiListener, ApiListenerError, FirstToken};
use crate::config::{self, Config, Problems};
use crate::control::{Base, Control, Identity, Parts};
use crate::crl;
use crate::device::verdicts::Verdicts;
use crate::handover::{self, Manager, Predecessor, Program};
use crate::limit::Devices;
use crate::listen::{self, BindError, Inherited, Limiter, Listeners, Mailbox, Phase, Seats, Shared};
use crate::snapshot::Snapshot;
use crate::store::StoreError;
use crate::telemetry::access_log::Wanted;
use crate::telemetry::{AccessLog, Metrics};
use crate::xdp::DataPlane;
use read::Read;
use running::Running;
use signals::Signals;

/// Why the gateway did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] Problems),
    /// A listener.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// XDP is required and not to be had.
    #[error("xdp.required is set, and XDP is not attached: {0}")]
    Xdp(String),
    /// The admin socket.
    #[error(transparent)]
    Admin(#[from] AdminError),
    /// The metrics endpoint.
    #[error("cannot listen on {address} for metrics: {error}; choose another metrics.listen")]
    Metrics {
        /// Where.
        address: SocketAddr,
        /// What the system said.
        error: io::Error,
    },
    /// Two metrics share a name.
    #[error(transparent)]
    Registry(#[from] prometheus::Error),
    /// What operators denied.
    #[error(transparent)]
    Denied(#[from] crl::DeniedFileError),
    /// The keys of application tokens, or what operators revoked of them.
    #[error(transparent)]
    Tokens(#[from] token::TokensError),
    /// What is stored.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The API.
    #[error(transparent)]
    Api(#[from] ApiListenerError),
    /// The gateway before.
    #[error("the gateway before has not handed over: {0}")]
    Unwanted(io::Error),
    /// A thread, a runtime or a signal handler.
    #[error("cannot start: {0}")]
    System(#[from] io::Error),
}

/// Runs the gateway with the configuration at `path` until it is told to stop.
///
/// # Errors
/// [`StartError`], before any connection was accepted.
pub fn run(path: &Path) -> Result<(), StartError> {
    memory::take_small_pages();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (mut predecessor, given) = Predecessor::find()?.unzip();
    let given = given.into_iter().flatten().chain(handover::listening()?);
    let result = runtime.block_on(serve(path, &mut predecessor, Inherited::new(given)));
    if let (Err(error), Some(predecessor)) = (&result, predecessor) {
        predecessor.fail(error);
    }
    // A reload that waits for a server must not hold up the end.
    runtime.shutdown_background();
    result
}

async fn serve(
    path: &Path,
    predecessor: &mut Option<Predecessor>,
    mut inherited: Inherited,
) -> Result<(), StartError> {
    let (program, manager) = (Program::own()?, Manager::from_environment());
    let Read {
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
    } = Read::all(path)?;
    let Base { config, source, .. } = &base;
    let state_dir = config.server.state_dir(source);
    let metrics = new_metrics(config)?;
    let (seats, mailboxes) = seat(config, source)?;
    let workers = mailboxes.len();
    let given = inherited.addresses();
    let (listeners, feeds) = Listeners::open(&config.listeners, workers, &mut inherited)?;
    let addresses = listeners.addresses();
    let probes = bind_probes(config.metrics.listen, &mut inherited)?;
    let api = open_api(&config.admin, source, &mut inherited)?;
    let mut admin = bind_admin(&config.admin, predecessor.as_ref())?;
    let plane = DataPlane::start(&snapshot, &config.protected());
    require_xdp(config, &plane, predecessor.is_some())?;
    let (end, phase) = watch::channel(Phase::Serving);
    let judges = Judges { snapshot, verdicts, tokens };
    let shared = share(config, judges, metrics, seats, phase)?;
    let all_permits = config.server.max_connections;
    let keeper =
        Arc::new(crl::Keeper::new(crls, denials, Arc::clone(&shared.verdicts), shared.metrics.clone()));
    keeper.watch()?;
    let parts = Parts {
        plane,
        keeper,
        store,
        identity: identity.clone(),
        inventory,
        alerts,
        record,
        listeners,
        probes: probes.try_clone()?,
        api: api.as_ref().map(ApiListener::socket).transpose()?,
        program,
        manager,
    };
    let control = Arc::new(Control::new(path.to_owned(), base, &warnings, parts, shared.clone()));
    let mut signals = Signals::new()?;
    for (index, (feed, mailbox)) in feeds.into_iter().zip(mailboxes).enumerate() {
        drop(listen::spawn(index, feed, mailbox, shared.clone())?);
    }
    let tokens = tokio::spawn(Arc::clone(&shared.tokens).look_after());
    listen::watch_origins(Arc::clone(&shared.snapshot), shared.metrics.clone())?;
    let probes =
        tokio::spawn(api::serve_probes(tokio::net::TcpListener::from_std(probes)?, Arc::clone(&control)));
    let first_token = FirstToken::wanted(api.as_ref(), state_dir);
    first_token.issue_unless(predecessor.is_some(), &control);
    let api = tokio::spawn(serve_api(api, Arc::clone(&control)));
    admin.put_in_place()?;
    let no_more_verbs = Arc::new(Notify::new());
    let admin = tokio::spawn({
        let end = Arc::clone(&no_more_verbs);
        admin.serve(Arc::clone(&control), async move { end.notified().await })
    });
    let unclaimed = inherited.addresses();
    drop(inherited);
    if let Some(predecessor) = predecessor.take() {
        let taken = given.iter().filter(|address| !unclaimed.contains(address)).copied().collect();
        predecessor.take_over(taken).await.map_err(StartError::Unwanted)?;
    }
    for address in unclaimed {
        manager.forget(address);
    }
    control.store_sockets();
    control.settle();
    first_token.issue(&control);
    let running = Running {
        control: Arc::clone(&control),
        shared,
        phase: end,
        all_permits,
        tokens,
        alerts: tokio::spawn(Arc::clone(&control).send_alerts()),
        probes,
        api,
        admin,
        no_more_verbs,
    };
    let Identity { account_id, zone_id } = identity;
    tracing::info!(listeners = ?addresses, workers, account_id, zone_id, "serving");
    manager.notify(&[NotifyState::Ready]);

    signals.until_stopped(&control, manager).await;
    running.end(&mut signals, manager).await;
    Ok(())
}

/// Refuses to start without XDP where it is required.
fn require_xdp(config: &Config, plane: &DataPlane, is_successor: bool) -> Result<(), StartError> {
    // The program of the gateway before protects until its end.
    let is_bearable = is_successor && plane.is_only_taken();
    if config.xdp.required && !plane.errors().is_empty() && !is_bearable {
        return Err(StartError::Xdp(plane.errors().join("; ")));
    }
    Ok(())
}

/// What decides about devices.
struct Judges {
    snapshot: Snapshot,
    verdicts: Arc<Verdicts>,
    tokens: Arc<Tokens>,
}

/// What all workers have in common.
fn share(
    config: &Config,
    judges: Judges,
    metrics: Metrics,
    seats: Option<Arc<Seats>>,
    phase: watch::Receiver<Phase>,
) -> io::Result<Shared> {
    let Judges { snapshot, verdicts, tokens } = judges;
    let server = &config.server;
    Ok(Shared {
        snapshot: Arc::new(ArcSwap::from_pointee(snapshot)),
        verdicts,
        tokens,
        access_log: access_log(config, &metrics)?,
        permits: Arc::new(Semaphore::new(server.max_connections as usize)),
        devices: Arc::new(Devices::new(server.verdict_cache, metrics.clone())),
        metrics,
        seats,
        limiter: Arc::new(Limiter::new(config.xdp.table.sources, config.xdp.table.bans)),
        phase,
        max_idle_origin_connections: server.max_idle_origin_connections as usize,
        max_origin_requests: server.max_origin_requests as usize,
        max_request_header: server.max_request_header as usize,
        max_request_body: server.max_request_body,
        max_streams: server.max_concurrent_streams,
    })
}

/// Where workers sit, if they do, and a mailbox for each of them.
type Seated = (Option<Arc<Seats>>, Vec<Option<Mailbox>>);

/// Where workers sit, and for each what it hears from the others. Where packets are not steered, each serves what it accepts.
fn seat(config: &Config, source: &Arc<config::Source>) -> Result<Seated, Problems> {
    let seating = listen::seating(config);
    let missing = listen::without_worker(config, &seating);
    if !missing.is_empty() {
        return Err(Problems::new(source, missing));
    }
    if seating.iter().all(Option::is_none) {
        return Ok((None, seating.iter().map(|_| None).collect()));
    }
    let (seats, mailboxes) = Seats::new(&seating);
    Ok((Some(Arc::new(seats)), mailboxes.into_iter().map(Some).collect()))
}

fn new_metrics(config: &Config) -> Result<Metrics, prometheus::Error> {
    let metrics = Metrics::new()?;
    metrics.register_process()?;
    metrics.build_info.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
    metrics.connections_limit.set(config.server.max_connections.into());
    metrics.count_panics();
    Ok(metrics)
}

fn access_log(config: &Config, metrics: &Metrics) -> io::Result<AccessLog> {
    let dropped = metrics.access_log_dropped.clone();
    let is_on = |log| log == config::AccessLog::Json;
    let wanted = Wanted { access: is_on(config.log.access), audit: is_on(config.log.audit) };
    let log = if wanted.access || wanted.audit {
        AccessLog::to(io::stdout(), wanted, dropped)?
    } else {
        AccessLog::off(dropped)
    };
    Ok(log.keeping(config.admin.kept_decisions as usize))
}

fn bind_probes(address: SocketAddr, inherited: &mut Inherited) -> Result<TcpListener, StartError> {
    bind(address, inherited).map_err(|error| StartError::Metrics { address, error })
}

/// The admin socket; a successor's is put in place later.
fn bind_admin(admin: &config::Admin, predecessor: Option<&Predecessor>) -> Result<AdminSocket, AdminError> {
    match predecessor {
        None => AdminSocket::bind(&admin.socket),
        Some(_) => AdminSocket::bind_beside(&admin.socket),
    }
}

/// The API over TCP, where it is wanted.
fn open_api(
    admin: &config::Admin,
    source: &config::Source,
    inherited: &mut Inherited,
) -> Result<Option<ApiListener>, ApiListenerError> {
    let Some(address) = admin.listen else { return Ok(None) };
    let socket = bind(address, inherited).map_err(|error| ApiListenerError::Bind { address, error })?;
    ApiListener::open(socket, admin, source).map(Some)
}

async fn serve_api(api: Option<ApiListener>, control: Arc<Control>) {
    let Some(api) = api else { return };
    if let Err(error) = api.serve(control).await {
        tracing::error!(%error, "the API is not served over TCP");
    }
}

fn bind(address: SocketAddr, inherited: &mut Inherited) -> io::Result<TcpListener> {
    if let Some(listener) = inherited.take(address).pop() {
        return Ok(listener);
    }
    let listener = TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}
