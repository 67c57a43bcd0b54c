//! What is due when: a pure function of the time, the certificates, who is to be told, and what was recorded.
//!
//! Of the thresholds that a certificate has reached, the closest to its end is due, and the ones before it are passed over:
//! nobody needs two alerts at once. For each certificate and recipient, thresholds only ever get smaller: where the clock is
//! set back, what was said before is not said again.

use std::collections::{BTreeMap, HashMap};

use super::delivery::State;
use super::watched::Watched;
use crate::device::identity::Fingerprint;
use crate::model::alert::{Recipient, Threshold};
use crate::model::record_id::RecordId;

/// Who is told of which thresholds, and by which policy each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Route {
    /// Who.
    pub recipient: Recipient,
    /// The first policy that wants it is the one that is named.
    pub thresholds: BTreeMap<Threshold, RecordId>,
}

/// What was recorded of deliveries, by certificate and recipient.
pub(super) type Recorded = HashMap<(Fingerprint, Recipient), BTreeMap<Threshold, State>>;

/// An alert, past or to come.
#[derive(Clone, Copy, Debug)]
pub(super) struct Planned<'a> {
    /// The certificate.
    pub watched: &'a Watched,
    /// Who is told.
    pub recipient: &'a Recipient,
    /// The policy.
    pub policy: &'a RecordId,
    /// How long before the end.
    pub threshold: Threshold,
    /// When the threshold is reached. Seconds since the epoch.
    pub at: u64,
    /// Where it stands.
    pub status: Status,
}

/// Where an alert stands. Times are seconds since the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    /// It was delivered.
    Delivered(u64),
    /// It could not be delivered, and nobody tries any more.
    GivenUp(u64),
    /// It is to be sent now.
    Due,
    /// It failed, and is tried again then.
    Retry(u64),
    /// Its time is to come.
    Later,
    /// A later threshold has taken its place, or the certificate's end has.
    PassedOver,
    /// A renewed certificate has taken the certificate's place.
    Renewed,
}

/// Every alert about `watched` for `routes`, as of `now`.
pub(super) fn plan<'a>(
    now: u64,
    watched: &'a [Watched],
    routes: &'a [Route],
    recorded: &Recorded,
) -> Vec<Planned<'a>> {
    let pairs = watched.iter().flat_map(|watched| routes.iter().map(move |route| (watched, route)));
    pairs.flat_map(|(watched, route)| plan_one(now, watched, route, recorded)).collect()
}

/// When anything of a plan is due next, after `now`.
pub(super) fn next(now: u64, plan: &[Planned<'_>]) -> Option<u64> {
    let time = |planned: &Planned<'_>| match planned.status {
        Status::Later => Some(planned.at),
        Status::Retry(at) => Some(at),
        Status::Due => Some(now),
        Status::Delivered(_) | Status::GivenUp(_) | Status::PassedOver | Status::Renewed => None,
    };
    plan.iter().filter_map(time).min()
}

fn plan_one<'a>(now: u64, watched: &'a Watched, route: &'a Route, recorded: &Recorded) -> Vec<Planned<'a>> {
    let nothing = BTreeMap::new();
    let recorded = recorded.get(&(watched.fingerprint, route.recipient.clone())).unwrap_or(&nothing);
    let context = Context {
        now,
        not_after: watched.not_after,
        is_renewed: watched.renewed_by.is_some(),
        said: recorded.iter().find(|(_, state)| state.is_final()).map(|(threshold, _)| *threshold),
        current: route.thresholds.keys().find(|it| it.is_reached(watched.not_after, now)).copied(),
    };
    let planned = |(threshold, policy): (&Threshold, &'a RecordId)| Planned {
        watched,
        recipient: &route.recipient,
        policy,
        threshold: *threshold,
        at: threshold.at(watched.not_after),
        status: context.status(*threshold, recorded.get(threshold)),
    };
    // The farthest from the end first.
    route.thresholds.iter().rev().map(planned).collect()
}

struct Context {
    now: u64,
    not_after: u64,
    is_renewed: bool,
    /// The closest to the end that is over and done with, whether it is still wanted or not.
    said: Option<Threshold>,
    /// The closest to the end that is reached.
    current: Option<Threshold>,
}

impl Context {
    fn status(&self, threshold: Threshold, state: Option<&State>) -> Status {
        match state {
            Some(State::Delivered { at }) => return Status::Delivered(*at),
            Some(State::GivenUp { at }) => return Status::GivenUp(*at),
            Some(State::Sending | State::Failed { .. }) | None => {}
        }
        if self.is_renewed {
            return Status::Renewed;
        }
        if self.said.is_some_and(|said| said < threshold) {
            return Status::PassedOver;
        }
        if self.now < threshold.at(self.not_after) {
            return Status::Later;
        }
        if self.current != Some(threshold) {
            return Status::PassedOver;
        }
        match state {
            // A clock that says it was tried in the future was set back since.
            Some(State::Failed { at, retry_at }) if (*at..*retry_at).contains(&self.now) => {
                Status::Retry(*retry_at)
            }
            // One that is being sent and is nobody's work any more was interrupted: perhaps it arrived, perhaps not.
            _ => Status::Due,
        }
    }
}

#[cfg(test)]
mod tests;
