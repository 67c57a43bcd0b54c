//! What devices saw, added up.

use std::collections::BTreeMap;

use super::Bad;
use crate::latency::Latency;

/// What went wrong, and how often.
pub type Reasons = BTreeMap<String, u64>;

/// What some devices saw in some time.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Connections of good devices, from SYN to the end of the handshake.
    pub handshakes: Latency,
    /// Reports of good devices that were answered well, from the request to the end of the answer.
    pub requests: Latency,
    /// From a certificate being revoked to the end of its device's connection.
    pub revoked: Latency,
    /// How good devices were refused: alerts, statuses, codes.
    pub refusals: Reasons,
    /// What else went wrong for good devices.
    pub failures: Reasons,
    /// Connections of good devices that were closed while they rested.
    pub closed: Reasons,
    /// How bad devices were turned away, by what is wrong with them.
    pub turned_away: BTreeMap<Bad, Reasons>,
    /// Bad devices that got a good answer.
    pub admitted: BTreeMap<Bad, u64>,
}

impl Tally {
    /// Adds another one.
    pub fn add(&mut self, other: &Self) {
        let Self { handshakes, requests, revoked, refusals, failures, closed, turned_away, admitted } = other;
        self.handshakes.add(handshakes);
        self.requests.add(requests);
        self.revoked.add(revoked);
        add(&mut self.refusals, refusals);
        add(&mut self.failures, failures);
        add(&mut self.closed, closed);
        for (bad, reasons) in turned_away {
            add(self.turned_away.entry(*bad).or_default(), reasons);
        }
        for (bad, count) in admitted {
            *self.admitted.entry(*bad).or_default() += count;
        }
    }

    /// Everything that went wrong for good devices.
    pub fn errors(&self) -> Reasons {
        let mut errors = self.refusals.clone();
        add(&mut errors, &self.failures);
        errors
    }

    /// Bad devices that were turned away.
    pub fn turned_away_in_all(&self) -> u64 {
        self.turned_away.values().flat_map(BTreeMap::values).sum()
    }

    /// Bad devices that were let in.
    pub fn admitted_in_all(&self) -> u64 {
        self.admitted.values().sum()
    }
}

fn add(reasons: &mut Reasons, more: &Reasons) {
    for (reason, count) in more {
        *reasons.entry(reason.clone()).or_default() += count;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn two_tallies_are_one() {
        let mut tally = Tally::default();
        tally.requests.record(Duration::from_millis(1));
        tally.failures.insert("a".to_owned(), 1);
        tally.turned_away.entry(Bad::Garbage).or_default().insert("b".to_owned(), 2);
        tally.admitted.insert(Bad::Expired, 3);
        let mut sum = tally.clone();
        tally.refusals.insert("a".to_owned(), 5);
        sum.add(&tally);
        assert_eq!(sum.requests.count(), 2);
        assert_eq!(sum.errors(), BTreeMap::from([("a".to_owned(), 7)]));
        assert_eq!((sum.turned_away_in_all(), sum.admitted_in_all()), (4, 6));
    }
}
