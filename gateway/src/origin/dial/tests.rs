//! Dialling what is really there, on loopback.

use std::convert::Infallible;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, UnixListener};
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::model::origin::{Carries, HttpVersions};
use crate::origin::tls::{ClientTls, Roots};

const LIMIT: Duration = Duration::from_secs(10);

fn plain(url: &str) -> Arc<Target> {
    Target::new(url.parse().unwrap(), HttpVersions::Auto, None, |_| -> Result<TlsToOrigin, Infallible> {
        unreachable!()
    })
    .unwrap()
}

/// A CA, and a server's configuration with a certificate from it for `name`.
fn pki(name: &str) -> (Roots, ServerConfig) {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let ca = params.self_signed(&key).unwrap();
    let issuer = Issuer::new(params, key);
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new([name.to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    let roots = Roots::new(vec![ca.der().clone()]).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let server = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], PrivateKeyDer::try_from(key.serialize_der()).unwrap());
    (roots, server.unwrap())
}

/// Says `hello` to whoever connects, over TLS.
async fn tls_server(config: ServerConfig) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let _ = stream.write_all(b"hello").await;
            let _ = stream.shutdown().await;
        }
    });
    port
}

fn over_tls(url: &str, roots: &Roots) -> Arc<Target> {
    let tls = ClientTls::new(roots, None, Carries::Bytes, HttpVersions::Auto).unwrap();
    let tls = |name: &ServerName<'static>| Ok::<_, Infallible>(tls.to(name.clone()));
    Target::new(url.parse().unwrap(), HttpVersions::Auto, None, tls).unwrap()
}

async fn heard(target: &Target) -> String {
    let mut text = String::new();
    Dialer::default().dial(target, LIMIT).await.unwrap().read_to_string(&mut text).await.unwrap();
    text
}

async fn failure(target: &Target) -> DialError {
    Dialer::default().dial(target, LIMIT).await.unwrap_err()
}

#[tokio::test]
async fn a_name_and_a_port_without_delay() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("tcp://localhost:{}", listener.local_addr().unwrap().port());
    let Stream::Tcp(stream) = Dialer::default().dial(&plain(&url), LIMIT).await.unwrap() else { panic!() };
    assert!(stream.nodelay().unwrap());
}

#[tokio::test]
async fn a_unix_socket() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    let target = plain(&format!("unix:{}", path.display()));
    assert_eq!(failure(&target).await.label(), "origin_connect");
    let listener = UnixListener::bind(&path).unwrap();
    tokio::spawn(async move { listener.accept().await.unwrap().0.write_all(b"hello").await });
    assert_eq!(heard(&target).await, "hello");
}

#[tokio::test]
async fn tls_with_a_certificate_for_the_name() {
    let (roots, server) = pki("localhost");
    let port = tls_server(server).await;
    assert_eq!(heard(&over_tls(&format!("tls://localhost:{port}"), &roots)).await, "hello");
}

#[tokio::test]
async fn no_tls_with_a_certificate_for_another_name_or_from_another_ca_or_without_tls() {
    let (roots, server) = pki("elsewhere.example");
    let (others, _) = pki("localhost");
    let port = tls_server(server).await;
    let another_name = failure(&over_tls(&format!("https://localhost:{port}"), &roots)).await;
    assert!(another_name.to_string().contains("as `localhost`: invalid peer certificate"), "{another_name}");
    for roots in [&others, &roots] {
        let failure = failure(&over_tls(&format!("https://127.0.0.1:{port}"), roots)).await;
        assert_eq!(failure.label(), "origin_tls");
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move { listener.accept().await.unwrap().0.write_all(b"220 mail.example\r\n").await });
    assert_eq!(failure(&over_tls(&format!("tls://127.0.0.1:{port}"), &roots)).await.label(), "origin_tls");
}

#[tokio::test]
async fn a_handshake_that_does_not_end_is_given_up_in_time() {
    let (roots, _) = pki("localhost");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let target = over_tls(&format!("tls://127.0.0.1:{port}"), &roots);
    let failure = Dialer::default().dial(&target, Duration::from_millis(20)).await.unwrap_err();
    assert_eq!(failure.label(), "origin_connect_timeout");
}

#[tokio::test]
async fn a_name_that_leads_nowhere_is_told_apart_from_a_port_that_nobody_listens_on() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    assert_eq!(failure(&plain(&format!("http://{closed}"))).await.label(), "origin_connect");
    // RFC 6761: never a name.
    assert_eq!(failure(&plain("http://origin.invalid")).await.label(), "origin_resolve");
}

#[test]
fn an_origin_that_stays_as_it_is_stays_the_same_and_one_with_another_trust_does_not() {
    let ((roots, _), (others, _)) = (pki("a"), pki("a"));
    let target = over_tls("https://unchanged.example", &roots);
    assert!(Arc::ptr_eq(&target, &over_tls("https://unchanged.example:443", &roots)));
    assert_ne!(target.id, over_tls("https://unchanged.example", &others).id);
    assert_ne!(target.id, over_tls("https://changed.example", &roots).id);
}
