//! A CA's web server: https, with one list, which it says is unchanged to whoever has it.

use std::io::{BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::message::Message;
use crate::pki::Identity;
use crate::wait;

/// A running server; it stops when dropped.
pub struct CrlServer {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    /// What there is, or nothing, for which it answers 503.
    list: Mutex<Option<Vec<u8>>>,
    sent: AtomicUsize,
    unchanged: AtomicUsize,
    stopped: AtomicBool,
}

impl CrlServer {
    /// Starts one, on a free loopback port, that is `identity`.
    pub fn start(identity: &Identity) -> Self {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions of TLS")
            .with_no_client_auth()
            .with_single_cert(identity.chain.clone(), identity.private_key())
            .expect("a server's identity");
        let config = Arc::new(config);
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("its address");
        let shared = Arc::new(Shared::default());
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if accepting.stopped.load(Ordering::SeqCst) {
                    return;
                }
                let (shared, config) = (Arc::clone(&accepting), Arc::clone(&config));
                thread::spawn(move || serve(&shared, config, stream));
            }
        });
        Self { address, shared }
    }

    /// As a configuration names it. The server has to be `localhost` to its CA.
    pub fn url(&self) -> String {
        format!("https://localhost:{}/devices.crl", self.address.port())
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

impl Drop for CrlServer {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        // Wakes `accept`.
        let _ = TcpStream::connect(self.address);
    }
}

/// Answers one request.
fn serve(shared: &Shared, config: Arc<ServerConfig>, stream: TcpStream) {
    // Nobody's test may hang on a client that says nothing.
    let _ = stream.set_read_timeout(Some(wait::DEADLINE));
    let Ok(connection) = ServerConnection::new(config) else { return };
    let mut stream = StreamOwned::new(connection, stream);
    let Ok(Some(request)) = Message::read_request(&mut BufReader::new(&mut stream)) else { return };
    let list = shared.list.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let answer = match list {
        None => b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n".to_vec(),
        Some(list) => {
            // Its signature is at its end, and no two lists have the same.
            let tag = list.last_chunk().map_or(0, |end| u128::from_be_bytes(*end));
            if request.header("if-none-match") == Some(format!("\"{tag:x}\"").as_str()) {
                shared.unchanged.fetch_add(1, Ordering::SeqCst);
                format!("HTTP/1.1 304 Not Modified\r\nETag: \"{tag:x}\"\r\n\r\n").into_bytes()
            } else {
                shared.sent.fetch_add(1, Ordering::SeqCst);
                let length = list.len();
                let head =
                    format!("HTTP/1.1 200 OK\r\nETag: \"{tag:x}\"\r\nContent-Length: {length}\r\n\r\n");
                [head.into_bytes(), list].concat()
            }
        }
    };
    if stream.write_all(&answer).is_ok() {
        stream.conn.send_close_notify();
        let _ = stream.flush();
    }
}
