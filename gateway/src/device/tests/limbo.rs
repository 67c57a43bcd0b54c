//! x509-limbo as an oracle of path verification and of CRLs.
//!
//! Its cases are about servers, nearly all. A trust set verifies devices, so a case is mirrored first: where its
//! certificates say `serverAuth` they come to say `clientAuth` and the other way round, and whoever signed signs again.
//! Whatever else a case gets right or wrong stays as it was.

mod case;
mod disagreements;
mod mirror;

use std::collections::{BTreeMap, BTreeSet};
use std::mem::discriminant;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::{ServerName, UnixTime};
use webpki::{EndEntityCert, KeyUsage};

use self::case::{Case, Chain};
use super::pki::trust;
use crate::device::ca::{CaBundle, CaRules};
use crate::device::identity::Fingerprint;
use crate::device::revocation::{
    DenyList, Issuer, OnExpired, ParsedCrl, RevocationIndex, Standing, VerifyError,
};
use crate::device::trust::{Verified, certificate_algorithms};

/// The largest CRL, in octets.
const LIMIT: usize = 1 << 20;

/// Out of scope.
const DEPTH: &str = "asks for a chain depth of its own, which no host has";
/// Out of scope.
const NO_MIRROR: &str = "cannot be mirrored: it is about a signature that is not ECDSA P-256 with SHA-256";
/// Out of scope.
const SERVER_NAME: &str = "fails by the server's name, and nobody connects to a device by its name";

/// Why a case says nothing about the verification of devices.
fn out_of_scope(case: &Case) -> Option<&'static str> {
    if case.max_chain_depth.is_some() {
        return Some(DEPTH);
    }
    // Name constraints are about a device's names as well.
    if !case.expects_success() && !case.id.contains("::nc") && !names_its_server(case) {
        return Some(SERVER_NAME);
    }
    None
}

/// Whether the leaf is good for the name that the case connects to. Where webpki cannot tell, something else is wrong.
fn names_its_server(case: &Case) -> bool {
    let leaf = case.chain().leaf;
    let (Some(expected), Ok(leaf)) = (&case.expected_peer_name, EndEntityCert::try_from(&leaf)) else {
        return true;
    };
    let Ok(name) = ServerName::try_from(expected.value.as_str()) else { return true };
    leaf.verify_is_valid_for_subject_name(&name).is_ok()
}

/// What we say: nothing where the chain verifies and no CRL has anything against it.
fn judge(chain: &Chain, now: u64) -> Result<(), String> {
    let bundle = CaBundle::new("limbo", chain.trusted.clone(), CaRules::default());
    let set = trust([&bundle.map_err(|error| error.to_string())?]);
    let at = UnixTime::since_unix_epoch(Duration::from_secs(now));
    let verified = set
        .verify(&chain.leaf, Fingerprint::of(&chain.leaf), &chain.sent, at)
        .map_err(|refusal| refusal.label().to_owned())?;
    revoked(chain, &verified, now)
}

/// A CRL that is not accepted fails as well; one of a CA that is nobody's here is passed over.
fn revoked(chain: &Chain, verified: &Verified, now: u64) -> Result<(), String> {
    let issuers: Vec<_> = chain.trusted.iter().chain(&chain.sent).flat_map(|der| Issuer::read(der)).collect();
    let mut crls = Vec::new();
    for der in &chain.crls {
        let parsed = ParsedCrl::parse(der, LIMIT).map_err(|error| error.to_string())?;
        match parsed.verify(&issuers, certificate_algorithms(false), now) {
            Ok(crl) => crls.push(Arc::new(crl)),
            Err(VerifyError::UnknownIssuer { .. }) => {}
            Err(error) => return Err(error.to_string()),
        }
    }
    let index = RevocationIndex::new(1, crls, |_| OnExpired::Hard, Arc::new(DenyList::default()));
    match index.check(&verified.path, verified.identity.facts(), now) {
        Standing::Good => Ok(()),
        standing => Err(format!("{standing:?}")),
    }
}

/// What webpki says by itself, for the role of `usage`.
fn webpki(chain: &Chain, usage: KeyUsage, now: u64) -> Result<(), webpki::Error> {
    let anchors: Vec<_> = chain.trusted.iter().flat_map(webpki::anchor_from_trusted_cert).collect();
    let at = UnixTime::since_unix_epoch(Duration::from_secs(now));
    let leaf = EndEntityCert::try_from(&chain.leaf)?;
    leaf.verify_for_usage(certificate_algorithms(false), &anchors, &chain.sent, at, usage, None, None)
        .map(drop)
}

#[test]
fn limbo_and_we_differ_only_where_we_say_why() {
    let listed: Vec<_> = disagreements::ALL.iter().flat_map(|(_, ids)| *ids).copied().collect();
    let mut expected: BTreeSet<_> = listed.iter().copied().collect();
    assert_eq!(expected.len(), listed.len(), "a case is listed twice");
    let (mut skipped, mut wrong) = (BTreeMap::<_, Vec<_>>::new(), Vec::new());
    for case in case::all() {
        let (chain, why) = (mirror::for_devices(&case), out_of_scope(&case));
        let (Some(chain), None) = (chain, why) else {
            skipped.entry(why.unwrap_or(NO_MIRROR)).or_default().push(case.id);
            continue;
        };
        let verdict = judge(&chain, case.time());
        let agrees = verdict.is_ok() == case.expects_success();
        if agrees == expected.remove(case.id.as_str()) {
            wrong.push(format!("{}: limbo says {}, we say {verdict:?}", case.id, case.expected_result));
        }
    }
    let skips: Vec<_> = skipped.iter().map(|(why, ids)| (*why, ids.len())).collect();
    assert_eq!(skips, [(DEPTH, 6), (NO_MIRROR, 4), (SERVER_NAME, 15)], "{skipped:#?}");
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(expected.is_empty(), "listed, but not judged: {expected:?}");
}

/// Or the verdict on a mirrored case would say nothing of the case.
#[test]
fn a_mirrored_case_fails_for_the_reason_of_its_original() {
    let kind = |result: &Result<(), webpki::Error>| result.as_ref().err().map(discriminant);
    let mut mirrored = 0;
    for case in case::all().iter().filter(|case| case.is_about_servers()) {
        let Some(chain) = mirror::for_devices(case) else { continue };
        let before = webpki(&case.chain(), KeyUsage::server_auth(), case.time());
        let after = webpki(&chain, KeyUsage::client_auth(), case.time());
        assert_eq!(kind(&before), kind(&after), "{}: {before:?}, then {after:?}", case.id);
        mirrored += usize::from(chain.leaf != case.chain().leaf);
    }
    assert!(mirrored > 0, "nothing was mirrored");
}
