//! The receiver of a webhook, which remembers what it was sent.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::message::Message;
use crate::pki::Identity;
use crate::wait;
use crate::web_server::WebServer;

/// A receiver. It has to be `localhost` to its CA.
pub struct Webhook {
    server: WebServer,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    received: Mutex<Vec<Message>>,
    is_silent: AtomicBool,
}

impl Webhook {
    /// One that is `identity` and takes everything.
    pub fn start(identity: &Identity) -> Self {
        let shared = Arc::<Shared>::default();
        let taking = Arc::clone(&shared);
        let answer = move |request: &Message| {
            taking.received.lock().unwrap_or_else(PoisonError::into_inner).push(request.clone());
            wait::until("leave to answer", || (!taking.is_silent.load(Ordering::SeqCst)).then_some(()));
            b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".to_vec()
        };
        Self { server: WebServer::start(identity, answer), shared }
    }

    /// Its URL.
    pub fn url(&self) -> String {
        self.server.url("/hook/t0ken")
    }

    /// Whether it takes what comes without answering.
    pub fn be_silent(&self, is_silent: bool) {
        self.shared.is_silent.store(is_silent, Ordering::SeqCst);
    }

    /// Everything that came.
    pub fn received(&self) -> Vec<Message> {
        self.shared.received.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Alerts that came: everything but tests.
    pub fn alerts(&self) -> Vec<Message> {
        let mut received = self.received();
        received.retain(|message| message.json()["alert_type"].is_string());
        received
    }

    /// Waits until as many alerts have come.
    #[track_caller]
    pub fn wait_alerts(&self, count: usize) -> Vec<Message> {
        wait::until(&format!("{count} alerts"), || Some(self.alerts()).filter(|alerts| alerts.len() >= count))
    }
}
