//! What is uploaded as a CA, and what it is trusted for.

use super::*;

#[test]
fn a_ca_counts_for_the_hosts_it_is_associated_with_and_for_no_other() {
    let site = Site::new()
        .host("a.example.com")
        .host("b.example.com")
        .host("*.example.com")
        .host("c.example.org")
        .ca("ca.pem", &["*.example.com"])
        .ca("other.pem", &["b.example.com"]);
    let other = Ca::root("Other");
    site.file("other.pem", &other.pem());
    let compiled = site.compile().unwrap();
    let (device, others) = (site.ca.device("device"), other.device("device"));
    let cases = [
        ("a.example.com", Ok(()), Err(Refusal::UnknownIssuer)),
        ("b.example.com", Ok(()), Ok(())),
        ("any.example.com", Ok(()), Err(Refusal::UnknownIssuer)),
        ("c.example.org", Err(Refusal::UnknownIssuer), Err(Refusal::UnknownIssuer)),
    ];
    for (host, first, second) in cases {
        let host = served(&compiled, host).unwrap();
        assert_eq!((trusts(host, &device), trusts(host, &others)), (first, second), "{}", host.label);
    }
}

#[test]
fn name_constraints_that_refuse_everybody_are_told_of() {
    let site = good();
    let mut params = ca_params("Root");
    let names = rcgen::GeneralSubtree::DirectoryName(params.distinguished_name.clone());
    params.name_constraints =
        Some(rcgen::NameConstraints { permitted_subtrees: vec![names], excluded_subtrees: vec![] });
    site.file("ca.pem", &Ca::root_with(params).pem());
    site.says(
        "11:16: warning: ca.pem: certificate 1 (`CN=Root`) constrains directory names, which is not evaluated here: it \
         verifies nobody; have",
    );
}

#[test]
fn who_signs_crls_in_a_cas_place_is_checked_like_the_ca() {
    let site = Site { accepted: Accepted::Known([].into()), ..good() };
    let text = site.text.replace("name = \"ca.pem\"", "name = \"ca.pem\"\ncrl_issuers = [\"signer.pem\"]");
    let site = Site { text, ..site };
    let signer = |to| {
        let mut params = valid(device_params("Root"), 0, to);
        params.key_usages = vec![rcgen::KeyUsagePurpose::CrlSign];
        site.ca.issue(&params)
    };
    let put = |leaf: &Leaf| {
        let base64 = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, &leaf.der);
        let pem = format!("-----BEGIN CERTIFICATE-----\n{base64}\n-----END CERTIFICATE-----\n");
        site.file("signer.pem", &pem);
    };
    let good = signer(now() + DAY);
    put(&good);
    let compiled = site.compile().unwrap();
    assert_eq!(compiled.crls.authorities[0].signers.len(), 1);
    let accepted = [Fingerprint::of(&site.ca.der()), good.fingerprint()];
    assert_eq!(compiled.snapshot.authorities, accepted.into());
    put(&signer(86_400));
    site.says(
        "11:17: error: signer.pem: certificate 1 (`CN=Root`), good until 1970-01-02T00:00:00Z, has expired, and is new",
    );
    put(&site.ca.device("device"));
    site.says("11:17: error: signer.pem: certificate 1 may not sign CRLs: its key usage lacks cRLSign; name");
    put(&Ca::root("Root").device("device"));
    assert!(site.compile().is_err());
}

#[test]
fn an_mtls_certificate_is_uploaded_once_and_has_a_name_of_its_own() {
    let again = "[[mtls_certificate]]\nname = \"again\"\ncertificate = \"ca.pem\"\n";
    good().add(again).says("21:16: error: CA `CN=Root` is already uploaded as `ca.pem`; associate");
    let site = good();
    site.file("other.pem", &Ca::root("Other Root").pem());
    let same_name = "[[mtls_certificate]]\nname = \"ca.pem\"\ncertificate = \"other.pem\"\n";
    site.add(same_name).says("21:16: error: mTLS certificate `ca.pem` is already defined; give");
}

/// CAs outside of their dates, and what is said of each.
fn out_of_date() -> [(Ca, &'static str); 2] {
    let ca = |from, to| Ca::root_with(valid(ca_params("Root"), from, to));
    [
        (ca(0, 86_400), "(`CN=Root`), good until 1970-01-02T00:00:00Z, has expired"),
        (ca(7_258_118_400, 7_258_204_800), "(`CN=Root`), good from 2200-01-01T00:00:00Z, is not valid yet"),
    ]
}

#[test]
fn an_accepted_ca_outside_its_dates_loads_with_a_warning_and_verifies_nobody() {
    for (ca, expected) in out_of_date() {
        let accepted = Accepted::Known([Fingerprint::of(&ca.der())].into());
        for accepted in [Accepted::Unknown, accepted] {
            let site = Site { accepted, ..good() };
            site.file("ca.pem", &ca.pem());
            site.says(&format!("11:16: warning: ca.pem: certificate 1 {expected}; it verifies nobody; "));
            let compiled = site.compile().unwrap();
            let host = served(&compiled, "iot.example.com").unwrap();
            assert_eq!(trusts(host, &ca.device("device")), Err(Refusal::AnchorExpired));
            assert_eq!(host.trust.anchors().len(), 1);
            assert_eq!(compiled.snapshot.authorities, [Fingerprint::of(&ca.der())].into());
        }
    }
}

#[test]
fn a_new_ca_outside_its_dates_is_refused_wherever_it_stands() {
    for (ca, expected) in out_of_date() {
        let site = good();
        let accepted = Accepted::Known([Fingerprint::of(&site.ca.der())].into());
        let site = Site { accepted, ..site };
        assert_eq!(site.said(), [""; 0], "what was accepted is still good");
        site.file("ca.pem", &(site.ca.pem() + &ca.pem()));
        assert!(site.compile().is_err());
        site.says(&format!("11:16: error: ca.pem: certificate 2 {expected}, and is new here; "));
    }
}

/// An intermediate in the file is not an anchor, and its dates are told of all the same.
#[test]
fn a_new_intermediate_that_has_expired_is_refused_too() {
    let site = Site { accepted: Accepted::Known([].into()), ..good() };
    let old = site.ca.intermediate_with(valid(ca_params("Issuing"), 0, 86_400));
    site.file("ca.pem", &(old.pem() + &site.ca.pem()));
    site.says(
        "11:16: error: ca.pem: certificate 1 (`CN=Issuing`), good until 1970-01-02T00:00:00Z, has expired",
    );
}

#[test]
fn the_same_trust_is_the_same_set_after_a_reload() {
    let site = good();
    let id = |site: &Site| served(&site.compile().unwrap(), "iot.example.com").unwrap().trust.id();
    let before = id(&site);
    assert_eq!(before, id(&site));
    site.file("ca.pem", &Ca::root("Root").pem());
    assert_ne!(before, id(&site));
}
