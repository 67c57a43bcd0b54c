//! A small origin over HTTP/1.1: says what it was asked, or sends so many bytes.

mod answer;
pub mod mqtt;

use std::convert::Infallible;
use std::io;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::spawn_local;

/// How long accepting rests after it failed, as for want of descriptors.
const PAUSE: Duration = Duration::from_millis(10);

/// Serves until dropped. A connection that fails ends alone.
pub async fn serve(listener: TcpListener) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => drop(spawn_local(connection(stream))),
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

/// Binds `address`, with room for many that connect at once.
///
/// # Errors
/// When the address cannot be had.
pub fn bind(address: std::net::SocketAddr) -> io::Result<TcpListener> {
    let socket =
        if address.is_ipv4() { tokio::net::TcpSocket::new_v4()? } else { tokio::net::TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(4096)
}

async fn connection(stream: TcpStream) {
    // Both fail only on a connection that is gone already.
    let _ = stream.set_nodelay(true);
    let service = service_fn(async |request| Ok::<_, Infallible>(answer::answer(request).await));
    let _ =
        http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service).await;
}
