//! `/client/v4`: the part of Cloudflare's API that this product is about, for Cloudflare's clients. One resource a file;
//! docs/api.md says what differs.

mod alerting;
mod answer;
mod applications;
mod ask;
mod certificate_settings;
mod certificates;
mod groups;
mod keys;
mod links;
mod logs;
mod managed_headers;
mod organizations;
mod own_policies;
mod page;
mod policies;
mod resource;
mod rules;
mod scope;
mod service_tokens;
mod time;
mod verify;

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::get;

use super::refusal::{Refusal, code};
use crate::control::Control;
use scope::Scope;

/// What a handler gives.
type Result<T = answer::Answer> = std::result::Result<T, Refusal>;

/// A part of the routes, below an account or a zone.
type Routes = Router<Arc<Control>>;

/// Every route. `control` knows which account and which zone there are.
pub(super) fn routes(control: &Arc<Control>) -> Routes {
    let in_scope = |check: Scope| from_fn_with_state((Arc::clone(control), check), scope::check);
    Router::new()
        .nest("/client/v4/accounts/{account_id}", account().route_layer(in_scope(Scope::Account)))
        .nest("/client/v4/zones/{zone_id}", zone().route_layer(in_scope(Scope::Zone)))
        .route("/client/v4/user/tokens/verify", get(verify::verify))
        .method_not_allowed_fallback(async || Refusal::no_route())
}

fn account() -> Routes {
    shared()
        .merge(policies::routes())
        .merge(keys::routes())
        .merge(logs::routes())
        .merge(alerting::routes())
        .merge(service_tokens::account_routes())
}

fn zone() -> Routes {
    shared().merge(managed_headers::routes())
}

/// What an account and a zone both have, and see alike.
fn shared() -> Routes {
    certificates::routes()
        .merge(certificate_settings::routes())
        .merge(applications::routes())
        .merge(own_policies::routes())
        .merge(groups::routes())
        .merge(service_tokens::routes())
        .merge(organizations::routes())
}
