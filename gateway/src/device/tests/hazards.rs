//! What only a cache of verdicts can get wrong: others' chains, clocks that jump, and reloads that race with handshakes.

use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::UnixTime;
use rustls::server::danger::ClientCertVerifier as _;

use super::pki::{Ca, DAY, Leaf, NOW, bundle, device_params, trust, valid};
use crate::device::Device;
use crate::device::refusal::Refusal;
use crate::device::trust::TrustSet;
use crate::device::verdicts::Verdicts;
use crate::device::verifier::{Demand, DeviceVerifier, Outcome, observe};

/// One gateway's cache, and a host that asks.
struct Scene {
    verdicts: Arc<Verdicts>,
    trust: Arc<TrustSet>,
}

/// What a handshake finds out, and whether from the cache.
type Found = Result<bool, Refusal>;

impl Scene {
    fn new(trust: TrustSet) -> Self {
        Self { verdicts: Arc::new(Verdicts::new(8)), trust: Arc::new(trust) }
    }

    /// A handshake at a time, by a peer that proves its key or cannot.
    async fn meet(&self, leaf: &Leaf, sent: &[&Ca], at: u64, proves: bool) -> Outcome<Result<(), ()>> {
        let verifier = DeviceVerifier::new(Arc::clone(&self.trust), Arc::clone(&self.verdicts), Demand::Ask);
        let sent: Vec<_> = sent.iter().map(|ca| ca.der()).collect();
        let at = UnixTime::since_unix_epoch(Duration::from_secs(at));
        let handshake = async {
            verifier.verify_client_cert(&leaf.der, &sent, at).map_err(drop)?;
            ready(if proves { Ok(()) } else { Err(()) }).await
        };
        observe(handshake, &self.verdicts).await
    }

    /// The same by the device itself.
    async fn find(&self, leaf: &Leaf, sent: &[&Ca], at: u64) -> Found {
        let outcome = self.meet(leaf, sent, at, true).await;
        match outcome.device {
            Device::Verified(_) => Ok(outcome.cached),
            Device::Refused(refused) => Err(refused.reason),
            Device::Absent => panic!("a certificate was presented"),
        }
    }

    fn entries(&self) -> u64 {
        self.verdicts.cache.statistics().entries
    }
}

/// Nobody can have another's certificate remembered as bad, with a chain that leads nowhere.
#[tokio::test]
async fn a_bad_chain_spoils_nothing_for_whoever_sends_the_good_one() {
    let root = Ca::root("Root");
    let (issuing, namesake) = (root.intermediate("Issuing"), Ca::root("Root").intermediate("Issuing"));
    let (leaf, scene) = (issuing.device("device"), Scene::new(trust([&root.bundle()])));
    for sent in [&[][..], &[&namesake]] {
        assert!(scene.find(&leaf, sent, NOW).await.is_err());
        assert_eq!(scene.entries(), 0, "only positive verdicts are remembered");
    }
    assert_eq!(scene.find(&leaf, &[&issuing], NOW).await, Ok(false));
    assert_eq!(scene.find(&leaf, &[&issuing], NOW).await, Ok(true));
}

/// A verdict is about the leaf, whatever comes with it: a known device keeps the path that was validated, and what a
/// later handshake sends beside it does not become part of it.
#[tokio::test]
async fn a_known_device_keeps_its_validated_path_whatever_it_sends_later() {
    let root = Ca::root("Root");
    let issuing = root.intermediate("Issuing");
    let (leaf, scene) = (issuing.device("device"), Scene::new(trust([&root.bundle()])));
    assert_eq!(scene.find(&leaf, &[&issuing], NOW).await, Ok(false));
    for sent in [&[][..], &[&Ca::root("Stranger")]] {
        let outcome = scene.meet(&leaf, sent, NOW, true).await;
        let Device::Verified(verified) = outcome.device else { panic!("known") };
        assert_eq!((outcome.cached, verified.path.len(), verified.chain.len()), (true, 2, 2));
    }
}

/// rustls asks about the chain before it asks for the proof of the key: a thief's handshake must not have filled the cache
/// by then.
#[tokio::test]
async fn a_thief_fills_no_cache_and_a_known_device_does_not_help_it() {
    let root = Ca::root("Root");
    let (leaf, scene) = (root.device("device"), Scene::new(trust([&root.bundle()])));
    assert!(scene.meet(&leaf, &[], NOW, false).await.result.is_err());
    assert_eq!(scene.entries(), 0);
    assert_eq!(scene.find(&leaf, &[], NOW).await, Ok(false));
    let outcome = scene.meet(&leaf, &[], NOW, false).await;
    assert!(outcome.cached && outcome.result.is_err());
}

/// A clock that jumps ahead ends verdicts that have run out, and back again they are made anew. What is refused because the
/// clock is behind is not remembered either.
#[tokio::test]
async fn a_clock_that_jumps_is_believed_at_every_handshake() {
    let root = Ca::root("Root");
    let leaf = root.issue(&valid(device_params("device"), NOW - DAY, NOW + DAY));
    let scene = Scene::new(trust([&root.bundle()]));
    assert_eq!(scene.find(&leaf, &[], NOW - 2 * DAY).await, Err(Refusal::NotYetValid));
    assert_eq!(scene.find(&leaf, &[], NOW).await, Ok(false));
    assert_eq!(scene.find(&leaf, &[], NOW + 2 * DAY).await, Err(Refusal::Expired));
    assert_eq!(scene.find(&leaf, &[], NOW).await.map(drop), Ok(()));
}

/// A handshake that began before a reload ends with a verdict of the trust set that it began with, and the cache keeps it
/// for that one alone.
#[tokio::test]
async fn a_verdict_of_a_handshake_that_a_reload_overtook_counts_for_the_old_trust_alone() {
    let (root, other) = (Ca::root("Root"), Ca::root("Other"));
    let leaf = root.device("device");
    let before = Scene::new(trust([&bundle("test", [&root, &other])]));
    let after = Scene { verdicts: Arc::clone(&before.verdicts), trust: Arc::new(trust([&other.bundle()])) };
    assert_eq!(after.find(&leaf, &[], NOW).await, Err(Refusal::UnknownIssuer));
    // The old handshake ends only now.
    assert_eq!(before.find(&leaf, &[], NOW).await, Ok(false));
    assert_eq!(after.find(&leaf, &[], NOW).await, Err(Refusal::UnknownIssuer));
    assert_eq!(before.find(&leaf, &[], NOW).await, Ok(true));
}
