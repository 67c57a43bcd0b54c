//! Connections over TCP, with TLS or without: as many at once as may be, HTTP/1.1 on each.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

use super::auth::Source;

/// From accept or response to the end of a request's header.
const HEADER: Duration = Duration::from_secs(30);

/// How long a TLS handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// Between attempts to accept, after one that failed.
const BACKOFF: Duration = Duration::from_millis(100);

/// Serves `router` on at most `most` connections at once; further ones wait in the kernel's queue. Requests know their
/// [`Source`].
pub(super) async fn serve(listener: TcpListener, most: usize, tls: Option<TlsAcceptor>, router: Router) {
    let permits = Arc::new(Semaphore::new(most));
    // The semaphore is never closed.
    while let Ok(permit) = Arc::clone(&permits).acquire_owned().await {
        let (stream, peer) = accept(&listener).await;
        let (router, tls) = (router.clone(), tls.clone());
        tokio::spawn(async move {
            match tls {
                None => answer(stream, peer.ip(), router).await,
                Some(tls) => match timeout(HANDSHAKE, tls.accept(stream)).await {
                    Ok(Ok(stream)) => answer(stream, peer.ip(), router).await,
                    Ok(Err(error)) => tracing::debug!(%peer, %error, "no TLS with a client of the API"),
                    Err(_) => tracing::debug!(%peer, "a client of the API is slow at TLS"),
                },
            }
            drop(permit);
        });
    }
}

async fn answer(stream: impl AsyncRead + AsyncWrite + Unpin, source: IpAddr, router: Router) {
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(Source(source));
        router.call(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER)
        .serve_connection(TokioIo::new(stream), service);
    // Who asks may go whenever it likes.
    let _ = connection.await;
}

async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            Err(error) => log_and_wait(&error).await,
        }
    }
}

async fn log_and_wait(error: &io::Error) {
    tracing::warn!(%error, "an endpoint for operators cannot accept a connection");
    sleep(BACKOFF).await;
}
