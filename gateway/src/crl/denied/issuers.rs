//! The CAs that a serial number can be denied of, and which of them an operator means: numbers are only unique within
//! one, and a short one may be an intermediate's too.

use super::DenialError;
use crate::crl::{Authority, listed};
use crate::device::identity::Fingerprint;
use crate::device::revocation::{Issuer, IssuerId};

/// Every upload's name, with its CAs.
pub(in crate::crl) type Authorities = Vec<(Box<str>, Vec<Candidate>)>;

/// A CA certificate of an upload.
#[derive(Debug)]
pub(in crate::crl) struct Candidate {
    pub(super) id: IssuerId,
    /// Its subject.
    pub(super) name: Box<str>,
    pub(super) fingerprint: Fingerprint,
}

/// The CAs of a configuration.
pub(in crate::crl) fn authorities<'a>(all: impl IntoIterator<Item = &'a Authority>) -> Authorities {
    let candidates = |authority: &Authority| {
        let candidate = |issuer: &Issuer| Candidate {
            id: issuer.id,
            name: issuer.name.as_str().into(),
            fingerprint: issuer.fingerprint,
        };
        authority.issuers.iter().map(candidate).collect()
    };
    all.into_iter().map(|authority| (Box::from(&*authority.name), candidates(authority))).collect()
}

/// The CA of the upload `ca` that is called `issuer`, or the only one that it has.
pub(super) fn choose(
    ca: &str,
    issuer: Option<&str>,
    authorities: &Authorities,
) -> Result<IssuerId, DenialError> {
    let found = authorities.iter().find(|(name, _)| **name == *ca).ok_or_else(|| DenialError::UnknownCa {
        name: ca.to_owned(),
        known: listed(authorities.iter().map(|(name, _)| &**name)),
    });
    let (_, candidates) = found?;
    let mut meant: Vec<_> = candidates.iter().filter(|candidate| candidate.may_be(issuer)).collect();
    // A renewed certificate is the same CA's.
    meant.sort_by_key(|candidate| candidate.id);
    meant.dedup_by_key(|candidate| candidate.id);
    match meant.as_slice() {
        [one] => Ok(one.id),
        [] => Err(DenialError::UnknownIssuer {
            ca: ca.to_owned(),
            issuer: issuer.unwrap_or_default().to_owned(),
            choices: choices(candidates),
        }),
        _ => Err(DenialError::WhichIssuer { ca: ca.to_owned(), choices: choices(candidates) }),
    }
}

/// The CAs of the upload `ca` that may be called `issuer`; `issuer` may be an id, too, of one that is not there any more.
pub(super) fn called(ca: &str, issuer: &str, authorities: &Authorities) -> Vec<IssuerId> {
    let candidates =
        authorities.iter().filter(|(name, _)| **name == *ca).flat_map(|(_, candidates)| candidates);
    let called = candidates.filter(|candidate| candidate.may_be(Some(issuer))).map(|candidate| candidate.id);
    called.chain(issuer.parse().ok()).collect()
}

impl Candidate {
    /// Whether `text` is its subject, its common name, its fingerprint or its id. Without a text, it may be.
    fn may_be(&self, text: Option<&str>) -> bool {
        text.is_none_or(|text| {
            text.parse().is_ok_and(|id: IssuerId| id == self.id)
                || text.parse().is_ok_and(|fingerprint: Fingerprint| fingerprint == self.fingerprint)
                || attributes(text) == attributes(&self.name)
                || attributes(&self.name).contains(&format!("cn={}", text.trim().to_lowercase()))
        })
    }
}

/// A subject as its attributes, so that neither their order, which tools print differently, nor spaces count.
fn attributes(name: &str) -> Vec<String> {
    let attribute = |text: &str| match text.split_once('=') {
        Some((kind, value)) => format!("{}={}", kind.trim(), value.trim()).to_lowercase(),
        None => text.trim().to_lowercase(),
    };
    let mut attributes: Vec<_> = name.split(',').map(attribute).collect();
    attributes.sort_unstable();
    attributes
}

fn choices(candidates: &[Candidate]) -> String {
    let choice =
        |candidate: &Candidate| format!("`{}` (SHA-256 {})", candidate.name, candidate.fingerprint.hex());
    candidates.iter().map(choice).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(octet: u8, name: &str) -> Candidate {
        let id = IssuerId::from_octets([octet; 32]);
        Candidate { id, name: name.into(), fingerprint: Fingerprint([octet + 100; 32]) }
    }

    fn fleet() -> Authorities {
        let root = candidate(1, "C=DE, O=Pumps, CN=Root");
        let issuing = || candidate(2, "C=DE, O=Pumps, CN=Issuing");
        let cousin = candidate(3, "C=FR, CN=Root");
        vec![("one".into(), vec![issuing(), issuing()]), ("several".into(), vec![issuing(), root, cousin])]
    }

    #[test]
    fn the_only_ca_is_meant_and_of_several_the_one_that_is_named() {
        let id = |octet| Ok(IssuerId::from_octets([octet; 32]));
        assert_eq!(choose("one", None, &fleet()), id(2), "its renewed certificate is no other CA");
        let names = [
            "C=DE, O=Pumps, CN=Issuing",
            "CN = issuing,O = Pumps,C = DE",
            "Issuing",
            &"66".repeat(32),
            &"02".repeat(32),
            &format!("sha256 Fingerprint={}", vec!["66"; 32].join(":")),
        ];
        for name in names {
            assert_eq!(choose("several", Some(name), &fleet()), id(2), "{name}");
        }
        assert_eq!(choose("several", Some("C=FR, CN=Root"), &fleet()), id(3));
    }

    #[test]
    fn where_it_is_not_clear_which_is_meant_the_choices_are_listed() {
        for issuer in [None, Some("Root")] {
            let error = choose("several", issuer, &fleet()).unwrap_err();
            assert!(matches!(error, DenialError::WhichIssuer { .. }), "{error}");
            let choices = ["`C=DE, O=Pumps, CN=Root`", "`C=DE, O=Pumps, CN=Issuing`", "`C=FR, CN=Root`"];
            assert!(choices.iter().all(|choice| error.to_string().contains(choice)), "{error}");
        }
        for issuer in ["Pumps", "O=Pumps", "", "C=DE, CN=Root", &"09".repeat(32)] {
            let error = choose("several", Some(issuer), &fleet()).unwrap_err();
            assert!(matches!(error, DenialError::UnknownIssuer { .. }), "{issuer}: {error}");
        }
        assert!(matches!(choose("nobody", None, &fleet()), Err(DenialError::UnknownCa { .. })));
    }
}
