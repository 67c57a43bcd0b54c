//! An origin that does as it is told.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::rc::Rc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::spawn_local;
use tokio::time;

use crate::origin::{Target, TlsToOrigin};

/// What an origin does with a request.
pub(super) enum Answer {
    Say(&'static str),
    /// As if the connection were to be kept, and then it is closed.
    SayAndClose(&'static str),
    /// Closes the connection.
    Close,
    /// Never says anything; the clock jumps to the next deadline.
    Silence,
}

/// An origin, and what it has seen.
#[derive(Clone)]
pub(super) struct Origin {
    pub(super) target: Rc<Target>,
    connections: Rc<Cell<usize>>,
    requests: Rc<RefCell<Vec<String>>>,
}

/// The origin at a URL of another scheme than `https`.
pub(super) fn target(url: &str) -> Target {
    Target::new(url.parse().unwrap(), |_| -> Result<TlsToOrigin, Infallible> { unreachable!() }).unwrap()
}

impl Origin {
    /// Answers by `script`, which is told the numbers of the connection and of the request on it, from 1.
    pub(super) async fn new(script: impl Fn(usize, usize) -> Answer + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let target = Rc::new(target(&format!("http://{}", listener.local_addr().unwrap())));
        let origin = Self { target, connections: Rc::default(), requests: Rc::default() };
        let (this, script) = (origin.clone(), Rc::new(script));
        spawn_local(async move {
            while let Ok((stream, _)) = listener.accept().await {
                this.connections.set(this.connections.get() + 1);
                spawn_local(this.clone().serve(stream, this.connections.get(), Rc::clone(&script)));
            }
        });
        origin
    }

    async fn serve(
        self,
        mut stream: TcpStream,
        connection: usize,
        script: Rc<impl Fn(usize, usize) -> Answer>,
    ) {
        let mut request = 0;
        while let Some(line) = read_request(&mut stream).await {
            self.requests.borrow_mut().push(line);
            request += 1;
            match script(connection, request) {
                Answer::Say(text) => stream.write_all(text.as_bytes()).await.unwrap(),
                Answer::SayAndClose(text) => return stream.write_all(text.as_bytes()).await.unwrap(),
                Answer::Close => return,
                Answer::Silence => {
                    time::pause();
                    std::future::pending::<()>().await;
                }
            }
        }
    }

    pub(super) fn seen(&self) -> (usize, Vec<String>) {
        (self.connections.get(), self.requests.borrow().clone())
    }
}

/// The request line of the next request, whose body of at most one byte is read as well.
async fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).unwrap();
    if head.to_lowercase().contains("content-length: 1\r\n") {
        stream.read_u8().await.ok()?;
    }
    head.split(" HTTP/1.1").next().map(str::to_owned)
}
