//! A web server of a test's own: https, one answer a connection.

use std::io::{BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::message::Message;
use crate::pki::Identity;
use crate::wait;

/// A running server; it stops when dropped.
pub struct WebServer {
    address: SocketAddr,
    stopped: Arc<AtomicBool>,
}

impl WebServer {
    /// Starts one, on a free loopback port, that is `identity` and answers as `answer` says.
    pub fn start(identity: &Identity, answer: impl Fn(&Message) -> Vec<u8> + Send + Sync + 'static) -> Self {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions of TLS")
            .with_no_client_auth()
            .with_single_cert(identity.chain.clone(), identity.private_key())
            .expect("a server's identity");
        let (config, answer) = (Arc::new(config), Arc::new(answer));
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("its address");
        let stopped = Arc::<AtomicBool>::default();
        let is_stopped = Arc::clone(&stopped);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if is_stopped.load(Ordering::SeqCst) {
                    return;
                }
                let (config, answer) = (Arc::clone(&config), Arc::clone(&answer));
                thread::spawn(move || serve(&*answer, config, stream));
            }
        });
        Self { address, stopped }
    }

    /// Where it is. It has to be `localhost` to its CA.
    pub fn url(&self, target: &str) -> String {
        format!("https://localhost:{}{target}", self.address.port())
    }
}

impl Drop for WebServer {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::SeqCst);
        // Wakes `accept`.
        let _ = TcpStream::connect(self.address);
    }
}

/// Answers one request.
fn serve(answer: &impl Fn(&Message) -> Vec<u8>, config: Arc<ServerConfig>, stream: TcpStream) {
    // Nobody's test may hang on a client that says nothing.
    let _ = stream.set_read_timeout(Some(wait::DEADLINE));
    let Ok(connection) = ServerConnection::new(config) else { return };
    let mut stream = StreamOwned::new(connection, stream);
    let Ok(Some(request)) = Message::read_request(&mut BufReader::new(&mut stream)) else { return };
    if stream.write_all(&answer(&request)).is_ok() {
        stream.conn.send_close_notify();
        let _ = stream.flush();
    }
}
