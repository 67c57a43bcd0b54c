//! The certificates that alerts are about: each that was uploaded, in whichever mTLS certificates.

use std::collections::{BTreeMap, BTreeSet};

use crate::device::ca::CaBundle;
use crate::device::identity::Fingerprint;
use crate::model::record_id::RecordId;

/// A certificate: a root, or an intermediate beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Watched {
    /// Which certificate.
    pub fingerprint: Fingerprint,
    /// Its subject, for people.
    pub subject: String,
    /// Seconds since the epoch.
    pub not_before: u64,
    /// Seconds since the epoch.
    pub not_after: u64,
    /// The mTLS certificates that it is in: one at least.
    pub holders: Vec<Holder>,
    /// A certificate of the same subject that has taken its place.
    pub renewed_by: Option<Fingerprint>,
}

/// An mTLS certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Holder {
    /// Its id.
    pub id: RecordId,
    /// What the operator calls it.
    pub name: String,
    /// The hosts that it is for.
    pub hostnames: BTreeSet<String>,
}

impl Watched {
    /// The hosts that it is for, through any mTLS certificate.
    pub(super) fn hostnames(&self) -> BTreeSet<&str> {
        self.holders.iter().flat_map(|holder| &holder.hostnames).map(String::as_str).collect()
    }

    /// Days until its end, begun ones counted; 0 or below once it has expired.
    pub(super) fn days_left(&self, now: u64) -> i64 {
        let left = i128::from(self.not_after) - i128::from(now);
        // The end is the last second that is good.
        let days = -(-left).div_euclid(24 * 3600);
        i64::try_from(days).unwrap_or(i64::MAX)
    }
}

/// The certificates of `bundles`, the first to expire first.
pub(super) fn watched<'a>(bundles: impl IntoIterator<Item = (Holder, &'a CaBundle)>) -> Vec<Watched> {
    let mut found: BTreeMap<Fingerprint, Watched> = BTreeMap::new();
    for (holder, bundle) in bundles {
        for uploaded in &bundle.uploaded {
            let watched = found.entry(uploaded.fingerprint).or_insert_with(|| Watched {
                fingerprint: uploaded.fingerprint,
                subject: uploaded.subject.clone(),
                not_before: uploaded.not_before,
                not_after: uploaded.not_after,
                holders: Vec::new(),
                renewed_by: None,
            });
            watched.holders.push(holder.clone());
        }
    }
    let mut all: Vec<_> = found.into_values().collect();
    mark_renewed(&mut all);
    all.sort_by_key(|watched| (watched.not_after, watched.fingerprint));
    all
}

/// Says of each certificate which one has taken its place.
pub(super) fn mark_renewed(all: &mut [Watched]) {
    let mut by_subject: BTreeMap<&str, Vec<&Watched>> = BTreeMap::new();
    for watched in &*all {
        by_subject.entry(&watched.subject).or_default().push(watched);
    }
    let successor = |old: &Watched| {
        let same = by_subject.get(old.subject.as_str()).into_iter().flatten();
        same.filter(|new| renews(new, old)).max_by_key(|new| new.not_after).map(|new| new.fingerprint)
    };
    let successors: Vec<_> = all.iter().map(successor).collect();
    for (watched, successor) in all.iter_mut().zip(successors) {
        watched.renewed_by = successor;
    }
}

/// Whether `new` takes the place of `old`, which has the same subject: it is good for longer, without a gap, and for every host
/// that the old one is for.
fn renews(new: &Watched, old: &Watched) -> bool {
    new.not_after > old.not_after
        && new.not_before <= old.not_after
        && new.hostnames().is_superset(&old.hostnames())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watched(number: u8, subject: &str, dates: (u64, u64), hostnames: &[&str]) -> Watched {
        let hostnames = hostnames.iter().map(|name| (*name).to_owned()).collect();
        Watched {
            fingerprint: Fingerprint([number; 32]),
            subject: subject.to_owned(),
            not_before: dates.0,
            not_after: dates.1,
            holders: vec![Holder { id: RecordId::only(), name: "devices".to_owned(), hostnames }],
            renewed_by: None,
        }
    }

    #[test]
    fn a_renewed_certificate_takes_the_place_of_the_one_before_for_the_same_hosts() {
        let old = watched(1, "CN=A", (0, 100), &["a.example.com"]);
        let cases = [
            (watched(2, "CN=A", (50, 200), &["a.example.com", "b.example.com"]), true),
            (watched(2, "CN=A", (50, 100), &["a.example.com"]), false),
            (watched(2, "CN=A", (101, 200), &["a.example.com"]), false),
            (watched(2, "CN=A", (50, 200), &["b.example.com"]), false),
            (watched(2, "CN=B", (50, 200), &["a.example.com"]), false),
        ];
        for (new, renews) in cases {
            let mut all = [old.clone(), new.clone()];
            mark_renewed(&mut all);
            assert_eq!(all[0].renewed_by, renews.then_some(new.fingerprint), "{new:?}");
            assert_eq!(all[1].renewed_by, None);
        }
    }

    #[test]
    fn days_that_have_begun_count() {
        let day = 24 * 3600;
        let watched = watched(1, "CN=A", (0, 100 * day), &[]);
        let left = [70 * day, 70 * day + 1, 71 * day, 100 * day - 1, 100 * day, 100 * day + 1, 103 * day];
        assert_eq!(left.map(|now| watched.days_left(now)), [30, 30, 29, 1, 0, 0, -3]);
        assert_eq!(Watched { not_after: u64::MAX, ..watched }.days_left(0), 213_503_982_334_602);
    }
}
