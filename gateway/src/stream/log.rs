//! The log's line about how a stream was decided.

use super::serve::Context;
use crate::access::Permit;
use crate::connection::{Connection, State, peer};
use crate::telemetry::access_log::{self, Line};

/// What is logged of a decision.
#[derive(Clone, Copy)]
struct Decided<'a> {
    decision: &'static str,
    reason: Option<&'static str>,
    policy: Option<&'a str>,
}

/// Logs a stream that begins.
pub(super) fn log_start(
    context: &Context,
    connection: &Connection,
    state: &State,
    ray_id: &str,
    permit: Permit<'_>,
) {
    let decided = Decided { decision: "permit", reason: None, policy: permit.policy_name() };
    log(context, connection, state, ray_id, decided);
}

/// Logs a stream that does not begin, for this reason. `policy` decided, whether it permitted or not.
pub(super) fn log_denial(
    context: &Context,
    connection: &Connection,
    state: &State,
    ray_id: &str,
    reason: &'static str,
    policy: Option<&str>,
) {
    log(context, connection, state, ray_id, Decided { decision: "deny", reason: Some(reason), policy });
}

fn log(context: &Context, connection: &Connection, state: &State, ray_id: &str, decided: Decided<'_>) {
    let Decided { decision, reason, policy } = decided;
    context.access_log.write(&Line::StreamStart {
        time: access_log::now(),
        ray_id,
        host: &state.host.label,
        decision,
        reason,
        policy,
        peer: peer(connection.source, &state.device),
    });
}
