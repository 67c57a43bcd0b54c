//! The door: whoever has no token that counts is not heard, and not often.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use axum::extract::{MatchedPath, Request, State};
use axum::http::HeaderMap;
use axum::middleware::Next;
use axum::response::Response;
use fleetgate_ebpf::gcra::Rate;

use super::area::{Area, Level};
use super::failures::Failures;
use super::presented::presented;
use super::{Caller, token};
use crate::api::refusal::Refusal;
use crate::config::Admin;
use crate::control::Control;
use crate::limit::Buckets;

/// Sources and tokens that are remembered at once.
const MOST: u32 = 4096;

/// Where a request comes from.
#[derive(Clone, Copy, Debug)]
pub(in crate::api) struct Source(pub(in crate::api) IpAddr);

/// Who is heard.
pub(in crate::api) struct Guard {
    control: Arc<Control>,
    started: Instant,
    rate: Rate,
    by_token: Buckets<Arc<str>>,
    failures: Failures,
}

impl Guard {
    pub(in crate::api) fn new(control: Arc<Control>, admin: &Admin) -> Self {
        Self {
            control,
            started: Instant::now(),
            rate: admin.rate,
            by_token: Buckets::new(MOST),
            failures: Failures::new(admin.failures, MOST),
        }
    }

    fn check(&self, source: IpAddr, headers: &HeaderMap) -> Result<Caller, Refusal> {
        let Some(text) = presented(headers) else { return Err(self.failure(source)) };
        let caller = token::find(&self.control.resources(), text, seconds());
        let Some(caller) = caller else { return Err(self.failure(source)) };
        let key = caller.token.clone().unwrap_or_default();
        if self.by_token.admit(&self.rate, key, self.now()) { Ok(caller) } else { Err(Refusal::too_many()) }
    }

    /// What somebody hears without a token that counts: after some, only that it is too often.
    fn failure(&self, source: IpAddr) -> Refusal {
        if self.failures.admit(source, self.now()) {
            tracing::warn!(%source, "a request to the API without a token that counts");
            Refusal::unauthenticated()
        } else {
            Refusal::too_many()
        }
    }

    fn now(&self) -> u64 {
        self.started.elapsed().as_nanos().try_into().unwrap_or(u64::MAX)
    }
}

fn seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// Lets only those through who have a token.
pub(in crate::api) async fn authenticate(
    State(guard): State<Arc<Guard>>,
    mut request: Request,
    next: Next,
) -> Response {
    let source = request.extensions().get::<Source>().map_or(IpAddr::from([0; 4]), |source| source.0);
    match guard.check(source, request.headers()) {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(refusal) => refusal.to(request.uri().path()),
    }
}

/// Lets only those through to a route whose token has its area in its scopes. Every token may ask what it is.
pub(in crate::api) async fn authorize(request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str).unwrap_or_default();
    let (area, level) = (Area::of(route), Level::of(request.method()));
    let is_verify = route == "/client/v4/user/tokens/verify";
    match request.extensions().get::<Caller>() {
        Some(caller) if is_verify || caller.scopes.allow(area, level) => next.run(request).await,
        Some(_) => Refusal::lacks(area.word(), level.word()).to(request.uri().path()),
        None => Refusal::unauthenticated().to(request.uri().path()),
    }
}
