//! Suite `fleet`: a scenario, played by devices with identities of their own against a gateway as it is installed.

mod checks;
mod conduct;
mod crypto;
mod fit;
mod identities;
mod page;
mod people;
mod place;
mod processes;
mod record;
mod results;
mod samples;
mod scale;
pub mod scenario;
mod site;
mod timeline;

use std::io;
use std::path::PathBuf;

use fleetgate_namespace::NamespaceError;

pub use checks::Check;
pub use conduct::run;
pub use place::{PlaceError, TOOLS};
pub use results::Results;
pub use scale::{Scale, scale};
use scenario::{Scenario, ScenarioError};

use crate::client::{LoadError, SetupError};
use crate::floor::FloorError;
use crate::pki::{IssueError, WriteError};
use crate::server::StartError;
use crate::sim;

/// What the suite is told.
#[derive(Clone, Debug)]
pub struct Options {
    /// The gateway's binary.
    pub gateway: PathBuf,
    /// What the scenario is called.
    pub name: String,
    /// What is played.
    pub scenario: Scenario,
    /// Whether it is too short for its times to be judged.
    pub quick: bool,
}

/// Why a scenario could not be played to its end.
#[derive(Debug, thiserror::Error)]
pub enum FleetError {
    /// No certificates.
    #[error(transparent)]
    Issue(#[from] IssueError),
    /// They cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// They cannot be read.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// They cannot be used.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// TLS, where it is measured by itself.
    #[error("TLS in memory: {0}")]
    Tls(#[from] rustls::Error),
    /// The same.
    #[error(transparent)]
    Floor(#[from] FloorError),
    /// No place.
    #[error(transparent)]
    Place(#[from] PlaceError),
    /// No place.
    #[error(transparent)]
    Namespace(#[from] NamespaceError),
    /// A process is not there.
    #[error(transparent)]
    Process(#[from] StartError),
    /// No devices.
    #[error(transparent)]
    Devices(#[from] sim::StartError),
    /// The gateway did not want what it was told.
    #[error("the gateway refused a reload: {0}")]
    Reload(String),
    /// No scenario.
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
    /// Devices that cannot come.
    #[error(
        "only {up} of {good} devices were up {seconds} s after the last had come; what they met: {errors:?}"
    )]
    NotUp {
        /// Devices that are up.
        up: usize,
        /// Those that should be.
        good: usize,
        /// How long they had.
        seconds: u64,
        /// What went wrong for them.
        errors: sim::Reasons,
    },
    /// A fleet or CA that the scenario does not have.
    #[error("`{0}` is not in the scenario")]
    Unknown(String),
    /// Files and ports.
    #[error("cannot set up: {0}")]
    Io(#[from] io::Error),
}
