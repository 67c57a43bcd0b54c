//! The TLS of a passthrough host ends at its origin, as if nothing were between.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;

use fleetgate_tests::byte_origin::ByteOrigin;
use fleetgate_tests::gateway::{Gateway, Setup};
use fleetgate_tests::python;
use fleetgate_tests::site::{HOST, Site};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

const THROUGH: &str = "legacy.example.com";

/// A passthrough host beside the usual one, and the origin where its TLS ends.
struct Scene {
    site: Site,
    origin: ByteOrigin,
    tls: Arc<ServerConfig>,
}

impl Scene {
    fn new() -> Self {
        let site = Site::new();
        let identity = site.servers.server(&[THROUGH]);
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let builder = builder.unwrap().with_no_client_auth();
        let tls = builder.with_single_cert(identity.chain.clone(), identity.private_key()).unwrap();
        Self { site, origin: ByteOrigin::start(), tls: Arc::new(tls) }
    }

    fn setup(&self, lines: &str) -> Setup {
        let origin = self.origin.url();
        let host = format!("name = {THROUGH:?}\nprotocol = \"passthrough\"\norigin = {origin:?}\n{lines}");
        self.site.setup().array("host", host)
    }

    /// The origin's end of a connection.
    fn serve(&self, stream: TcpStream) -> StreamOwned<ServerConnection, TcpStream> {
        StreamOwned::new(ServerConnection::new(Arc::clone(&self.tls)).unwrap(), stream)
    }
}

#[test]
fn devices_do_their_handshake_with_the_origin() {
    let scene = Scene::new();
    let gateway = Gateway::start(scene.setup(""));
    std::thread::scope(|threads| {
        threads.spawn(|| {
            let mut stream = scene.serve(scene.origin.accept());
            let mut bytes = [0; 5];
            stream.read_exact(&mut bytes).unwrap();
            stream.write_all(&bytes).unwrap();
        });
        let mut device = scene.site.anonymous().connect(gateway.address(), THROUGH).unwrap();
        device.write(b"hello").unwrap();
        assert_eq!(device.read(5).unwrap(), b"hello");
    });
    gateway.output().wait_access("the end", |line| line["event"] == "stream_end" && line["host"] == THROUGH);
    let handshakes = [("host", THROUGH), ("result", "ok"), ("reason", "passthrough")];
    gateway.wait_metric("fleetgate_handshakes_total", &handshakes, 1);
    // The host beside it is terminated as ever.
    let mut device = scene.site.client().connect(gateway.address(), HOST).unwrap();
    assert_eq!(device.get(HOST, "/").unwrap().status(), 200);
}

#[test]
fn an_origin_that_wants_to_know_is_told_the_name_and_nothing_of_tls() {
    let Some(python) = python::interpreter() else { return };
    let scene = Scene::new();
    let gateway = Gateway::start(scene.setup("proxy_protocol = \"v2\""));
    let hello = fleetgate_tests::xdp::hello::from_rustls(THROUGH);
    let mut device = TcpStream::connect(gateway.address()).unwrap();
    let mut origin = {
        device.write_all(&hello).unwrap();
        device.shutdown(std::net::Shutdown::Write).unwrap();
        scene.origin.accept()
    };
    let mut octets = Vec::new();
    origin.read_to_end(&mut octets).unwrap();
    let hex = hello.iter().fold(String::new(), |hex, octet| hex + &format!("{octet:02x}"));
    let source = device.local_addr().unwrap();
    let told = python::output_of(&mut python::script(&python, "proxy_header.py"), &octets);
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert_eq!((&told["authority"], &told["rest"]), (&THROUGH.into(), &hex.into()));
    assert_eq!((&told["source"], &told["has_ssl"]), (&source.to_string().into(), &false.into()));
}

#[test]
fn a_hello_in_pieces_arrives_whole() {
    let scene = Scene::new();
    let gateway = Gateway::start(scene.setup(""));
    let hello = fleetgate_tests::xdp::hello::from_rustls(THROUGH);
    let mut device = TcpStream::connect(gateway.address()).unwrap();
    device.set_nodelay(true).unwrap();
    for piece in hello.chunks(50) {
        device.write_all(piece).unwrap();
    }
    let mut arrived = vec![0; hello.len()];
    scene.origin.accept().read_exact(&mut arrived).unwrap();
    assert!(arrived == hello);
}

#[test]
fn a_host_that_is_taken_out_closes_its_streams() {
    let scene = Scene::new();
    let gateway = Gateway::start(scene.setup(""));
    let mut device = TcpStream::connect(gateway.address()).unwrap();
    device.write_all(&fleetgate_tests::xdp::hello::from_rustls(THROUGH)).unwrap();
    let _origin = scene.origin.accept();
    gateway.configure(&scene.site.setup());
    gateway.must_reload();
    device.set_read_timeout(Some(fleetgate_tests::wait::DEADLINE)).unwrap();
    assert_eq!(device.read(&mut [0]).unwrap(), 0);
    let lost = [("host", THROUGH), ("reason", "not_served")];
    gateway.wait_metric("fleetgate_connections_terminated_total", &lost, 1);
}

#[test]
fn what_would_protect_nothing_is_refused() {
    let scene = Scene::new();
    for line in ["client_auth = \"require\"", "certificate = \"server.pem\"", "min_tls = \"1.3\""] {
        let refusal = Gateway::try_start(scene.setup(line)).err().unwrap();
        assert!(
            refusal.stderr.contains("has no meaning with protocol = \"passthrough\""),
            "{}",
            refusal.stderr
        );
    }
    let refusal = Gateway::try_start(scene.setup("").devices_only(THROUGH)).err().unwrap();
    assert!(refusal.stderr.contains("no application is asked about it"), "{}", refusal.stderr);
}
