//! What is measured, and how it is put beside others.

pub mod cache;
mod callgrind;
mod change;
pub mod crl;
pub mod fleet;
mod handshake;
pub mod instructions;
mod link;
mod memory;
mod options;
mod program;
mod proxy;
mod revocation;
mod stage;
pub mod survival;
mod turn;
pub mod xdp;

pub use callgrind::NAME as VALGRIND;
pub use options::{Options, Sizes, Suite};
pub use program::ProgramError;
pub use stage::StageError;
pub use turn::MeasureError;

use crate::measure::Report;

/// Why a suite came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum SuiteError {
    /// There is nothing to measure.
    #[error(transparent)]
    Stage(#[from] StageError),
    /// It could not be measured.
    #[error(transparent)]
    Measure(#[from] MeasureError),
}

/// What is going on.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// Something begins that takes a while.
    Stage(&'a str),
    /// So many steps are to come.
    Steps(usize),
    /// A step begins: its round, and what it is.
    Step(usize, &'a str),
    /// How things stand.
    Now(&'a str),
}

/// Runs a suite; `tell` hears how far it is.
///
/// # Errors
/// When anything could not be measured as it should.
pub async fn run(suite: Suite, options: &Options, tell: &dyn Fn(Event<'_>)) -> Result<Report, SuiteError> {
    match suite {
        Suite::Handshake => handshake::run(options, tell).await,
        Suite::Proxy => proxy::run(options, tell).await,
        Suite::Memory => memory::run(options, tell).await,
        Suite::Change => change::run(options, tell).await,
    }
}
