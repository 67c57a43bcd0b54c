//! cfssl's files: requests and signing profiles in JSON, read as cfssl reads them, but for what it lets pass in silence.

pub mod config;
pub mod csr;
mod json;

pub use config::{ConfigError, SigningConfig};
pub use csr::{CertificateRequest, CsrError};
pub use json::JsonError;
