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
}

#[derive(Debug, thiserror::Error)]
pub(super) enum OriginError {
    #[error("cannot listen on {0}: {1}; choose another address with --listen")]
    Listen(SocketAddr, io::Error),
    #[error("cannot start: {0}")]
    Start(#[from] io::Error),
}

pub(super) fn run(options: &Options) -> Result<(), OriginError> {
    let address = options.listen;
    runtime::block_on(async {
        let mut signals = Signals::catch()?;
        let listener = origin::bind(address).map_err(|error| OriginError::Listen(address, error))?;
        print::line(&format!("origin on http://{}", listener.local_addr()?));
        tokio::select! {
            () = origin::serve(listener) => {}
            () = signals.stopped() => {}
        }
        Ok(())
    })?
}
