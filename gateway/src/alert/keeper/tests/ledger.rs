//! A book that is a store, with one certificate.

use std::path::Path;
use std::sync::{Arc, Mutex};

use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};
use serde_json::{Value, json};

use crate::alert::book::{Book, BookError};
use crate::alert::message::Sender;
use crate::device::ca::{CaBundle, CaRules};
use crate::model::kind::Kind;
use crate::resource::{Inventory, Stored};
use crate::store::{Batch, Redb, Store as _, Write};

/// When the certificate ends: the start of 2030. Seconds since the epoch.
pub(super) const END: u64 = 1_893_456_000;
/// Its id.
pub(super) const CERTIFICATE: &str = "00000000-0000-4000-8000-000000000001";

/// What is wrong with the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    None,
    /// It takes one more write, and then none.
    AfterOne,
    Always,
    /// There is none.
    Nowhere,
}

pub(super) struct Ledger {
    store: Redb,
    inventory: Mutex<Arc<Inventory>>,
    trouble: Mutex<Trouble>,
}

impl Ledger {
    pub(super) fn open(folder: &Path) -> Self {
        let store = Redb::open(folder).unwrap();
        let (stored, _) = Stored::load(&store).unwrap();
        let bundles = [(CERTIFICATE.parse().unwrap(), Arc::new(bundle()))].into();
        let inventory = Inventory::new(Arc::default(), Arc::new(stored), bundles);
        Self { store, inventory: Mutex::new(Arc::new(inventory)), trouble: Mutex::new(Trouble::None) }
    }

    pub(super) fn trouble(&self, trouble: Trouble) {
        *self.trouble.lock().unwrap() = trouble;
    }

    /// Puts a certificate, a webhook and a policy there.
    pub(super) fn declare(&self, url: &str, days: &Value) {
        let hook = "00000000-0000-4000-8000-000000000002";
        let put = |kind, id: &str, document| Write::put(kind, id.parse().unwrap(), document);
        let hostnames = ["b.example.com", "a.example.com"];
        self.store(vec![
            put(Kind::Certificate, CERTIFICATE, json!({ "name": "devices", "associated_hostnames": hostnames })),
            put(Kind::AlertWebhook, hook, json!({ "name": "ops", "url": url, "secret": "s3cret" })),
            put(
                Kind::AlertPolicy,
                "00000000-0000-4000-8000-000000000003",
                json!({
                    "name": "expiry", "alert_type": "access_custom_certificate_expiration_type", "enabled": true,
                    "mechanisms": { "webhooks": [{ "id": hook }] }, "filters": { "days": days },
                }),
            ),
        ]);
    }

    fn store(&self, writes: Vec<Write>) {
        let batch = Batch { at: 0, who: "test".to_owned(), writes };
        let mut inventory = self.inventory.lock().unwrap();
        let (stored, _) = inventory.stored().after(&batch).unwrap();
        self.store.write(&batch).unwrap();
        *inventory = Arc::new(inventory.with(Arc::new(stored)));
    }
}

impl Book for Ledger {
    type Leave = ();

    fn resources(&self) -> Arc<Inventory> {
        Arc::clone(&self.inventory.lock().unwrap())
    }

    fn sender(&self) -> Sender {
        Sender { account: "account".to_owned(), zone: "zone".to_owned() }
    }

    fn begin(&self) -> Option<()> {
        Some(())
    }

    fn write(&self, (): &(), writes: Vec<Write>) -> Result<(), BookError> {
        let mut trouble = self.trouble.lock().unwrap();
        match *trouble {
            Trouble::None => {}
            Trouble::AfterOne => *trouble = Trouble::Always,
            Trouble::Always => return Err(BookError::Refused("the disk is full".to_owned())),
            Trouble::Nowhere => return Err(BookError::Nowhere),
        }
        drop(trouble);
        self.store(writes);
        Ok(())
    }
}

/// The same certificate each time, as far as alerts are concerned: its key would be another.
fn bundle() -> CaBundle {
    static DER: std::sync::OnceLock<rcgen::Certificate> = std::sync::OnceLock::new();
    let certificate = DER.get_or_init(|| {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.not_after = rcgen::date_time_ymd(2030, 1, 1);
        params.self_signed(&KeyPair::generate().unwrap()).unwrap()
    });
    CaBundle::new("devices", vec![certificate.der().clone()], CaRules::default()).unwrap()
}
