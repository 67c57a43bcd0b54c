//! Intermediates in common: a fleet of a hundred thousand devices has a handful of issuers.

use std::sync::{Arc, LazyLock, Weak};

use dashmap::DashMap;
use rustls::pki_types::CertificateDer;

use super::identity::Fingerprint;

/// Certificates that are remembered at once; beyond that they are simply not shared.
const MOST: usize = 4096;

static KNOWN: LazyLock<DashMap<Fingerprint, Weak<CertificateDer<'static>>>> = LazyLock::new(DashMap::new);

/// The one copy of an intermediate that a device sent. It goes with the last device that has it.
pub(super) fn intermediate(der: &CertificateDer<'_>) -> Arc<CertificateDer<'static>> {
    let fingerprint = Fingerprint::of(der);
    if let Some(known) = KNOWN.get(&fingerprint).and_then(|known| known.upgrade()) {
        return known;
    }
    let own = Arc::new(der.clone().into_owned());
    if KNOWN.len() >= MOST {
        KNOWN.retain(|_, known| known.strong_count() > 0);
    }
    if KNOWN.len() < MOST {
        KNOWN.insert(fingerprint, Arc::downgrade(&own));
    }
    own
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_certificates_are_one_and_others_are_not() {
        let [one, other] = [vec![1u8; 40], vec![2; 40]].map(CertificateDer::from);
        assert!(Arc::ptr_eq(&intermediate(&one), &intermediate(&one.clone())) || KNOWN.len() >= MOST);
        let (kept, again) = (intermediate(&one), intermediate(&one));
        assert!(Arc::ptr_eq(&kept, &again));
        assert!(!Arc::ptr_eq(&kept, &intermediate(&other)));
    }
}
