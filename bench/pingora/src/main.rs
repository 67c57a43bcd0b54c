//! Pingora, as a peer of the bench: client certificates in front, one origin behind, one thread, nothing logged.

use std::error::Error;
use std::net::SocketAddr;

use async_trait::async_trait;
use clap::Parser;
use pingora::listeners::tls::TlsSettings;
use pingora::proxy::{ProxyHttp, Session, http_proxy_service};
use pingora::server::Server;
use pingora::server::configuration::{Opt, ServerConf};
use pingora::tls::ssl::{SslOptions, SslSessionCacheMode, SslVerifyMode, SslVersion};
use pingora::upstreams::peer::HttpPeer;

/// A reverse proxy on Pingora and BoringSSL.
#[derive(Debug, Parser)]
#[command(name = "pingora", version)]
struct Options {
    /// Where it listens.
    #[arg(long)]
    listen: SocketAddr,
    /// Where it forwards to.
    #[arg(long)]
    origin: SocketAddr,
    /// Its chain, PEM.
    #[arg(long)]
    certificate: String,
    /// Its key, PEM.
    #[arg(long)]
    key: String,
    /// Roots of devices, PEM.
    #[arg(long)]
    roots: String,
    /// Hand out session tickets, as it does unless told otherwise.
    #[arg(long)]
    tickets: bool,
}

/// Everything goes to one origin.
struct Proxy(SocketAddr);

#[async_trait]
impl ProxyHttp for Proxy {
    type CTX = ();

    fn new_ctx(&self) {}

    async fn upstream_peer(&self, _: &mut Session, (): &mut ()) -> pingora::Result<Box<HttpPeer>> {
        Ok(Box::new(HttpPeer::new(self.0, false, String::new())))
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    // One thread a service, of which there is one.
    let conf = ServerConf { threads: 1, upstream_keepalive_pool_size: 64, ..ServerConf::default() };
    let mut server = Server::new_with_opt_and_conf(Opt::default(), conf);
    server.bootstrap();
    let mut proxy = http_proxy_service(&server.configuration, Proxy(options.origin));
    proxy.add_tls_with_settings(&options.listen.to_string(), None, tls(&options)?);
    server.add_service(proxy);
    server.run_forever()
}

/// TLS 1.3 over X25519, with a client certificate that verifies.
fn tls(options: &Options) -> Result<TlsSettings, Box<dyn Error>> {
    let mut tls = TlsSettings::intermediate(&options.certificate, &options.key)?;
    tls.set_min_proto_version(Some(SslVersion::TLS1_3))?;
    tls.set_curves_list("X25519")?;
    tls.set_ca_file(&options.roots)?;
    tls.set_verify(SslVerifyMode::PEER | SslVerifyMode::FAIL_IF_NO_PEER_CERT);
    // Without it BoringSSL makes no sessions where it asks for certificates.
    tls.set_session_id_context(b"bench")?;
    if !options.tickets {
        tls.set_options(SslOptions::NO_TICKET);
        tls.set_session_cache_mode(SslSessionCacheMode::OFF);
    }
    Ok(tls)
}
