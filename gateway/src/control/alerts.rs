//! Alerts: who sends them, where they are recorded, and what others ask about them.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{ChangeError, Changing, Control, Request, now};
use crate::alert::{Book, BookError, Desk, Keeper, PlannedAlert, Sender, Tried};
use crate::model::alert::Recipient;
use crate::resource::Inventory;
use crate::store::{StoreError, Write};

/// In whose name deliveries are recorded.
const WHO: &str = "alerts";

/// What would be sent when.
#[derive(Debug, Serialize)]
pub struct AlertPlan {
    /// Every alert, the first to come first.
    pub alerts: Vec<PlannedAlert>,
}

/// Who gets a test message: everybody, unless one is named.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TestRequest {
    /// A webhook's id or name, or an e-mail address.
    #[serde(default)]
    pub recipient: Option<String>,
}

/// How it went.
#[derive(Debug, Serialize)]
pub struct Tested {
    /// By recipient.
    pub results: Vec<TestResult>,
}

/// How it went with one.
#[derive(Debug, Serialize)]
pub struct TestResult {
    /// Who.
    pub recipient: String,
    /// What the operator calls it.
    pub name: String,
    /// Why it was not delivered; none where it was.
    pub error: Option<String>,
}

impl Control {
    /// What others want of alerts.
    pub fn alerts(&self) -> &Desk {
        &self.alerts
    }

    /// Sends alerts, until the desk is closed.
    pub async fn send_alerts(self: Arc<Self>) {
        let (revisions, metrics) = (self.revisions(), self.shared.metrics.clone());
        let desk = Arc::clone(&self.alerts);
        Keeper::new(self, desk, metrics, now).look_after(revisions).await;
    }

    /// Every alert, past and to come.
    pub fn alert_plan(&self) -> AlertPlan {
        AlertPlan { alerts: self.alerts.plan(&self.resources(), now()) }
    }

    /// Sends test messages, to several at once. None where nobody is called so.
    pub async fn test_alerts(&self, request: &TestRequest) -> Option<Tested> {
        let inventory = self.resources();
        let known = self.alerts.recipients(&inventory);
        let is_meant = |(recipient, name): &(Recipient, String)| match &request.recipient {
            None => true,
            Some(wanted) => {
                *wanted == *name || recipient.to_string().split_once(':').is_some_and(|(_, it)| it == wanted)
            }
        };
        let meant: Vec<_> = known.into_iter().filter(is_meant).collect();
        if meant.is_empty() && request.recipient.is_some() {
            return None;
        }
        let tried = Arc::clone(&self.alerts).test_all(inventory, meant, now()).await;
        let results = tried.into_iter().map(|Tried { recipient, name, sent }| TestResult {
            recipient: recipient.to_string(),
            name,
            error: sent.err().map(|error| error.to_string()),
        });
        Some(Tested { results: results.collect() })
    }
}

impl Book for Control {
    type Leave = Changing;

    fn resources(&self) -> Arc<Inventory> {
        self.resources()
    }

    fn sender(&self) -> Sender {
        let identity = self.identity();
        Sender { account: identity.account_id, zone: identity.zone_id }
    }

    fn begin(&self) -> Option<Changing> {
        self.changing()
    }

    fn write(&self, leave: &Changing, writes: Vec<Write>) -> Result<(), BookError> {
        let request = Request { who: WHO.to_owned(), writes };
        match self.change_during(leave, &request) {
            Ok(_) => Ok(()),
            Err(ChangeError::Store(StoreError::NoStateDir)) => Err(BookError::Nowhere),
            Err(error) => Err(BookError::Refused(error.to_string())),
        }
    }
}
