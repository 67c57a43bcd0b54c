//! What a request needs to know of its connection and its worker.

use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::Arc;

use arc_swap::ArcSwap;
use http::HeaderValue;

use super::request_body::RequestBody;
use crate::connection::{self, AsOf, InForce};
use crate::device::verdicts::Verdicts;
use crate::origin::Pool;
use crate::snapshot::Snapshot;
use crate::telemetry::{AccessLog, Metrics};
use crate::tls::Accepted;

/// What all connections of a worker share.
pub struct Context {
    /// The snapshot in force.
    pub snapshot: Arc<ArcSwap<Snapshot>>,
    /// Verdicts.
    pub verdicts: Arc<Verdicts>,
    /// Metrics.
    pub metrics: Metrics,
    /// The access log.
    pub access_log: AccessLog,
    /// This worker's connections to origins.
    pub pool: Pool<RequestBody>,
    /// Bytes of a request's head at most.
    pub max_header: usize,
}

impl Context {
    /// What connections are judged by.
    pub(super) fn in_force(&self) -> InForce<'_> {
        InForce { snapshot: &self.snapshot, verdicts: &self.verdicts }
    }
}

/// A device's connection that carries requests.
pub(super) struct Connection {
    connection: connection::Connection,
    pub(super) source_header: HeaderValue,
}

impl Connection {
    /// The connection that a handshake led to, which began under `as_of`.
    pub(super) fn new(accepted: &Accepted, source: SocketAddr, as_of: AsOf) -> Self {
        // An address is always a valid header value.
        let source_header = HeaderValue::try_from(source.ip().to_string())
            .unwrap_or_else(|_| HeaderValue::from_static("unknown"));
        Self { connection: connection::Connection::new(accepted, source, as_of), source_header }
    }
}

impl Deref for Connection {
    type Target = connection::Connection;

    fn deref(&self) -> &Self::Target {
        &self.connection
    }
}
