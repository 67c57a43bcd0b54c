//! Serving one stream, from the end of its handshake to its own.

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::ServerConnection;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use super::open::open;
use super::proxy_header::{Facts, Tls};
use super::run::run;
use crate::config::ProxyProtocol;
use crate::connection::{AsOf, Connection, InForce, State, Turns, terminated};
use crate::device::verdicts::Verdicts;
use crate::limit::{Devices, Standing};
use crate::origin::Streams;
use crate::relay::close;
use crate::snapshot::Snapshot;
use crate::telemetry::{AccessLog, Metrics, ray_id};
use crate::tls::{Accepted, Through};

/// What all streams of a worker share.
pub struct Context {
    /// The snapshot in force.
    pub snapshot: Arc<ArcSwap<Snapshot>>,
    /// Verdicts.
    pub verdicts: Arc<Verdicts>,
    /// Metrics.
    pub metrics: Metrics,
    /// The access log.
    pub access_log: AccessLog,
    /// Connects to origins.
    pub origins: Streams,
    /// What each device does.
    pub devices: Arc<Devices>,
    /// Whose turn it is on this worker.
    pub turns: Turns,
}

impl Context {
    pub(super) fn in_force(&self) -> InForce<'_> {
        InForce { snapshot: &self.snapshot, verdicts: &self.verdicts }
    }
}

/// Where a connection comes from, and where it went, as far as a balancer in front says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ends {
    /// The device's address.
    pub source: SocketAddr,
    /// The address that it connected to, where that is not our own.
    pub destination: Option<SocketAddr>,
}

/// Serves a stream until it ends. A drain leaves it alone until its deadline: nobody can tell when a stream is done.
pub async fn serve(
    context: Rc<Context>,
    accepted: Accepted,
    (ends, standing): (Ends, Standing),
    as_of: AsOf,
) {
    let connection = Connection::new(&accepted, (ends.source, standing), as_of);
    let label = Arc::clone(&accepted.host.label);
    let mut device = accepted.stream;
    let first = |state: &State, device: &TlsStream<TcpStream>, ray_id: &str| {
        let (tcp, tls) = device.get_ref();
        introduction(state, &connection, ends, tcp, Some(tls), ray_id)
    };
    pass(&context, &connection, &label, &mut *device, first).await;
    close(&mut *device).await;
}

/// Serves a stream whose TLS goes through, until it ends.
pub async fn serve_through(
    context: Rc<Context>,
    through: Through,
    (ends, standing): (Ends, Standing),
    as_of: AsOf,
) {
    let connection = Connection::through(&through, (ends.source, standing), as_of);
    let label = Arc::clone(&through.host.label);
    let Through { stream: mut device, read, .. } = through;
    let first = |state: &State, device: &TcpStream, ray_id: &str| {
        let mut first = introduction(state, &connection, ends, device, None, ray_id);
        first.extend(read);
        first
    };
    pass(&context, &connection, &label, &mut device, first).await;
    close(&mut device).await;
}

/// Opens a stream and has it run. `first` is what the origin gets before anything else.
async fn pass<D: AsyncRead + AsyncWrite + Unpin>(
    context: &Context,
    connection: &Connection,
    label: &str,
    device: &mut D,
    first: impl FnOnce(&State, &D, &str) -> Vec<u8>,
) {
    let (changes, lost) = connection.watch(context.in_force());
    if let Some(reason) = lost {
        terminated(&context.metrics, label, connection.source, reason);
    } else if let Some(state) = connection.state(context.in_force()) {
        let ray_id = ray_id();
        let first = first(&state, device, &ray_id);
        // The state, and with it the host of this snapshot, goes with the opening: a stream may outlive many reloads.
        let opening = open(context, connection, state, ray_id, first, device);
        if let Some(open) = Box::pin(opening).await {
            run(context, connection, device, open, changes).await;
            context.turns.to_end().await;
        }
    }
}

/// What the origin is told of who is there, where it wants to know.
fn introduction(
    state: &State,
    connection: &Connection,
    ends: Ends,
    device: &TcpStream,
    tls: Option<&ServerConnection>,
    ray_id: &str,
) -> Vec<u8> {
    if state.host.proxy_protocol == ProxyProtocol::Off {
        return Vec::new();
    }
    let facts = Facts {
        source: ends.source,
        // Without it, it is where the device is that counts.
        destination: ends.destination.or(device.local_addr().ok()).unwrap_or(ends.source),
        name: connection.name.as_str(),
        tls: tls.map(|tls| Tls::of(tls, &state.host.certificate_facts, &state.device)),
    };
    facts.encode(ray_id)
}
