//! What happens when, in order.

use std::time::Duration;

use super::scenario::Scenario;

/// Pieces that what goes on for a while is done in.
const PIECES: u32 = 20;

/// One thing that is done.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Step {
    /// A phase begins.
    Phase(&'static str),
    /// All connections of these fleets are cut.
    Cut(Vec<String>),
    /// The gateway is killed and started again.
    Restart,
    /// This share of a fleet is on the CRL.
    Revoke(String, f64),
    /// A host trusts these CAs.
    Trust(String, Vec<String>),
    /// This share of a fleet has its next certificate.
    Renew(String, f64),
}

/// Steps, and when they are due after all devices have come.
pub(super) fn timeline(scenario: &Scenario) -> Vec<(Duration, Step)> {
    let mut steps = Vec::new();
    let mut event = |at: Duration, name: &'static str, done: &mut dyn Iterator<Item = (Duration, Step)>| {
        steps.push((at, Step::Phase(name)));
        steps.extend(done);
    };
    for cut in &scenario.cut {
        event(cut.at, "cut", &mut [(cut.at, Step::Cut(cut.fleets.clone()))].into_iter());
    }
    for restart in &scenario.restart {
        event(restart.at, "restart", &mut [(restart.at, Step::Restart)].into_iter());
    }
    for trust in &scenario.trust {
        let step = Step::Trust(trust.host.clone(), trust.cas.clone());
        event(trust.at, "trust", &mut [(trust.at, step)].into_iter());
    }
    for revoke in &scenario.revoke {
        let step = |share| Step::Revoke(revoke.fleet.clone(), share * revoke.share);
        event(revoke.at, "revoke", &mut pieces(revoke.at, revoke.over).map(|(at, share)| (at, step(share))));
    }
    for renew in &scenario.renew {
        let step = |share| Step::Renew(renew.fleet.clone(), share);
        event(renew.at, "renew", &mut pieces(renew.at, renew.over).map(|(at, share)| (at, step(share))));
    }
    // Stable: a phase begins before what it is named after.
    steps.sort_by_key(|(at, _)| *at);
    steps
}

/// Moments of a while, with the share that is done by then.
fn pieces(at: Duration, over: Duration) -> impl Iterator<Item = (Duration, f64)> {
    (1..=PIECES).map(move |piece| (at + over * (piece - 1) / PIECES, f64::from(piece) / f64::from(PIECES)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_on_for_a_while_is_done_in_pieces_up_to_all_of_it() {
        let pieces: Vec<_> = pieces(Duration::from_secs(5), Duration::from_secs(10)).collect();
        assert_eq!(pieces.len(), 20);
        assert_eq!(pieces[0], (Duration::from_secs(5), 0.05));
        assert_eq!(pieces[19], (Duration::from_millis(14_500), 1.0));
    }
}
