//! Active health checks: origins are asked whether they are well, before a request finds out.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use http::uri::PathAndQuery;
use http::{HeaderValue, Request, Uri, header};
use http_body_util::Empty;
use hyper::body::Bytes;
use tokio::time::{Instant, timeout};

use super::dial::Dialer;
use super::pool::{Limits, Pool};
use super::target::Target;
use crate::telemetry::Metrics;

/// How long an answer may take, connecting included.
const TIME: Duration = Duration::from_secs(5);
/// Failures in a row that make an origin unwell. The first success makes it well.
const FAILURES: u32 = 2;

/// What an origin is asked.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Check {
    /// A path; any answer below 400 to a GET for it will do.
    pub path: PathAndQuery,
    /// The `Host` to ask for.
    pub host: HeaderValue,
    /// How often.
    pub interval: Duration,
}

/// Asks origins. One for all workers.
pub struct Checker {
    pool: Pool<Empty<Bytes>>,
    asked: Rc<RefCell<HashMap<u64, Asked>>>,
}

/// What is known of an origin that is asked.
struct Asked {
    due: Instant,
    failures: u32,
}

impl Checker {
    /// Asks nobody yet.
    pub fn new(metrics: Metrics) -> Self {
        // Each check makes a connection of its own: one that is kept says nothing of the next.
        let limits = Limits {
            connect: TIME,
            response: TIME,
            stall: TIME,
            idle: Duration::ZERO,
            max_idle: 0,
            max_requests: 1,
        };
        Self { pool: Pool::new(Dialer::default(), metrics, limits), asked: Rc::default() }
    }

    /// Begins the checks that are due. Whatever is not among `targets` is forgotten.
    pub fn tick(&self, targets: impl Iterator<Item = Arc<Target>>) {
        self.pool.reap();
        let mut asked = self.asked.borrow_mut();
        let mut before = std::mem::take(&mut *asked);
        for target in targets {
            let Some(check) = &target.check else { continue };
            let now = Instant::now();
            let entry = before.remove(&target.id).unwrap_or(Asked { due: now, failures: 0 });
            let entry = asked.entry(target.id).or_insert(entry);
            if entry.due <= now {
                // The next begins when this one has ended.
                entry.due = now + check.interval + TIME;
                tokio::task::spawn_local(ask(self.pool.clone(), Rc::clone(&self.asked), target));
            }
        }
    }
}

async fn ask(pool: Pool<Empty<Bytes>>, asked: Rc<RefCell<HashMap<u64, Asked>>>, target: Arc<Target>) {
    let Some(check) = &target.check else { return };
    let failure = failure(&pool, &target, check).await;
    let mut asked = asked.borrow_mut();
    let Some(entry) = asked.get_mut(&target.id) else { return };
    entry.due = Instant::now() + check.interval;
    match failure {
        None => {
            if target.health.set_well(true) {
                tracing::info!(origin = %target.url, "an origin is well again");
            }
            entry.failures = 0;
        }
        Some(failure) => {
            entry.failures = entry.failures.saturating_add(1);
            if entry.failures >= FAILURES && target.health.set_well(false) {
                tracing::warn!(origin = %target.url, failure, "an origin is unwell");
            }
        }
    }
}

/// Why the origin is not well.
async fn failure(pool: &Pool<Empty<Bytes>>, target: &Arc<Target>, check: &Check) -> Option<String> {
    let mut request = Request::new(Empty::new());
    *request.uri_mut() = Uri::from(check.path.clone());
    let headers = request.headers_mut();
    headers.insert(header::HOST, check.host.clone());
    headers.insert(
        header::USER_AGENT,
        HeaderValue::from_static(concat!("fleetgate/", env!("CARGO_PKG_VERSION"))),
    );
    match timeout(TIME, pool.send_unseen(target, request)).await {
        Err(_) => Some(format!("no answer within {TIME:?}")),
        Ok(Err(error)) => Some(error.to_string()),
        Ok(Ok(response)) if response.status().as_u16() >= 400 => {
            Some(format!("it answers {}", response.status()))
        }
        Ok(Ok(_)) => None,
    }
}

#[cfg(test)]
mod tests;
