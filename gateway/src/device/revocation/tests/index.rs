//! What the index says of a path.

use std::collections::HashMap;
use std::sync::Arc;

use rcgen::{CertificateParams, KeyPair};

use super::support::{
    Ca, DUE, Draft, NOW, crl_number, data, flag, nobody, point, serial, shard_point, tlv, uri,
};
use crate::device::identity::Fingerprint;
use crate::device::revocation::{
    CertificateId, Crl, DenyEntry, DenyError, DenyList, IssuerError, LeafFacts, OnExpired, Points,
    Revocation, RevocationIndex, RevokedBy, Standing,
};

fn index(crls: impl IntoIterator<Item = Crl>, on_expired: OnExpired) -> RevocationIndex {
    RevocationIndex::new(1, crls.into_iter().map(Arc::new), |_| on_expired, Arc::default())
}

fn denying(entries: impl IntoIterator<Item = DenyEntry>) -> RevocationIndex {
    RevocationIndex::new(1, [], |_| OnExpired::Hard, Arc::new(entries.into_iter().collect()))
}

/// A device's certificate.
fn device(ca: &Ca, number: u8) -> CertificateId {
    CertificateId { issuer: ca.issuer.id, serial: serial(number), is_ca: false, points: Points::default() }
}

/// A device's certificate that says that its CRL is at one of these.
fn pointing(ca: &Ca, number: u8, uris: &[&str]) -> CertificateId {
    CertificateId { points: Points::at(uris), ..device(ca, number) }
}

/// An intermediate's.
fn intermediate(ca: &Ca, number: u8) -> CertificateId {
    CertificateId { is_ca: true, ..device(ca, number) }
}

fn by_crl(ca: &Ca, position: usize) -> Standing {
    Standing::Revoked(Revocation { by: RevokedBy::Crl { issuer: ca.issuer.id }, position })
}

fn overdue(ca: &Ca, position: usize) -> Standing {
    Standing::CrlExpired { issuer: ca.issuer.id, position, due: DUE }
}

#[test]
fn every_certificate_of_the_path_is_looked_up() {
    let (root, sub) = (Ca::new("Root"), Ca::new("Sub"));
    let index = index(
        [Draft::of(&root).revoking(&[7]).crl(&root), Draft::of(&sub).revoking(&[1]).crl(&sub)],
        OnExpired::Hard,
    );
    let check = |path: &[CertificateId]| index.check(path, nobody(), NOW);
    assert_eq!(check(&[device(&sub, 2), intermediate(&root, 8)]), Standing::Good);
    assert_eq!(check(&[device(&sub, 1), intermediate(&root, 8)]), by_crl(&sub, 0));
    assert_eq!(check(&[device(&sub, 2), intermediate(&root, 7)]), by_crl(&root, 1));
    assert_eq!(check(&[]), Standing::Good);
}

#[test]
fn serial_numbers_of_different_cas_are_different() {
    let (one, namesake) = (Ca::new("CA"), Ca::new("CA"));
    let index = index([Draft::of(&one).revoking(&[1]).crl(&one)], OnExpired::Hard);
    assert_eq!(index.check(&[device(&one, 1)], nobody(), NOW), by_crl(&one, 0));
    assert_eq!(index.check(&[device(&namesake, 1)], nobody(), NOW), Standing::Good);
}

#[test]
fn an_expired_crl_denies_all_or_what_it_lists() {
    let (ca, other) = (Ca::new("CA"), Ca::new("Other"));
    for (on_expired, unlisted) in [(OnExpired::Hard, overdue(&ca, 0)), (OnExpired::Soft, Standing::Good)] {
        let index = index([Draft::of(&ca).revoking(&[1]).crl(&ca)], on_expired);
        assert_eq!(index.check(&[device(&ca, 2)], nobody(), DUE), Standing::Good);
        assert_eq!(index.check(&[device(&ca, 2)], nobody(), DUE + 1), unlisted);
        assert_eq!(index.check(&[device(&ca, 1)], nobody(), DUE + 1), by_crl(&ca, 0));
        assert_eq!(index.check(&[device(&other, 2)], nobody(), DUE + 1), Standing::Good, "it has no CRL");
    }
}

#[test]
fn what_becomes_of_an_expired_crl_is_set_for_each_ca() {
    let (hard, soft) = (Ca::new("Hard"), Ca::new("Soft"));
    let policy = HashMap::from([(soft.issuer.id, OnExpired::Soft)]);
    let crls = [&hard, &soft].map(|ca| Arc::new(Draft::of(ca).crl(ca)));
    let index =
        RevocationIndex::new(9, crls, |id| policy.get(id).copied().unwrap_or_default(), Arc::default());
    assert_eq!(index.check(&[device(&soft, 1)], nobody(), DUE + 1), Standing::Good);
    assert_eq!(index.check(&[device(&hard, 1)], nobody(), DUE + 1), overdue(&hard, 0));
    assert_eq!(index.generation(), 9);
}

#[test]
fn a_revoked_certificate_is_revoked_also_where_another_crl_of_the_path_has_expired() {
    let (root, sub) = (Ca::new("Root"), Ca::new("Sub"));
    let fresh = Draft::of(&root).revoking(&[7]).due("270101000000Z").crl(&root);
    let index = index([fresh, Draft::of(&sub).crl(&sub)], OnExpired::Hard);
    let path = |intermediate_serial| [device(&sub, 1), intermediate(&root, intermediate_serial)];
    assert_eq!(index.check(&path(8), nobody(), DUE + 1), overdue(&sub, 0));
    assert_eq!(index.check(&path(7), nobody(), DUE + 1), by_crl(&root, 1));
}

#[test]
fn a_scope_is_applied() {
    let ca = Ca::new("CA");
    let user = Draft::of(&ca).with(point(&[&flag(1)])).revoking(&[1]);
    let index = index([user.crl(&ca)], OnExpired::Hard);
    assert_eq!(index.check(&[device(&ca, 1)], nobody(), NOW), by_crl(&ca, 0));
    assert_eq!(index.check(&[intermediate(&ca, 1)], nobody(), NOW), Standing::Good);
    assert_eq!(index.check(&[device(&ca, 2)], nobody(), DUE + 1), overdue(&ca, 0));
    assert_eq!(
        index.check(&[intermediate(&ca, 2)], nobody(), DUE + 1),
        Standing::Good,
        "no CRL speaks of it"
    );
}

/// S15: webpki and AWS-LC took a certificate for not revoked when the first of several distribution points did not
/// match (RUSTSEC-2026-0049, -0048). Here every shard counts, in every order.
#[test]
fn s15_a_certificate_is_revoked_in_whichever_shard_it_stands() {
    let ca = Ca::new("CA");
    let shard =
        |uri, number| Draft::of(&ca).with(shard_point(uri)).with(crl_number(&[number])).revoking(&[number]);
    let scoped = Draft::of(&ca).with(point(&[&flag(2)])).revoking(&[4]);
    let drafts = [shard("http://a/1", 1), shard("http://a/2", 2), Draft::of(&ca).revoking(&[3]), scoped];
    for rotation in 0..drafts.len() {
        let mut drafts = drafts.clone();
        drafts.rotate_left(rotation);
        let index = index(drafts.iter().map(|draft| draft.crl(&ca)), OnExpired::Hard);
        assert_eq!((index.crls().count(), index.superseded().len()), (4, 0));
        for number in 1..=3 {
            assert_eq!(index.check(&[device(&ca, number)], nobody(), NOW), by_crl(&ca, 0), "{number}");
        }
        assert_eq!(index.check(&[intermediate(&ca, 4)], nobody(), NOW), by_crl(&ca, 0));
        assert_eq!(index.check(&[device(&ca, 4)], nobody(), NOW), Standing::Good);
        assert_eq!(
            index.check(&[device(&ca, 5)], nobody(), NOW),
            Standing::Good,
            "the list of all covers it"
        );
    }
    // One shard that is overdue may have been the one that would revoke it.
    let index = index(
        [shard("http://a/1", 1).due("270101000000Z").crl(&ca), shard("http://a/2", 2).crl(&ca)],
        OnExpired::Hard,
    );
    assert_eq!(index.check(&[device(&ca, 9)], nobody(), DUE + 1), overdue(&ca, 0));
}

/// A part that is not loaded would have said (RFC 5280, 6.3.3): who may be in it is not taken for good.
#[test]
fn who_may_be_in_a_shard_that_is_not_loaded_is_not_good() {
    let ca = Ca::new("CA");
    let shard = |uri| Draft::of(&ca).with(shard_point(uri)).revoking(&[1]).crl(&ca);
    let missing = Standing::CrlMissing { issuer: ca.issuer.id, position: 0 };
    let gap = Standing::NotCovered { issuer: ca.issuer.id, position: 0 };
    for (on_expired, uncovered) in [(OnExpired::Hard, missing), (OnExpired::Soft, gap)] {
        let index = index([shard("http://a/1"), shard("http://a/2")], on_expired);
        let check = |id: CertificateId| index.check(&[id], nobody(), NOW);
        for uris in [&["http://a/1"][..], &["http://a/2"], &["http://b/9", "http://a/2"]] {
            assert_eq!(check(pointing(&ca, 9, uris)), Standing::Good, "{uris:?}");
        }
        for uris in [&[][..], &["http://a/3"], &["http://a/"], &["HTTP://a/1"]] {
            assert_eq!(check(pointing(&ca, 9, uris)), uncovered, "{uris:?}");
        }
        assert_eq!(
            check(pointing(&ca, 1, &["http://a/3"])),
            by_crl(&ca, 0),
            "who is listed is revoked anyway"
        );
        // What is wrong further up the path counts for more than a gap that is passed over.
        let above = Ca::new("Above");
        let crls = [shard("http://a/1"), Draft::of(&above).crl(&above)].map(Arc::new);
        let strict = |id: &_| if *id == above.issuer.id { OnExpired::Hard } else { OnExpired::Soft };
        let index = RevocationIndex::new(1, crls, strict, Arc::default());
        let path = [device(&ca, 9), intermediate(&above, 2)];
        assert_eq!(index.check(&path, nobody(), DUE + 1), overdue(&above, 1));
    }
}

/// Shards of one kind say nothing of the other.
#[test]
fn a_shard_is_missed_only_by_certificates_of_its_kind() {
    let ca = Ca::new("CA");
    let name = tlv(0xa0, &[&tlv(0xa0, &[&uri("http://a/1")])]);
    let users = Draft::of(&ca).with(point(&[&name, &flag(1)])).crl(&ca);
    let index = index([users], OnExpired::Hard);
    assert_eq!(index.check(&[intermediate(&ca, 2)], nobody(), NOW), Standing::Good);
    assert_ne!(index.check(&[device(&ca, 2)], nobody(), NOW), Standing::Good);
    let covered = pointing(&ca, 2, &["http://a/1"]);
    assert_eq!(index.check(&[covered], nobody(), NOW), Standing::Good);
}

/// From a real certificate, with two names of one point, a point of another issuer's list and an unreadable rest.
#[test]
fn the_points_of_a_certificate_are_read() {
    let read = |points: &[&[u8]]| {
        let mut params = CertificateParams::default();
        let content = tlv(0x30, points);
        params.custom_extensions = vec![rcgen::CustomExtension::from_oid_content(&[2, 5, 29, 31], content)];
        let der = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        CertificateId::read(der.der(), Ca::new("CA").issuer.id).unwrap().points
    };
    let named = |uris: &[&str]| {
        let names: Vec<u8> = uris.iter().flat_map(|text| uri(text)).collect();
        tlv(0xa0, &[&tlv(0xa0, &[&names])])
    };
    let other = tlv(0x30, &[&named(&["http://c/"]), &tlv(0xa2, &[&uri("http://issuer/")])]);
    let points =
        [tlv(0x30, &[&named(&["http://a/", "ldap://a/"])]), other, tlv(0x30, &[&named(&["http://b/"])])];
    let points: Vec<_> = points.iter().map(Vec::as_slice).collect();
    let expected = Points::at(&["http://a/", "ldap://a/", "http://b/"]);
    assert_eq!(read(&points), expected);
    assert_eq!(read(&[&points[..], &[&[0x30, 0x7f]]].concat()), expected);
    assert_eq!(read(&[]), Points::default());
}

#[test]
fn the_newer_of_two_crls_counts_in_either_order() {
    let ca = Ca::new("CA");
    let numbered = |number, made| Draft::of(&ca).with(crl_number(&[number])).made(made).revoking(&[number]);
    let plain = |made, serial| Draft::of(&ca).made(made).revoking(&[serial]);
    for (older, newer) in [
        (numbered(1, "251201000000Z"), numbered(2, "251202000000Z")),
        // The number decides where both have one.
        (numbered(1, "251202000000Z"), numbered(2, "251201000000Z")),
        (plain("251201000000Z", 1), plain("251202000000Z", 2)),
        (numbered(1, "251201000000Z"), plain("251202000000Z", 2)),
    ] {
        for drafts in [[&older, &newer], [&newer, &older]] {
            let index = index(drafts.map(|draft| draft.crl(&ca)), OnExpired::Hard);
            assert_eq!(index.check(&[device(&ca, 1)], nobody(), NOW), Standing::Good);
            assert_eq!(index.check(&[device(&ca, 2)], nobody(), NOW), by_crl(&ca, 0));
            assert_eq!(index.superseded().len(), 1);
        }
    }
}

#[test]
fn two_crls_of_one_second_without_numbers_both_count() {
    // Nothing says which is newer, and cfssl writes no numbers.
    let ca = Ca::new("CA");
    let crls = [1, 2].map(|serial| Draft::of(&ca).revoking(&[serial]).crl(&ca));
    let index = index(crls, OnExpired::Hard);
    assert_eq!(index.check(&[device(&ca, 1)], nobody(), NOW), by_crl(&ca, 0));
    assert_eq!(index.check(&[device(&ca, 2)], nobody(), NOW), by_crl(&ca, 0));
}

#[test]
fn one_crl_given_twice_counts_once() {
    let ca = Ca::new("CA");
    let crl = Arc::new(Draft::of(&ca).revoking(&[1]).crl(&ca));
    let index = RevocationIndex::new(1, [Arc::clone(&crl), crl], |_| OnExpired::Hard, Arc::default());
    assert_eq!((index.crls().count(), index.superseded().len()), (1, 1));
}

#[test]
fn an_old_crl_does_not_come_back() {
    let ca = Ca::new("CA");
    let numbered = |number, made| Draft::of(&ca).with(crl_number(&[number])).made(made).crl(&ca);
    let loaded = index([numbered(5, "251215000000Z")], OnExpired::Hard);
    assert_eq!(loaded.accepts(&numbered(6, "251215000000Z")), Ok(()));
    assert_eq!(loaded.accepts(&numbered(5, "251215000000Z")), Ok(()), "the same again");
    let stale = loaded.accepts(&numbered(4, "251231000000Z")).unwrap_err();
    assert!(stale.to_string().contains("number 4") && stale.to_string().contains("number 5"), "{stale}");
    assert!(loaded.accepts(&numbered(5, "251214000000Z")).is_err());
    assert!(
        loaded.accepts(&Draft::of(&ca).made("251214000000Z").crl(&ca)).is_err(),
        "nor by dropping its number"
    );
    assert_eq!(loaded.accepts(&Draft::of(&ca).made("251216000000Z").crl(&ca)), Ok(()));
    // Others are counted on their own.
    let other = Ca::new("Other");
    assert_eq!(loaded.accepts(&Draft::of(&other).made("200101000000Z").crl(&other)), Ok(()));
    let shard = Draft::of(&ca).with(shard_point("http://a/1")).with(crl_number(&[1])).made("200101000000Z");
    assert_eq!(loaded.accepts(&shard.crl(&ca)), Ok(()));
}

#[test]
fn local_denials_deny_at_once_and_exactly() {
    let ca = Ca::new("CA");
    let path = [device(&ca, 1), intermediate(&ca, 7)];
    let serial_entry = |number| DenyEntry::Serial { issuer: ca.issuer.id, serial: serial(number) };
    let colons = ["01"; 32].join(":");
    for (entry, by, position) in [
        (DenyEntry::fingerprint(&colons).unwrap(), RevokedBy::Fingerprint, 0),
        (DenyEntry::fingerprint(&format!("sha256 Fingerprint={colons}")).unwrap(), RevokedBy::Fingerprint, 0),
        (DenyEntry::key(&"02".repeat(32)).unwrap(), RevokedBy::Key, 0),
        (DenyEntry::common_name("device").unwrap(), RevokedBy::CommonName, 0),
        (serial_entry(1), RevokedBy::Serial, 0),
        (serial_entry(7), RevokedBy::Serial, 1),
    ] {
        let standing = denying([entry]).check(&path, nobody(), NOW);
        assert_eq!(standing, Standing::Revoked(Revocation { by, position }));
    }
    for entry in [
        DenyEntry::fingerprint(&"02".repeat(32)).unwrap(),
        DenyEntry::key(&"01".repeat(32)).unwrap(),
        DenyEntry::common_name("Device").unwrap(),
        DenyEntry::common_name("devic").unwrap(),
        serial_entry(2),
        DenyEntry::Serial { issuer: Ca::new("CA").issuer.id, serial: serial(1) },
    ] {
        assert_eq!(denying([entry.clone()]).check(&path, nobody(), NOW), Standing::Good, "{entry:?}");
    }
    let two_names = LeafFacts { common_names: &["other".into(), "device".into()], ..nobody() };
    let index = denying([DenyEntry::common_name("device").unwrap()]);
    assert_ne!(index.check(&path, two_names, NOW), Standing::Good, "a second name is no way out");
    assert_eq!(
        index.check(
            &path,
            LeafFacts { common_names: &[], fingerprint: Fingerprint([9; 32]), ..nobody() },
            NOW
        ),
        Standing::Good
    );
}

#[test]
fn what_cannot_be_denied_is_refused_by_name() {
    assert_eq!(DenyEntry::common_name(""), Err(DenyError::EmptyCommonName));
    for text in ["", "0102", &"01".repeat(20), &"zz".repeat(32), &"01".repeat(33)] {
        let error = DenyEntry::fingerprint(text).unwrap_err();
        assert!(error.to_string().contains("64 digits"), "{error}");
    }
    let twice = [DenyEntry::common_name("a").unwrap(), DenyEntry::common_name("a").unwrap()];
    let list: DenyList = twice.into_iter().collect();
    assert_eq!((list.len(), list.is_empty(), DenyList::default().is_empty()), (1, false, true));
}

#[test]
fn the_next_expiry_is_that_of_the_first_hard_crl_to_come() {
    let (ca, other) = (Ca::new("CA"), Ca::new("Other"));
    let later = || Draft::of(&other).due("260301000000Z").crl(&other);
    let hard = index([Draft::of(&ca).crl(&ca), later()], OnExpired::Hard);
    assert_eq!(hard.next_expiry(NOW), Some(DUE));
    assert_eq!(hard.next_expiry(DUE), Some(DUE));
    assert_eq!(hard.next_expiry(DUE + 1), later().next_update);
    assert_eq!(index([Draft::of(&ca).crl(&ca)], OnExpired::Soft).next_expiry(NOW), None);
    assert_eq!(hard.heap_bytes(), hard.crls().map(|crl| crl.heap_bytes()).sum::<usize>());
}

#[test]
fn the_ids_of_a_path_come_from_its_certificates() {
    let (root, sub_key, leaf_key) =
        (Ca::new("Root"), KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let signer = rcgen::Issuer::from_params(&root.params, &root.key);
    let mut sub = Ca::new("Sub").params;
    sub.serial_number = Some(7.into());
    let sub_der = sub.signed_by(&sub_key, &signer).unwrap();
    let mut leaf = CertificateParams::default();
    leaf.serial_number = Some(1.into());
    let leaf_der = leaf.signed_by(&leaf_key, &rcgen::Issuer::from_params(&sub, &sub_key)).unwrap();

    let path = CertificateId::of_path(&[leaf_der.der(), sub_der.der(), &root.der.clone().into()]).unwrap();
    assert_eq!((path[0].serial, path[0].is_ca), (serial(1), false));
    assert_eq!(path[1..], [intermediate(&root, 7)]);
    assert_eq!(CertificateId::of_path(&[&[0_u8; 3][..], &root.der]), Err(IssuerError::Malformed));
    assert_eq!(CertificateId::of_path(&[data!("cfssl-device.cer")]), Ok(vec![]));

    let path = CertificateId::of_path(&[data!("cfssl-device.cer"), data!("cfssl.cer")]).unwrap();
    assert_eq!(path.len(), 1);
}
