//! `origin`, of both binaries.

use std::io;
use std::net::SocketAddr;

use super::print;
use super::runtime::{self, Signals};
use crate::origin;

#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// Where to listen; with port 0 the system chooses one, which is printed.
    #[arg(long, value_name = "ADDR")]
    listen: SocketAddr,
    /// What it speaks.
    #[arg(long, value_enum, default_value_t)]
    protocol: Protocol,
}

#[derive(Clone, Copy, Debug, Default, clap::ValueEnum)]
enum Protocol {
    /// HTTP/1.1.
    #[default]
    Http,
    /// MQTT 3.1.1: acknowledges what is published.
    Mqtt,
}

#[derive(Debug, thiserror::Error)]
pub(super) enum OriginError {
    #[error("cannot listen on {0}: {1}; choose another address with --listen")]
    Listen(SocketAddr, io::Error),
    #[error("cannot start: {0}")]
    Start(#[from] io::Error),
}

pub(super) fn run(options: &Options) -> Result<(), OriginError> {
    let Options { listen: address, protocol } = *options;
    runtime::block_on(async {
        let mut signals = Signals::catch()?;
        let listener = origin::bind(address).map_err(|error| OriginError::Listen(address, error))?;
        let scheme = if matches!(protocol, Protocol::Http) { "http" } else { "mqtt" };
        print::line(&format!("origin on {scheme}://{}", listener.local_addr()?));
        let serve = async {
            match protocol {
                Protocol::Http => origin::serve(listener).await,
                Protocol::Mqtt => origin::mqtt::serve(listener).await,
            }
        };
        tokio::select! {
            () = serve => {}
            () = signals.stopped() => {}
        }
        Ok(())
    })?
}
