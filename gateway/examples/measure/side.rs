//! The server's side in each of the cases, and the devices that come to it.

use std::hint::black_box;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use fleetgate::device::ca::{CaBundle, CaRules};
use fleetgate::device::trust::{Rules, TrustSet};
use fleetgate::device::verdicts::Verdicts;
use fleetgate::device::verifier::{Demand, DeviceVerifier, observe};
use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::{default_provider, kx_group};
use rustls::pki_types::CertificateRevocationListDer;
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::version::TLS13;
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig};

use crate::Failure;
use crate::exchange::{self, Turn, client_turn, client_turn_not_counted, exchange};
use crate::load;
use crate::population::{Identity, Population};
use crate::yes::Yes;

/// Who judges the devices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Case {
    /// A verifier that says yes at once: rustls by itself.
    Bare,
    /// The gateway's, with its verdict cache and revocation index.
    Gateway,
    /// The one that comes with rustls.
    Webpki,
}

/// A server.
pub(crate) struct Side {
    config: Arc<ServerConfig>,
    /// Where verdicts go, for the gateway's verifier.
    verdicts: Option<Arc<Verdicts>>,
    /// Entries of the CRL that it was given.
    crl: Option<usize>,
}

impl Side {
    pub(crate) fn new(case: Case, population: &Population, crl: Option<usize>) -> Result<Self, Failure> {
        let verdicts = (case == Case::Gateway).then(|| Arc::new(Verdicts::new(1_024)));
        let verifier: Arc<dyn ClientCertVerifier> = match &verdicts {
            Some(verdicts) => Arc::new(gateway(population, verdicts, crl)?),
            None if case == Case::Webpki => webpki(population, crl)?,
            None => Arc::new(Yes(provider().signature_verification_algorithms)),
        };
        let Identity { leaf, key } = population.identity("server")?;
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&TLS13])?
            .with_client_cert_verifier(verifier)
            .with_single_cert(vec![leaf, population.certificate("issuing")?], key)?;
        // As the gateway has it; a ticket would only make all cases more alike.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(Self { config: Arc::new(config), verdicts, crl })
    }

    /// Meets every device, so that it knows them, and sees that a CRL that is loaded also counts.
    pub(crate) fn warm_up(
        &self,
        population: &Population,
        devices: &[Arc<ClientConfig>],
    ) -> Result<(), Failure> {
        for device in devices {
            self.handshake(&mut exchange::client(device)?, client_turn)?;
        }
        if self.crl.is_some_and(|entries| entries > 0) {
            let revoked = device(population.revoked()?, population)?;
            let ended = self.handshake(&mut exchange::client(&revoked)?, client_turn);
            if !exchange::is_revoked(&ended) {
                return Err(format!("a revoked device was not refused as such: {ended:?}").into());
            }
        }
        Ok(())
    }

    /// A handshake of which the server's side is counted. Callgrind begins and ends at its name.
    #[inline(never)]
    pub(crate) fn handshake_counted(&self, client: &mut ClientConnection) -> Result<(), Failure> {
        black_box(self.handshake(client, client_turn_not_counted))
    }

    fn handshake(&self, client: &mut ClientConnection, turn: Turn) -> Result<(), Failure> {
        let Some(verdicts) = &self.verdicts else { return exchange(&self.config, client, turn) };
        let mut observed = pin!(observe(async { exchange(&self.config, client, turn) }, verdicts));
        // There is nothing in it to wait for.
        match observed.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(outcome) => outcome.result,
            Poll::Pending => Err("a handshake in memory waits".into()),
        }
    }

    /// Sees that what was counted is what was meant: `hits` handshakes that the cache answered.
    pub(crate) fn check_hits(&self, hits: u64) -> Result<(), Failure> {
        match self.verdicts.as_ref().map(|verdicts| verdicts.cache.statistics().hits) {
            Some(counted) if counted != hits => Err(format!("{counted} cache hits instead of {hits}").into()),
            _ => Ok(()),
        }
    }
}

fn gateway(
    population: &Population,
    verdicts: &Arc<Verdicts>,
    crl: Option<usize>,
) -> Result<DeviceVerifier, Failure> {
    let bundle = CaBundle::new("fleet", vec![population.certificate("root")?], CaRules::default())?;
    let trust = TrustSet::new([&bundle], provider().signature_verification_algorithms, Rules::default());
    if let Some(entries) = crl {
        verdicts.publish(load::index(population, entries)?);
    }
    Ok(DeviceVerifier::new(Arc::new(trust), Arc::clone(verdicts), Demand::Require))
}

fn webpki(population: &Population, crl: Option<usize>) -> Result<Arc<dyn ClientCertVerifier>, Failure> {
    let mut roots = RootCertStore::empty();
    roots.add(population.certificate("root")?)?;
    let mut builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider());
    if let Some(entries) = crl {
        let crl = CertificateRevocationListDer::from(population.crl(entries)?);
        // There is none for the intermediate.
        builder = builder.with_crls([crl]).only_check_end_entity_revocation();
    }
    Ok(builder.build()?)
}

/// The client of a device.
pub(crate) fn device(identity: Identity, population: &Population) -> Result<Arc<ClientConfig>, Failure> {
    let Identity { leaf, key } = identity;
    let mut roots = RootCertStore::empty();
    roots.add(population.certificate("root")?)?;
    let config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])?
        .with_root_certificates(roots)
        .with_client_auth_cert(vec![leaf, population.certificate("issuing")?], key)?;
    Ok(Arc::new(config))
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(CryptoProvider { kx_groups: vec![kx_group::X25519], ..default_provider() })
}
