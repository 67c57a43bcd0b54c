//! Certificates that end soon: our own, and CAs of devices. Those that have ended are warnings of the configuration.

use std::collections::BTreeMap;

use super::finding::{Check, Finding};
use crate::device::refusal::now;
use crate::snapshot::Snapshot;

const DAY: u64 = 86_400;
/// The first of the alert rules in `deploy/prometheus` comes as early.
const SOON: u64 = 30 * DAY;

/// Ends by what they are, in words.
type Ends = BTreeMap<String, u64>;

pub(super) fn look(snapshot: &Snapshot) -> Vec<Finding> {
    let mut ends = Ends::new();
    for host in snapshot.hosts() {
        if host.tls.is_some() {
            ends.insert(format!("the certificate of {}", host.label), host.certificate_not_after);
        }
        for anchor in host.trust.anchors() {
            let name = format!("the CA `{}` of mTLS certificate \"{}\"", anchor.subject, anchor.bundle);
            ends.insert(name, anchor.not_after);
        }
    }
    judge(&ends, now())
}

fn judge(ends: &Ends, now: u64) -> Vec<Finding> {
    let soon = ends.iter().filter(|(_, end)| (now..now + SOON).contains(*end));
    let findings: Vec<_> = soon
        .map(|(name, end)| {
            let days = (end - now) / DAY;
            Finding::warning(
                Check::Certificates,
                format!("{name} ends in {days} day(s)"),
                "renew it, and reload",
            )
        })
        .collect();
    if findings.is_empty() {
        return vec![Finding::ok(Check::Certificates, format!("none of {} ends within 30 days", ends.len()))];
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::finding::Level;
    use super::*;

    #[test]
    fn what_ends_within_the_month_is_warned_of_with_its_days() {
        let now = 1_000 * DAY;
        let ends =
            |all: &[(&str, u64)]| all.iter().map(|(name, end)| ((*name).to_owned(), *end)).collect::<Ends>();
        let found = judge(&ends(&[("a", now + 3 * DAY + 5), ("b", now + SOON), ("c", now - 1)]), now);
        let found: Vec<_> = found.iter().map(|finding| (finding.level, finding.says.as_str())).collect();
        assert_eq!(found, [(Level::Warning, "a ends in 3 day(s)")]);
        assert_eq!(judge(&ends(&[("b", now + SOON)]), now).len(), 1);
    }
}
