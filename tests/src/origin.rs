//! An origin: a small HTTP/1.1 server that answers with what it received, or misbehaves as the path says.

use std::io::{BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;

use serde_json::json;

use crate::message::Message;

/// Answers only after [`Origin::release`].
pub const HELD: &str = "/held";
/// Closes the connection instead of answering.
pub const BREAK_OFF: &str = "/break-off";
/// Closes the connection in the middle of the response's body.
pub const BREAK_OFF_IN_BODY: &str = "/break-off-in-body";
/// Answers something that is not HTTP.
pub const GIBBERISH: &str = "/gibberish";

/// A running origin; it stops when dropped.
pub struct Origin {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    requests: Mutex<Vec<Message>>,
    connections: AtomicUsize,
    released: Mutex<bool>,
    release: Condvar,
    stopped: AtomicBool,
}

impl Origin {
    /// Starts one on a free loopback port of the calling thread's network namespace.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port for the origin");
        let address = listener.local_addr().expect("the origin's address");
        let shared = Arc::new(Shared::default());
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if accepting.stopped.load(Ordering::SeqCst) {
                    return;
                }
                accepting.connections.fetch_add(1, Ordering::SeqCst);
                let shared = Arc::clone(&accepting);
                thread::spawn(move || serve(&shared, &stream));
            }
        });
        Self { address, shared }
    }

    /// As the configuration names it.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Every request so far.
    pub fn requests(&self) -> Vec<Message> {
        self.shared.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many connections came so far.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// Lets requests for [`HELD`] have their answers, those that wait and those to come.
    pub fn release(&self) {
        *self.shared.released.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.shared.release.notify_all();
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        self.release();
        // Wakes `accept`; the listener is closed when its thread sees that it should stop.
        let _ = TcpStream::connect(self.address);
    }
}

fn serve(shared: &Shared, stream: &TcpStream) {
    let mut reader = BufReader::new(stream);
    while let Ok(Some(request)) = Message::read_request(&mut reader) {
        shared.requests.lock().unwrap_or_else(PoisonError::into_inner).push(request.clone());
        let path = request.start.split([' ', '?']).nth(1).unwrap_or_default();
        let mut answer = answer(&request);
        match path {
            BREAK_OFF => return,
            BREAK_OFF_IN_BODY => answer.truncate(answer.len() - 1),
            GIBBERISH => answer = b"220 mail.example.com ESMTP\r\n".to_vec(),
            HELD => {
                let released = shared.released.lock().unwrap_or_else(PoisonError::into_inner);
                drop(shared.release.wait_while(released, |released| !*released));
            }
            _ => {}
        }
        if { stream }.write_all(&answer).is_err() || [BREAK_OFF_IN_BODY, GIBBERISH].contains(&path) {
            return;
        }
    }
}

/// The request, as JSON.
fn answer(request: &Message) -> Vec<u8> {
    let mut start = request.start.split(' ');
    let body = json!({
        "method": start.next(),
        "target": start.next(),
        "headers": request.headers,
        "body_length": request.body.len(),
        "trailers": request.trailers,
    })
    .to_string();
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Origin: here\r\n";
    format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}
