//! A CA's web server: https, with one list, which it says is unchanged to whoever has it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::message::Message;
use crate::pki::Identity;
use crate::web_server::WebServer;

/// A running server; it stops when dropped.
pub struct CrlServer {
    server: WebServer,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    /// What there is, or nothing, for which it answers 503.
    list: Mutex<Option<Vec<u8>>>,
    sent: AtomicUsize,
    unchanged: AtomicUsize,
}

impl CrlServer {
    /// Starts one, on a free loopback port, that is `identity`.
    pub fn start(identity: &Identity) -> Self {
        let shared = Arc::new(Shared::default());
        let answering = Arc::clone(&shared);
        Self { server: WebServer::start(identity, move |request| answer(&answering, request)), shared }
    }

    /// As a configuration names it. The server has to be `localhost` to its CA.
    pub fn url(&self) -> String {
        self.server.url("/devices.crl")
    }

    /// Has it another list, or none.
    pub fn put(&self, list: Option<Vec<u8>>) {
        *self.shared.list.lock().unwrap_or_else(PoisonError::into_inner) = list;
    }

    /// How often it sent the list.
    pub fn sent(&self) -> usize {
        self.shared.sent.load(Ordering::SeqCst)
    }

    /// How often it said that the list is unchanged.
    pub fn unchanged(&self) -> usize {
        self.shared.unchanged.load(Ordering::SeqCst)
    }
}

fn answer(shared: &Shared, request: &Message) -> Vec<u8> {
    let list = shared.list.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let Some(list) = list else {
        return b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n".to_vec();
    };
    // Its signature is at its end, and no two lists have the same.
    let tag = list.last_chunk().map_or(0, |end| u128::from_be_bytes(*end));
    if request.header("if-none-match") == Some(format!("\"{tag:x}\"").as_str()) {
        shared.unchanged.fetch_add(1, Ordering::SeqCst);
        return format!("HTTP/1.1 304 Not Modified\r\nETag: \"{tag:x}\"\r\n\r\n").into_bytes();
    }
    shared.sent.fetch_add(1, Ordering::SeqCst);
    let length = list.len();
    let head = format!("HTTP/1.1 200 OK\r\nETag: \"{tag:x}\"\r\nContent-Length: {length}\r\n\r\n");
    [head.into_bytes(), list].concat()
}
