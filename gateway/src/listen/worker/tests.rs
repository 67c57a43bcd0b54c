//! A worker outlives whatever happens in a connection.

use std::io::{self, Read as _};

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::*;
use crate::config;
use crate::listen::{Inherited, Listeners};
use crate::snapshot::Site;

const HOST: &str = "*.example.com";
const GOOD: &str = "good.example.com";
/// A device that asks for this name meets a bug.
const BUGGY: &str = "buggy.example.com";

/// Panics in the middle of a handshake. rustls asks it on the worker's thread, in the connection's task, as it asks our
/// verifier.
#[derive(Debug)]
struct Fragile(Arc<dyn ResolvesServerCert>);

impl ResolvesServerCert for Fragile {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        assert_ne!(hello.server_name(), Some(BUGGY), "a bug");
        self.0.resolve(hello)
    }
}

/// One worker, and clients of it.
struct Scene {
    address: SocketAddr,
    metrics: Metrics,
    permits: Arc<Semaphore>,
    drain: watch::Sender<Phase>,
    listeners: Listeners,
    worker: JoinHandle<()>,
    client: Arc<ClientConfig>,
}

/// As many as may be open at once: if a panic kept one, few panics would end the service.
const PERMITS: usize = 2;

impl Scene {
    fn new() -> Self {
        let site = Site::new().host_with(HOST, "client_auth = \"none\"");
        site.server("server", &[HOST], |_| {});
        let root = CertificateDer::from_pem_file(site.folder.path().join("server.pem")).unwrap();
        let mut snapshot = site.compile().unwrap().snapshot;
        snapshot.change_tls(&HOST.parse().unwrap(), |tls| {
            tls.cert_resolver = Arc::new(Fragile(Arc::clone(&tls.cert_resolver)));
        });
        let (metrics, (drain, phase)) = (Metrics::new().unwrap(), watch::channel(Phase::Serving));
        metrics.count_panics();
        let permits = Arc::new(Semaphore::new(PERMITS));
        let shared = Shared {
            snapshot: Arc::new(ArcSwap::from_pointee(snapshot)),
            verdicts: Arc::new(Verdicts::new(8)),
            access_log: AccessLog::off(metrics.access_log_dropped.clone()),
            metrics: metrics.clone(),
            permits: Arc::clone(&permits),
            devices: Arc::new(Devices::new(8, metrics.clone())),
            seats: None,
            limiter: Arc::new(Limiter::new(8, 8)),
            phase,
            max_idle_origin_connections: 1,
            max_origin_requests: 8,
            max_request_header: 8192,
            max_request_body: 0,
            max_streams: 1,
            tokens: crate::access::token::tests::in_memory(),
        };
        let (listeners, mut feeds) = Listeners::open(&[anywhere()], 1, &mut Inherited::default()).unwrap();
        let address = listeners.in_force()[0].sockets()[0].local_addr().unwrap();
        let worker = spawn(0, feeds.remove(0), None, shared).unwrap();
        Self { address, metrics, permits, drain, listeners, worker, client: client(root) }
    }

    fn connect(&self, name: &'static str) -> StreamOwned<ClientConnection, std::net::TcpStream> {
        let stream = std::net::TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let name = ServerName::try_from(name).unwrap();
        StreamOwned::new(ClientConnection::new(Arc::clone(&self.client), name).unwrap(), stream)
    }
}

fn anywhere() -> config::Listener {
    let address = toml_span::Spanned::new("127.0.0.1:0".parse().unwrap());
    config::Listener { address, proxy_protocol: false, trusted: Vec::new() }
}

fn client(root: CertificateDer<'static>) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(root).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    Arc::new(builder.with_root_certificates(roots).with_no_client_auth())
}

/// The status of a request: 502, as the origin does not exist.
fn status(stream: &mut (impl io::Read + io::Write)) -> io::Result<String> {
    write!(stream, "GET / HTTP/1.1\r\nHost: {GOOD}\r\n\r\n")?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        head.extend(byte);
    }
    let head = String::from_utf8(head).unwrap();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    io::copy(&mut stream.take(length.parse().unwrap()), &mut io::sink())?;
    Ok(head[9..12].to_owned())
}

#[test]
fn a_panic_ends_one_connection_is_counted_and_others_go_on() {
    const PANICS: u64 = 5;
    let scene = Scene::new();
    let mut bystander = scene.connect(GOOD);
    assert_eq!(status(&mut bystander).unwrap(), "502");
    for _ in 0..PANICS {
        assert!(status(&mut scene.connect(BUGGY)).is_err(), "no answer");
        assert_eq!(status(&mut bystander).unwrap(), "502");
    }
    assert!(scene.metrics.panics.get() >= PANICS);
    // What was open is closed, and its permit is back: newcomers are served.
    assert_eq!(status(&mut scene.connect(GOOD)).unwrap(), "502");
    drop(bystander);
    scene.drain.send(Phase::Draining).unwrap();
    scene.listeners.end(|_| false);
    scene.worker.join().unwrap();
    assert_eq!((scene.metrics.connections.get(), scene.permits.available_permits()), (0, PERMITS));
}
