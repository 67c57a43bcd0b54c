//! Audit lines: a decision that denies, or the first of its connection that permits.

use super::connection::Context;
use crate::access::{Denial, Permit};
use crate::model::application::Application;
use crate::telemetry::access_log::{self, Line, Peer};

/// What an audit line says of a request beside the decision.
pub(super) struct Audit<'a> {
    pub(super) host: &'a str,
    pub(super) ray_id: &'a str,
    pub(super) peer: Peer<'a>,
}

impl Audit<'_> {
    pub(super) fn denied(self, context: &Context, denial: &Denial<'_>) {
        self.write(context, denial.application, denial.policy_name(), Some(denial.reason.label()));
    }

    pub(super) fn permitted(self, context: &Context, permit: &Permit<'_>) {
        self.write(context, permit.application, permit.policy_name(), None);
    }

    fn write(
        self,
        context: &Context,
        application: Option<&Application>,
        policy: Option<&str>,
        reason: Option<&str>,
    ) {
        context.access_log.write(&Line::Decision {
            time: access_log::now(),
            ray_id: self.ray_id,
            host: self.host,
            application: application.map(|application| application.name.as_str()),
            application_id: application.map(|application| application.id.to_string()),
            policy,
            decision: if reason.is_some() { "deny" } else { "permit" },
            reason,
            peer: self.peer,
        });
    }
}
