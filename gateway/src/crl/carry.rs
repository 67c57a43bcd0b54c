//! Denials and pushed lists, carried from one gateway to another. What arrives comes to what is there, so that nobody is let in
//! by it.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::denied::{Changed, Denial, DenialError, Denials, DeniedFileError};
use super::keeper::Keeper;
use super::pushed::{self, Head, PushedFileError};
use super::recall::kept;

/// What is kept beside the store.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Carried {
    /// What operators deny.
    pub denied: Vec<Denial>,
    /// Lists that they pushed.
    pub crls: Vec<CarriedCrl>,
}

/// A list that was pushed.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CarriedCrl {
    /// The name of the mTLS certificate that it was pushed for.
    pub certificate: String,
    /// Its DER, in base64.
    pub crl: String,
}

/// Why it cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum CarryError {
    /// The denials.
    #[error(transparent)]
    Denied(#[from] DeniedFileError),
    /// A list.
    #[error(transparent)]
    Pushed(#[from] PushedFileError),
}

impl Carried {
    /// What a gateway that does not run has kept in `state_dir`.
    ///
    /// # Errors
    /// [`CarryError`]
    pub fn at_rest(state_dir: &Path) -> Result<Self, CarryError> {
        let denied = Denials::open(Some(state_dir))?.records().to_vec();
        Ok(Self { denied, crls: read(&pushed::heads(state_dir)?)? })
    }
}

impl Keeper {
    /// What is denied, and what was pushed and kept.
    ///
    /// # Errors
    /// [`CarryError::Pushed`]
    pub fn carried(&self) -> Result<Carried, CarryError> {
        let (denied, _) = self.denials();
        Ok(Carried { denied, crls: read(&kept(&self.settings())?)? })
    }

    /// Denies what another gateway denied, besides what is denied here.
    ///
    /// # Errors
    /// [`DenialError::Full`]; then none of it is.
    pub fn deny_too(&self, denied: Vec<Denial>) -> Result<Changed, DenialError> {
        self.change(|here| here.denials.take_over(denied, here.most))
    }
}

fn read(heads: &[Head]) -> Result<Vec<CarriedCrl>, PushedFileError> {
    let carry = |head: &Head| {
        Ok(CarriedCrl { certificate: head.certificate.clone(), crl: STANDARD.encode(head.read()?) })
    };
    heads.iter().map(carry).collect()
}
