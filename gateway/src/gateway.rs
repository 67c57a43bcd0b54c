//! Start to stop: everything is built and checked before the first connection is accepted.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;

use arc_swap::ArcSwap;
use sd_notify::NotifyState;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{Semaphore, watch};

use crate::access::token::{self, Tokens};
use crate::api::{self, AdminSocket};
use crate::config::{self, Config, Problems};
use crate::control::{Control, Parts};
use crate::crl::{self, Network};
use crate::device::refusal;
use crate::device::verdicts::Verdicts;
use crate::listen::{self, BindError, Inherited, Limiter, Listeners, Phase, Shared};
use crate::snapshot::{Compiled, Record, compile};
use crate::stream;
use crate::telemetry::access_log::Wanted;
use crate::telemetry::{AccessLog, Metrics};
use crate::xdp::DataPlane;

/// How often the XDP side is looked at: a lost link is noticed and mended this fast.
const HEALTH: Duration = Duration::from_secs(1);

/// How long an idle connection may still send a last request, in the drain's first half at most.
const LINGER: Duration = Duration::from_secs(1);

/// How long the last lines of the access log may take at the end.
const LAST_LINES: Duration = Duration::from_secs(1);

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
    Admin(#[from] api::AdminError),
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
    /// A thread, a runtime or a signal handler.
    #[error("cannot start: {0}")]
    System(#[from] io::Error),
}

/// Runs the gateway with the configuration at `path` until it is told to stop.
///
/// # Errors
/// [`StartError`], before any connection was accepted.
pub fn run(path: &Path) -> Result<(), StartError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let result = runtime.block_on(serve(path));
    // A reload that waits for a server must not hold up the end.
    runtime.shutdown_background();
    result
}

async fn serve(path: &Path) -> Result<(), StartError> {
    let (config, source) = Config::load(path)?;
    let verdicts = Arc::new(Verdicts::new(config.server.verdict_cache));
    let state_dir = config.server.state_dir(&source);
    let record = Record::open(state_dir.as_deref());
    let Compiled { snapshot, crls, warnings } = compile(&config, &source, &verdicts, &record.accepted(), 1)?;
    let denials = crl::Denials::open(state_dir.as_deref())?;
    let tokens = Arc::new(open_tokens(&config, &source)?);
    let crls =
        crl::Prepared::load(crls, Network::Ask).map_err(|problems| Problems::new(&source, problems))?;
    for warning in warnings.lines() {
        tracing::warn!("{warning}");
    }
    let metrics = new_metrics(&config)?;
    let workers = match config.server.workers {
        0 => available_parallelism().map_or(1, usize::from),
        workers => workers,
    };
    let (listeners, feeds) = Listeners::open(&config.listeners, workers, &mut Inherited::default())?;
    let addresses = listeners.addresses();
    let probes = bind_probes(config.metrics.listen)?;
    let admin = AdminSocket::bind(&config.admin.socket)?;
    let plane = DataPlane::start(&snapshot, &config.protected());
    if config.xdp.required && !plane.errors().is_empty() {
        return Err(StartError::Xdp(plane.errors().join("; ")));
    }
    let (end, phase) = watch::channel(Phase::Serving);
    let shared = Shared {
        snapshot: Arc::new(ArcSwap::from_pointee(snapshot)),
        verdicts,
        tokens,
        access_log: access_log(&config, &metrics)?,
        metrics,
        permits: Arc::new(Semaphore::new(config.server.max_connections as usize)),
        device_limits: Arc::new(stream::DeviceLimits::new(config.server.verdict_cache)),
        limiter: Arc::new(Limiter::new(config.xdp.table.sources)),
        phase,
        max_idle_origin_connections: config.server.max_idle_origin_connections as usize,
        max_origin_requests: config.server.max_origin_requests as usize,
        max_request_header: config.server.max_request_header as usize,
        max_streams: config.server.max_concurrent_streams,
    };
    let all_permits = config.server.max_connections;
    let keeper =
        Arc::new(crl::Keeper::new(crls, denials, Arc::clone(&shared.verdicts), shared.metrics.clone()));
    keeper.watch()?;
    let parts = Parts { plane, keeper, record, listeners };
    let control = Arc::new(Control::new(path.to_owned(), config, &warnings, parts, shared.clone()));
    let mut signals = Signals::new()?;
    for (index, feed) in feeds.into_iter().enumerate() {
        drop(listen::spawn(index, feed, shared.clone())?);
    }
    tokio::spawn(Arc::clone(&shared.tokens).look_after());
    listen::watch_origins(Arc::clone(&shared.snapshot), shared.metrics.clone())?;
    tokio::spawn(api::serve_probes(tokio::net::TcpListener::from_std(probes)?, Arc::clone(&control)));
    let admin_task = tokio::spawn(admin.serve(Arc::clone(&control)));
    tracing::info!(listeners = ?addresses, workers, "serving");
    notify(&[NotifyState::Ready]);

    signals.until_stopped(&control).await;
    notify(&[NotifyState::Stopping]);
    control.drain();
    let deadline = shared.snapshot.load().timeouts.drain;
    tracing::info!(?deadline, "draining");
    tokio::select! {
        () = drained(&control, &shared, &end, all_permits) => tracing::info!("drained"),
        () = tokio::time::sleep(deadline) => tracing::warn!("drain deadline passed; closing what is still open"),
        () = signals.stop() => tracing::warn!("stopped again; closing what is still open"),
    }
    admin_task.abort();
    shared.access_log.flush(LAST_LINES);
    Ok(())
}

/// Lets connections end, and waits until they have. Receivers of the phase live as long as the workers; without any there
/// is nothing to drain.
async fn drained(control: &Control, shared: &Shared, end: &watch::Sender<Phase>, all_permits: u32) {
    let closed = async {
        control.ended().await;
        // Every permit back means every connection closed.
        let _ = shared.permits.acquire_many(all_permits).await;
    };
    let _ = end.send(Phase::Leaving);
    let linger = LINGER.min(shared.snapshot.load().timeouts.drain / 2);
    tokio::pin!(closed);
    if tokio::time::timeout(linger, &mut closed).await.is_err() {
        let _ = end.send(Phase::Draining);
        closed.await;
    }
}

fn new_metrics(config: &Config) -> Result<Metrics, prometheus::Error> {
    let metrics = Metrics::new()?;
    metrics.register_process()?;
    metrics.build_info.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
    metrics.connections_limit.set(config.server.max_connections.into());
    metrics.count_panics();
    Ok(metrics)
}

/// Half of the cores at most sign tokens: the workers need the others.
fn open_tokens(config: &Config, source: &config::Source) -> Result<Tokens, token::TokensError> {
    let state_dir = config.server.state_dir(source);
    if state_dir.is_none() {
        tracing::warn!(
            "server.state_dir is not set: the key of application tokens lives until the gateway stops, and tokens end with it"
        );
    }
    let settings = token::Settings {
        state_dir,
        key_rotation: config.access.key_rotation,
        cache: config.access.token_cache,
        signers: available_parallelism().map_or(1, |cores| cores.get().div_ceil(2)),
    };
    Tokens::open(settings, refusal::now())
}

fn access_log(config: &Config, metrics: &Metrics) -> io::Result<AccessLog> {
    let dropped = metrics.access_log_dropped.clone();
    let is_on = |log| log == config::AccessLog::Json;
    let wanted = Wanted { access: is_on(config.log.access), audit: is_on(config.log.audit) };
    if wanted.access || wanted.audit {
        AccessLog::to(io::stdout(), wanted, dropped)
    } else {
        Ok(AccessLog::off(dropped))
    }
}

fn bind_probes(address: SocketAddr) -> Result<TcpListener, StartError> {
    let bind = || {
        let listener = TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        Ok(listener)
    };
    bind().map_err(|error| StartError::Metrics { address, error })
}

/// A reload as `Type=notify-reload` of systemd wants it: said before and after, with the time. The old snapshot serves
/// where the new one is refused, so that the service is ready again either way.
fn reload(control: &Control) {
    if let Ok(now) = NotifyState::monotonic_usec_now() {
        notify(&[NotifyState::Reloading, now]);
    }
    let status = match control.reload() {
        Ok(_) => "serving",
        Err(_) => "serving the configuration before a refused reload",
    };
    notify(&[NotifyState::Ready, NotifyState::Status(status)]);
}

/// Tells systemd, if it is listening.
fn notify(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!(%error, "cannot notify systemd");
    }
}

struct Signals {
    hangup: Signal,
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            hangup: signal(SignalKind::hangup())?,
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// Reloads on SIGHUP and looks after XDP, until the first SIGTERM or SIGINT.
    async fn until_stopped(&mut self, control: &Arc<Control>) {
        let mut health = tokio::time::interval(HEALTH);
        loop {
            tokio::select! {
                _ = self.hangup.recv() => {
                    // It may wait for CRLs; probes and the end must not.
                    let control = Arc::clone(control);
                    tokio::task::spawn_blocking(move || reload(&control));
                }
                _ = health.tick() => control.heal(),
                _ = self.interrupt.recv() => return,
                _ = self.terminate.recv() => return,
            }
        }
    }

    async fn stop(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
