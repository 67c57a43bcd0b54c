//! An origin that does as it is told.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::rc::Rc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::spawn_local;
use tokio::time;

use crate::model::origin::HttpVersions;
use crate::origin::{Balance, Origins, Target, TlsToOrigin};

/// What an origin does with a request.
pub(super) enum Answer {
    Say(&'static str),
    /// As if the connection were to be kept, and then it is closed.
    SayAndClose(&'static str),
    /// Part of an answer, and nothing more; the clock jumps to the next deadline.
    SayAndStop(&'static str),
    /// Closes the connection.
    Close,
    /// Never says anything; the clock jumps to the next deadline.
    Silence,
}

/// An origin, and what it has seen.
#[derive(Clone)]
pub(super) struct Origin {
    pub(super) origins: Rc<Origins>,
    connections: Rc<Cell<usize>>,
    requests: Rc<RefCell<Vec<String>>>,
    hosts: Rc<RefCell<Vec<String>>>,
}

/// The origin at a URL of another scheme than `https`.
pub(super) fn origins(url: &str) -> Origins {
    let plain = |_: &_| -> Result<TlsToOrigin, Infallible> { unreachable!() };
    let target = Target::new(url.parse().unwrap(), HttpVersions::Auto, None, plain).unwrap();
    Origins::new(vec![target], Balance::LeastRequests, None).unwrap()
}

impl Origin {
    /// Answers by `script`, which is told the numbers of the connection and of the request on it, from 1.
    pub(super) async fn new(script: impl Fn(usize, usize) -> Answer + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origins = Rc::new(origins(&format!("http://{}", listener.local_addr().unwrap())));
        let origin =
            Self { origins, connections: Rc::default(), requests: Rc::default(), hosts: Rc::default() };
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
        while let Some(head) = read_request(&mut stream).await {
            let line = head.split(" HTTP/1.1").next().unwrap().to_owned();
            let host = head.lines().find_map(|line| line.strip_prefix("host: ")).unwrap_or_default();
            self.hosts.borrow_mut().push(host.to_owned());
            self.requests.borrow_mut().push(line);
            request += 1;
            match script(connection, request) {
                Answer::Say(text) => stream.write_all(text.as_bytes()).await.unwrap(),
                Answer::SayAndClose(text) => return stream.write_all(text.as_bytes()).await.unwrap(),
                Answer::Close => return,
                Answer::SayAndStop(text) => {
                    stream.write_all(text.as_bytes()).await.unwrap();
                    time::pause();
                }
                Answer::Silence => {
                    time::pause();
                    std::future::pending::<()>().await;
                }
            }
        }
    }

    /// The `Host` of every request.
    pub(super) fn hosts(&self) -> Vec<String> {
        self.hosts.borrow().clone()
    }

    pub(super) fn seen(&self) -> (usize, Vec<String>) {
        (self.connections.get(), self.requests.borrow().clone())
    }
}

/// The head of the next request, whose body of a few bytes is read as well.
async fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).unwrap();
    if head.to_lowercase().contains("content-length: 1\r\n") {
        stream.read_u8().await.ok()?;
    }
    if head.to_lowercase().contains("transfer-encoding: chunked\r\n") {
        let mut body = Vec::new();
        while !body.ends_with(b"0\r\n\r\n") {
            body.push(stream.read_u8().await.ok()?);
        }
    }
    Some(head)
}
