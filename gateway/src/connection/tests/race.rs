//! A change that takes a device's permit away, while the device's handshake is under way: verified before it or after,
//! found in the cache or put there too late, it is not let in again, and the connection does not stay open.
//!
//! The gateway's own steps are tried in every order that they can come in (`device/step.rs`).

use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};

use rustls::pki_types::UnixTime;
use shuttle::thread;

use super::*;
use crate::device::revocation::DenyEntry;
use crate::device::step::model::{in_every_order, in_some_orders, step};
use crate::device::verifier::judge;

/// What takes the permit away.
#[derive(Clone, Copy, PartialEq)]
enum Change {
    /// The device is in the next revocation index.
    Revoked,
    /// Its CA is not in the next snapshot.
    Untrusted,
}

/// What all scenes have in common: making certificates takes time.
struct Cast {
    device: Leaf,
    trusting: Arc<Snapshot>,
    untrusting: Arc<Snapshot>,
}

static CAST: LazyLock<Cast> = LazyLock::new(|| {
    let site = site("");
    let trusting = site.compile().unwrap().snapshot;
    let other = Site::new().host(HOST).application(HOST, "devices", "non_identity");
    let mut untrusting = other.compile().unwrap().snapshot;
    untrusting.generation = trusting.generation + 1;
    Cast { device: site.ca.device("device"), trusting: Arc::new(trusting), untrusting: Arc::new(untrusting) }
});

/// What the workers of one gateway share.
#[derive(Clone)]
struct Gateway {
    snapshot: Arc<ArcSwap<Snapshot>>,
    verdicts: Arc<Verdicts>,
    /// Whether the change is in force.
    changed: Arc<AtomicBool>,
}

impl Gateway {
    fn new() -> Self {
        let snapshot = Arc::new(ArcSwap::new(Arc::clone(&CAST.trusting)));
        Self { snapshot, verdicts: Arc::new(Verdicts::new(8)), changed: Arc::default() }
    }

    fn context(&self) -> Context {
        Context { snapshot: Arc::clone(&self.snapshot), verdicts: Arc::clone(&self.verdicts) }
    }

    /// What the control thread does.
    fn make(&self, change: Change) {
        match change {
            Change::Revoked => {
                let entry = DenyEntry::Fingerprint(CAST.device.fingerprint().0);
                let index = self.verdicts.index().with_denied(Arc::new([entry].into_iter().collect()));
                self.verdicts.publish(index);
            }
            Change::Untrusted => {
                step();
                self.snapshot.store(Arc::clone(&CAST.untrusting));
                self.verdicts.announce();
            }
        }
        self.changed.store(true, Ordering::SeqCst);
    }

    /// What a worker does: a handshake and, if the device was let in, its connection.
    fn handshake(&self) -> Option<Connection> {
        let too_late = self.changed.load(Ordering::SeqCst);
        step();
        let snapshot = self.snapshot.load_full();
        let as_of = AsOf::now(&snapshot, &self.verdicts);
        let name: Hostname = HOST.parse().unwrap();
        let host = Arc::clone(snapshot.host(&name).unwrap());
        let finding = judge(&host.trust, &self.verdicts, &CAST.device.der, &[], UnixTime::now());
        let (device, _) = finding.settle(true, &self.verdicts);
        assert!(!(too_late && device.verified().is_some()), "let in after the change");
        let connection = Connection::of(name, &host, device, (SOURCE, unbanned()), as_of);
        connection.verified.get().then_some(connection)
    }

    /// What a worker does next: it hears of changes from then on, and serves a request.
    fn serve(&self, connection: Connection) -> Served {
        let context = self.context();
        let (changes, lost) = connection.watch(context.in_force());
        let too_late = self.changed.load(Ordering::SeqCst);
        step();
        let state = connection.state(context.in_force()).expect("the host is still there");
        assert!(!(too_late && state.device.verified().is_some()), "permitted after the change");
        Served { connection, changes, lost }
    }
}

/// An open connection.
struct Served {
    connection: Connection,
    changes: watch::Receiver<u64>,
    lost: Option<&'static str>,
}

impl Served {
    /// Whether it stays open, once all that comes has come.
    fn stays(&self, context: &Context) -> bool {
        let hears = self.changes.has_changed().unwrap();
        self.lost.is_none() && !(hears && self.connection.lost(context.in_force()).is_some())
    }
}

/// So many workers with the same device, and a change meanwhile.
fn scene(change: Change, workers: usize) {
    let gateway = Gateway::new();
    let worker = || {
        let gateway = gateway.clone();
        thread::spawn(move || Some(gateway.serve(gateway.handshake()?)))
    };
    let workers: Vec<_> = (0..workers).map(|_| worker()).collect();
    gateway.make(change);
    for served in workers.into_iter().filter_map(|worker| worker.join().unwrap()) {
        assert!(!served.stays(&gateway.context()), "a connection stays open");
    }
    assert!(gateway.handshake().is_none(), "the device is let in again");
}

#[test]
fn a_revocation_during_a_handshake_leaves_nothing_open_and_nobody_in_the_cache() {
    in_every_order(|| scene(Change::Revoked, 1));
}

#[test]
fn a_ca_that_goes_during_a_handshake_leaves_nothing_open_and_nobody_in_the_cache() {
    in_every_order(|| scene(Change::Untrusted, 1));
}

#[test]
fn two_handshakes_of_a_device_do_not_let_each_other_in() {
    in_some_orders(|| scene(Change::Revoked, 2), 300);
    in_some_orders(|| scene(Change::Untrusted, 2), 300);
}
