//! Who asks, and what they may: bearer tokens over TCP, and whoever the kernel lets through to the unix socket.

mod area;
mod failures;
mod guard;
mod presented;
mod token;

use std::sync::Arc;

pub(super) use area::Scopes;
pub(super) use guard::{Guard, Source, authenticate, authorize};
pub(super) use token::{issue, keep_first, random, view};

/// Who asks.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    /// For the audit log.
    pub(super) who: Arc<str>,
    /// What they may.
    pub(super) scopes: Arc<Scopes>,
    /// The id of their token, if they need one.
    pub(super) token: Option<Arc<str>>,
}

impl Caller {
    /// Somebody on the unix socket: root, or the gateway's own user.
    pub(super) fn local() -> Self {
        Self { who: "admin socket".into(), scopes: Arc::new(Scopes::all()), token: None }
    }
}
