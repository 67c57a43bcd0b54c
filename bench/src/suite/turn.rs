//! One server's turn: load it, and read what it used.

use std::time::Duration;

use tokio::time::sleep;

use super::stage::Server;
use crate::load::LoadError;
use crate::measure::{CpuError, MemoryError, NotInterleaved, Tree};

/// How long a server has to finish what it does after the last answer, such as closing.
const SETTLE: Duration = Duration::from_millis(30);

/// Why it could not be measured.
#[derive(Debug, thiserror::Error)]
pub enum MeasureError {
    /// An operation failed.
    #[error("{server}: {error}")]
    Load {
        /// At which server.
        server: &'static str,
        /// What failed.
        error: LoadError,
    },
    /// Something did not happen.
    #[error("{server}: a CRL was not enforced within {seconds} s")]
    Late {
        /// At which server.
        server: &'static str,
        /// How long it was waited for.
        seconds: u64,
    },
    /// No CPU time.
    #[error("{server}: {error}")]
    Cpu {
        /// Of which server.
        server: &'static str,
        /// Why.
        error: CpuError,
    },
    /// No memory.
    #[error("{server}: {error}")]
    Memory {
        /// Of which server.
        server: &'static str,
        /// Why.
        error: MemoryError,
    },
    /// Connections that were to be held.
    #[error("{server}: {closed} of {held} idle connections were closed")]
    NotHeld {
        /// By which server.
        server: &'static str,
        /// How many are gone.
        closed: usize,
        /// How many there were.
        held: usize,
    },
    /// No ratio.
    #[error(transparent)]
    NotInterleaved(#[from] NotInterleaved),
}

impl Server {
    /// For errors of the load.
    pub(super) fn failed(&self) -> impl FnOnce(LoadError) -> MeasureError {
        let server = self.kind.label();
        move |error| MeasureError::Load { server, error }
    }

    /// What `load` gives, and the CPU time that the server takes for it, in microseconds.
    pub(super) async fn cpu_micros<T>(
        &self,
        load: impl Future<Output = Result<T, LoadError>>,
    ) -> Result<(T, f64), MeasureError> {
        let used = || Tree::of(self.process.id());
        let failed = |error| MeasureError::Cpu { server: self.kind.label(), error };
        sleep(SETTLE).await;
        let before = used().map_err(failed)?;
        let result = load.await.map_err(self.failed())?;
        sleep(SETTLE).await;
        let time = used().and_then(|after| after.since(&before)).map_err(failed)?;
        Ok((result, time.as_secs_f64() * 1e6))
    }
}
