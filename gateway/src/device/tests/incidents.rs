//! What went wrong with certificates elsewhere, and does not here. `docs/security.md` has the whole list.

use rcgen::{CustomExtension, DistinguishedName, DnType, DnValue, SanType};

use super::der::element;
use super::pki::{Ca, NOW, ca_params, device_params, trust, verify};
use crate::device::identity::{AlternativeName, Fingerprint, Identity};
use crate::device::refusal::Refusal;

/// An identity with these common names, at most two, and these alternative names.
fn identity(common_names: &[DnValue], alternative_names: &[SanType]) -> Identity {
    let mut params = device_params("");
    params.distinguished_name = DistinguishedName::new();
    // rcgen keeps one value a type, and takes the same type by number for another.
    let types = [DnType::CommonName, DnType::CustomDnType(vec![2, 5, 4, 3])];
    for (kind, name) in types.into_iter().zip(common_names) {
        params.distinguished_name.push(kind, name.clone());
    }
    params.subject_alt_names = alternative_names.to_vec();
    let leaf = Ca::root("Root").issue(&params);
    Identity::read(&leaf.der, Fingerprint::of(&leaf.der)).unwrap()
}

fn utf8(text: &str) -> DnValue {
    DnValue::Utf8String(text.into())
}

/// CVE-2022-21656 (Envoy): a mail address or a URI was compared as if it were a host name. Every alternative name keeps its
/// type, and none is a common name.
#[test]
fn s05_every_name_keeps_its_type() {
    let text = "admin.example.com";
    let names = [
        SanType::DnsName(text.try_into().unwrap()),
        SanType::Rfc822Name(text.try_into().unwrap()),
        SanType::URI(text.try_into().unwrap()),
    ];
    let read = identity(&[utf8("device")], &names);
    assert_eq!(read.common_name.as_deref(), Some("device"));
    let expected = [
        AlternativeName::Dns(text.into()),
        AlternativeName::Email(text.into()),
        AlternativeName::Uri(text.into()),
    ];
    assert_eq!(*read.alternative_names, expected);
    assert_eq!(identity(&[], &names).common_name, None);
}

/// A CA that may vouch for what is in these subtrees only, or for all but those (`tag` 0 or 1).
fn constrained(root: &Ca, tag: u8, kind: u8, name: &str) -> Ca {
    let subtree = element(0x30, &[&element(0x80 | kind, &[name.as_bytes()])]);
    let constraints = element(0x30, &[&element(0xa0 | tag, &[&subtree])]);
    let mut extension = CustomExtension::from_oid_content(&[2, 5, 29, 30], constraints);
    extension.set_criticality(true);
    let mut params = ca_params("Constrained");
    params.custom_extensions = vec![extension];
    root.intermediate_with(params)
}

fn named(ca: &Ca, name: SanType) -> super::pki::Leaf {
    let mut params = device_params("device");
    params.subject_alt_names = vec![name];
    ca.issue(&params)
}

/// RUSTSEC-2026-0098: constraints on URIs were passed over. What webpki cannot check it refuses: a CA with such a
/// constraint vouches for no device that has a URI, SPIFFE's included.
#[test]
fn s18_constraints_on_uris_are_never_passed_over() {
    const URI: u8 = 6;
    let root = Ca::root("Root");
    let uri = || SanType::URI("spiffe://example.com/device".try_into().unwrap());
    for tag in [0, 1] {
        let ca = constrained(&root, tag, URI, ".example.org");
        let verified = verify(&trust([&root.bundle()]), &named(&ca, uri()), &[&ca], NOW);
        assert_eq!(verified.map(drop), Err(Refusal::ConstraintViolation), "subtrees [{tag}]");
    }
}

/// RUSTSEC-2026-0099: a wildcard was compared as if `*` were a name.
#[test]
fn s18_a_wildcard_is_all_that_it_stands_for() {
    const DNS: u8 = 2;
    let root = Ca::root("Root");
    let wildcard = |name: &str| SanType::DnsName(name.try_into().unwrap());
    let cases = [
        (0, "example.com", "*.example.com", Ok(())),
        (0, "a.example.com", "*.example.com", Err(Refusal::ConstraintViolation)),
        (0, "example.com", "*.example.org", Err(Refusal::ConstraintViolation)),
        (1, "a.example.com", "*.example.com", Err(Refusal::ConstraintViolation)),
        (1, "example.com", "*.example.com", Err(Refusal::ConstraintViolation)),
    ];
    for (tag, subtree, name, expected) in cases {
        let ca = constrained(&root, tag, DNS, subtree);
        let verified = verify(&trust([&root.bundle()]), &named(&ca, wildcard(name)), &[&ca], NOW);
        assert_eq!(verified.map(drop), expected, "[{tag}] {subtree}, {name}");
    }
}

/// CVE-2025-66220 (Envoy) and its kin: a name was cut at a NUL, or read in another alphabet than it was written in. Names
/// are read whole and compared octet by octet: no case, no spaces, no Unicode normalisation.
#[test]
fn s25_an_odd_name_is_no_other_name() {
    let admin = "admin";
    let read = |name: DnValue| identity(&[name], &[]).common_name;
    let whole: [(DnValue, Option<&str>); 12] = [
        (utf8("admin\0.attacker.example"), Some("admin\0.attacker.example")),
        (DnValue::Ia5String("admin\0".try_into().unwrap()), Some("admin\0")),
        (DnValue::BmpString("admin\0".try_into().unwrap()), Some("admin\0")),
        (DnValue::BmpString("Gerät".try_into().unwrap()), Some("Gerät")),
        (utf8(" admin"), Some(" admin")),
        (utf8("admin "), Some("admin ")),
        (utf8("Admin"), Some("Admin")),
        (utf8(""), Some("")),
        (utf8("ａdmin"), Some("ａdmin")),
        // 64 is the most that RFC 5280 allows; a reader that stops there takes this for another's name.
        (
            utf8(&(admin.to_owned() + &"x".repeat(64))),
            Some("adminxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
        ),
        (utf8("e\u{301}"), Some("e\u{301}")),
        (utf8("\u{e9}"), Some("\u{e9}")),
    ];
    for (name, expected) in whole {
        let found = read(name.clone());
        assert_eq!(found.as_deref(), expected, "{name:?}");
        assert_ne!(found.as_deref(), Some(admin), "{name:?}");
    }
    // The same text is the same name however it is encoded.
    for name in [
        utf8(admin),
        DnValue::PrintableString(admin.try_into().unwrap()),
        DnValue::Ia5String(admin.try_into().unwrap()),
        DnValue::BmpString(admin.try_into().unwrap()),
    ] {
        assert_eq!(read(name.clone()).as_deref(), Some(admin), "{name:?}");
    }
    // Of two names, in whichever order, neither counts for a permit; each counts for a denial.
    for names in [[utf8(admin), utf8("device")], [utf8("device"), utf8(admin)]] {
        let read = identity(&names, &[]);
        assert_eq!((read.common_name.as_deref(), read.common_names.len()), (None, 2));
    }
    let nul = SanType::DnsName("admin\0.attacker.example".try_into().unwrap());
    let read = identity(&[], &[nul]);
    assert_eq!(*read.alternative_names, [AlternativeName::Dns("admin\0.attacker.example".into())]);
}
