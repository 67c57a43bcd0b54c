//! What is served to operators and their tools: Cloudflare's API and our own, over TCP to whoever has a token and on the
//! admin socket; and the probes.

mod admin;
mod auth;
mod listener;
mod plain;
mod probes;
mod refusal;
mod server;
mod v4;

use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::Uri;
use axum::middleware::from_fn;

use crate::control::Control;
use refusal::Refusal;

pub use admin::{AdminError, AdminSocket};
pub use listener::{ApiListener, ApiListenerError};
pub use probes::serve as serve_probes;

/// Every route, for whoever is let through to them.
fn routes(control: &Arc<Control>) -> Router {
    let max_body = control.max_api_body();
    Router::new()
        .merge(admin::routes(control))
        .merge(v4::routes(control))
        .route_layer(from_fn(auth::authorize))
        .fallback(async |uri: Uri| Refusal::no_route().to(uri.path()))
        .layer(DefaultBodyLimit::max(max_body))
        .layer(from_fn(plain::shape))
        .with_state(Arc::clone(control))
}

/// The first API token, where the API is served over TCP and there is a folder for it.
pub struct FirstToken(Option<PathBuf>);

impl FirstToken {
    /// In a file of `state_dir`, where `api` is served.
    pub fn wanted(api: Option<&ApiListener>, state_dir: Option<PathBuf>) -> Self {
        Self(api.and(state_dir))
    }

    /// Issues it, unless another gateway still has what is stored.
    pub fn issue_unless(&self, is_successor: bool, control: &Control) {
        if !is_successor {
            self.issue(control);
        }
    }

    /// Issues it where there is no token.
    pub fn issue(&self, control: &Control) {
        let Some(state_dir) = &self.0 else { return };
        if let Err(error) = auth::keep_first(control, state_dir) {
            tracing::error!(%error, "there is no API token; `fleetgate api-token create` issues one");
        }
    }
}
