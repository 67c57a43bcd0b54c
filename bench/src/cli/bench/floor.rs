//! `fleetgate-bench floor`

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::cli::runtime;
use crate::floor::{self, FloorError};
use crate::origin;

#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// Where to listen.
    #[arg(long)]
    listen: SocketAddr,
    /// The server's chain.
    #[arg(long)]
    certificate: PathBuf,
    /// The server's key.
    #[arg(long)]
    key: PathBuf,
}

#[derive(Debug, thiserror::Error)]
pub(super) enum RunError {
    #[error(transparent)]
    Floor(#[from] FloorError),
    #[error("cannot serve: {0}")]
    Io(#[from] io::Error),
}

pub(super) fn run(options: &Options) -> Result<(), RunError> {
    let acceptor = floor::acceptor(&options.certificate, &options.key)?;
    runtime::block_on(async {
        floor::serve(origin::bind(options.listen)?, acceptor).await;
        Ok(())
    })?
}
