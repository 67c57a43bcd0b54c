//! x509-parser reads CRLs too: where we accept one, it does, and finds the same.

use proptest::prelude::*;
use x509_parser::prelude::{CertificateRevocationList, FromDer as _};

use super::support::{Ca, Draft, LIMIT, crl_number, data, entry, extension, key_id, reason};
use crate::device::revocation::{ParsedCrl, Reason, Serial};

/// Compares what both read. Gives whether we accept it.
fn compare(der: &[u8]) -> bool {
    let Ok(ours) = ParsedCrl::parse(der, LIMIT) else { return false };
    let (rest, theirs) =
        CertificateRevocationList::from_der(der).expect("we accept what x509-parser does not");
    assert!(rest.is_empty());
    let seconds = |time: x509_parser::time::ASN1Time| u64::try_from(time.timestamp()).unwrap_or(0);
    // Within a damaged name it stops early; we compare names as they are.
    assert!(ours.issuer.starts_with(theirs.issuer().as_raw()));
    assert_eq!(ours.signed, theirs.tbs_cert_list.as_ref());
    assert_eq!(ours.signature, theirs.signature_value.data.as_ref());
    assert_eq!(ours.this_update, seconds(theirs.last_update()));
    assert_eq!(ours.next_update, theirs.next_update().map(seconds));
    // It takes a padded number for none.
    if let Some(number) = theirs.crl_number() {
        assert_eq!(ours.number.map(|number| number.to_string()), Some(number.to_string()));
    }
    let entries: Vec<_> =
        ours.entries().map(|entry| (entry.serial, entry.revoked_at, entry.reason.and_then(code))).collect();
    let expected: Vec<_> = theirs
        .iter_revoked_certificates()
        .map(|entry| {
            let serial = Serial::new(entry.raw_serial()).unwrap();
            (serial, seconds(entry.revocation_date), entry.reason_code().map(|(_, code)| code.0))
        })
        .collect();
    assert_eq!(entries, expected);
    true
}

/// The code, as far as the oracle has it.
fn code(reason: Reason) -> Option<u8> {
    Some(match reason {
        Reason::Unspecified => 0,
        Reason::KeyCompromise => 1,
        Reason::CaCompromise => 2,
        Reason::AffiliationChanged => 3,
        Reason::Superseded => 4,
        Reason::CessationOfOperation => 5,
        Reason::CertificateHold => 6,
        Reason::PrivilegeWithdrawn => 9,
        Reason::AaCompromise => 10,
        Reason::Other(code @ ..=10) => code,
        Reason::Other(_) => return None,
    })
}

#[test]
fn the_files_read_the_same() {
    for file in [
        data!("openssl-rsa.crl"),
        data!("openssl-ecdsa.crl"),
        data!("openssl-ed25519.crl"),
        data!("openssl-user_shard.crl"),
        data!("openssl-empty.crl"),
        data!("openssl-v1.crl"),
    ] {
        assert!(compare(file));
    }
}

fn entries() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let serial = prop::collection::vec(any::<u8>(), 1..21);
    let reason_code = prop::option::of(prop::sample::select(vec![0_u8, 1, 2, 3, 4, 5, 6, 9, 10]));
    let one = (serial, reason_code).prop_map(|(serial, code)| match code {
        None => entry(&serial, &[]),
        Some(code) => entry(&serial, &[&reason(code)]),
    });
    prop::collection::vec(one, 0..20)
}

proptest! {
    #[test]
    fn generated_crls_read_the_same(
        entries in entries(),
        number in prop::option::of(prop::collection::vec(any::<u8>(), 1..20)),
        has_next_update: bool,
        is_authenticated: bool,
    ) {
        let ca = Ca::new("CA");
        let mut draft = Draft::of(&ca).entries(&entries).with(extension(46, false, b"?"));
        if let Some(number) = number {
            draft = draft.with(crl_number(&[&[1][..], &number].concat()));
        }
        if !has_next_update {
            draft.next_update.clear();
        }
        if is_authenticated {
            draft = draft.with(key_id(ca.key_id()));
        }
        prop_assert!(compare(&draft.signed_by(&ca)));
    }

    #[test]
    fn damaged_crls_read_the_same_or_not_at_all(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..3),
    ) {
        let mut der = data!("openssl-ecdsa.crl").to_vec();
        for (place, octet) in damage {
            let place = place.index(der.len());
            der[place] = octet;
        }
        compare(&der);
    }
}
