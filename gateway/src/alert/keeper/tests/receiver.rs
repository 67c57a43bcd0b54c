//! A webhook's receiver.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

#[derive(Default)]
struct Shared {
    received: Mutex<Vec<(String, Value)>>,
    answers: Mutex<VecDeque<String>>,
}

pub(super) struct Receiver {
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl Receiver {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, shared) = (listener.local_addr().unwrap(), Arc::<Shared>::default());
        let accepting = Arc::clone(&shared);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                serve(&accepting, stream).await;
            }
        });
        Self { address, shared }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/hook?token=t0ken", self.address)
    }

    /// What it answers next; 200 after that.
    pub(super) fn answer(&self, answers: &[&str]) {
        *self.shared.answers.lock().unwrap() = answers.iter().map(|answer| (*answer).to_owned()).collect();
    }

    /// Heads and bodies that have arrived since.
    pub(super) fn take(&self) -> Vec<(String, Value)> {
        std::mem::take(&mut *self.shared.received.lock().unwrap())
    }
}

async fn serve(shared: &Shared, mut stream: TcpStream) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap();
    let length =
        head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap().parse().unwrap();
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.unwrap();
    shared.received.lock().unwrap().push((head, serde_json::from_slice(&body).unwrap()));
    let answer = shared.answers.lock().unwrap().pop_front().unwrap_or_else(|| "200 OK".to_owned());
    let answer = format!("HTTP/1.1 {answer}\r\nContent-Length: 0\r\n\r\n");
    stream.write_all(answer.as_bytes()).await.unwrap();
}
