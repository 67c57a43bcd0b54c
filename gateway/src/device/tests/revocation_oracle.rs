//! OpenSSL's `verify -crl_check_all` as an oracle of revocation, on a population with random revocations.
//! `data/make-population.sh` says how OpenSSL made it and what it was asked.

use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, UnixTime};

use super::pki::trust;
use crate::device::ca::{CaBundle, CaRules};
use crate::device::identity::Fingerprint;
use crate::device::revocation::{
    Crl, DenyList, Issuer, OnExpired, ParsedCrl, Revocation, RevocationIndex, Standing,
};
use crate::device::trust::{TrustSet, Verified, certificate_algorithms};

/// The largest CRL, in octets.
const LIMIT: usize = 1 << 20;

fn pem<T: PemObject>(file: &str) -> Vec<T> {
    T::pem_slice_iter(file.as_bytes()).collect::<Result<_, _>>().unwrap()
}

/// What OpenSSL said of one device at one time.
struct Answer {
    /// In seconds since the epoch.
    at: u64,
    /// The device's place in the population.
    device: usize,
    verdict: Verdict,
}

/// At which place on the path, the leaf at 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Good,
    Overdue(usize),
    Revoked(usize),
}

impl Answer {
    fn read(line: &str) -> Self {
        let numbers: Vec<usize> = line.split(' ').map(|number| number.parse().unwrap()).collect();
        let [at, device, error, depth] = numbers[..] else { panic!("{line}") };
        let verdict = match error {
            0 => Verdict::Good,
            12 => Verdict::Overdue(depth), // X509_V_ERR_CRL_HAS_EXPIRED
            23 => Verdict::Revoked(depth), // X509_V_ERR_CERT_REVOKED
            _ => panic!("OpenSSL has something else against a device: {line}"),
        };
        Self { at: at.try_into().unwrap(), device, verdict }
    }
}

struct Population {
    set: TrustSet,
    crls: Vec<Arc<Crl>>,
    issuing: Vec<CertificateDer<'static>>,
    devices: Vec<CertificateDer<'static>>,
}

impl Population {
    fn load(made: u64) -> Self {
        let roots: Vec<CertificateDer<'_>> = pem(include_str!("data/population-roots.pem"));
        let issuing: Vec<CertificateDer<'_>> = pem(include_str!("data/population-issuing.pem"));
        let crls: Vec<CertificateRevocationListDer<'_>> = pem(include_str!("data/population-crls.pem"));
        let issuers: Vec<_> = roots.iter().chain(&issuing).map(|der| Issuer::read(der).unwrap()).collect();
        let verify = |der: &[u8]| {
            let parsed = ParsedCrl::parse(der, LIMIT).unwrap();
            Arc::new(parsed.verify(&issuers, certificate_algorithms(false), made).unwrap())
        };
        Self {
            set: trust([&CaBundle::new("roots", roots, CaRules::default()).unwrap()]),
            crls: crls.iter().map(|der| verify(der)).collect(),
            issuing,
            devices: pem(include_str!("data/population-devices.pem")),
        }
    }

    fn index(&self, on_expired: OnExpired) -> RevocationIndex {
        RevocationIndex::new(1, self.crls.iter().cloned(), |_| on_expired, Arc::new(DenyList::default()))
    }

    fn verify(&self, answer: &Answer) -> Verified {
        let device = &self.devices[answer.device];
        let at = UnixTime::since_unix_epoch(Duration::from_secs(answer.at));
        self.set.verify(device, Fingerprint::of(device), &self.issuing, at).unwrap()
    }
}

fn check(index: &RevocationIndex, verified: &Verified, at: u64) -> Verdict {
    match index.check(&verified.path, verified.identity.facts(), at) {
        Standing::Good => Verdict::Good,
        Standing::CrlExpired { position, .. } => Verdict::Overdue(position),
        Standing::Revoked(Revocation { position, .. }) => Verdict::Revoked(position),
        Standing::CrlMissing { .. } | Standing::NotCovered { .. } => panic!("no list of theirs is split"),
    }
}

fn answers() -> Vec<Answer> {
    include_str!("data/population-openssl.txt").lines().map(Answer::read).collect()
}

#[test]
fn openssl_and_we_find_the_same_certificates_revoked() {
    let answers = answers();
    let population = Population::load(answers[0].at);
    let (hard, soft) = (population.index(OnExpired::Hard), population.index(OnExpired::Soft));
    let mut current = vec![None; population.devices.len()];
    for answer in &answers {
        let Answer { at, device, verdict } = *answer;
        let verified = population.verify(answer);
        let (ours, lenient) = (check(&hard, &verified, at), check(&soft, &verified, at));
        let case = format!("device {device} at {at}");
        match verdict {
            Verdict::Good | Verdict::Revoked(_) => {
                assert_eq!((ours, lenient), (verdict, verdict), "{case}");
                current[device].get_or_insert(verdict);
            }
            // OpenSSL says no more of an overdue CRL. We keep denying what it lists; of the rest, `hard` says the same.
            Verdict::Overdue(_) => {
                let listed = current[device].unwrap();
                assert_eq!(lenient, listed, "{case}");
                assert_eq!(ours, if listed == Verdict::Good { verdict } else { listed }, "{case}");
            }
        }
    }
}

/// Or the test above would prove little.
#[test]
fn the_population_has_every_kind_of_verdict() {
    let answers = answers();
    let count = |wanted| answers.iter().filter(|answer| answer.verdict == wanted).count();
    for verdict in [Verdict::Good, Verdict::Revoked(0), Verdict::Revoked(1), Verdict::Overdue(0)] {
        assert!(count(verdict) > 2, "{verdict:?}: {}", count(verdict));
    }
}
