//! What a trust set is known by, and what it tells clients.

use super::pki::{Ca, NOW, bundle, trust, verify};

#[test]
fn the_id_is_that_of_the_content_and_not_of_its_order() {
    let (root, other) = (Ca::root("Root"), Ca::root("Other"));
    let issuing = root.intermediate("Issuing");
    let first = || bundle("first", [&issuing, &root]);
    let second = || bundle("second", [&other]);
    let id = trust([&first(), &second()]).id();
    assert_eq!(id, trust([&second(), &first()]).id(), "another order of bundles");
    assert_eq!(id, trust([&bundle("first", [&root, &issuing]), &second()]).id(), "another order in a bundle");

    let changed = [
        ("an anchor less", trust([&first()]).id()),
        ("an anchor more", trust([&first(), &second(), &Ca::root("Third").bundle()]).id()),
        ("an intermediate less", trust([&bundle("first", [&root]), &second()]).id()),
        (
            "the intermediate as an anchor",
            trust([&bundle("first", [&root]), &bundle("first", [&issuing]), &second()]).id(),
        ),
        ("another name", trust([&first(), &bundle("third", [&other])]).id()),
        ("nothing", trust([]).id()),
    ];
    for (case, changed) in changed {
        assert_ne!(id, changed, "{case}");
    }
}

#[test]
fn a_verdict_says_which_set_it_was_made_for() {
    let root = Ca::root("Root");
    let set = trust([&root.bundle()]);
    assert_eq!(verify(&set, &root.device("device"), &[], NOW).unwrap().trust_set, set.id());
}

/// Clients such as Go's choose a certificate by these names, and send none where none fits.
#[test]
fn hints_name_every_ca_that_a_device_may_know_as_its_issuer_or_none_at_all() {
    let root = Ca::root("Root");
    let issuing = root.intermediate("Issuing");
    let set = trust([&bundle("test", [&issuing, &root]), &bundle("again", [&root])]);
    assert_eq!(set.hints().len(), 2, "{:?}", set.hints());

    let many: Vec<_> = (0..33).map(|number| Ca::root(&format!("Root {number}"))).collect();
    assert_eq!(trust([&bundle("test", &many[..32])]).hints().len(), 32);
    assert_eq!(trust([&bundle("test", &many)]).hints().len(), 0);
    assert!(verify(&trust([&bundle("test", &many)]), &many[32].device("device"), &[], NOW).is_ok());
}
