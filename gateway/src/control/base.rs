//! A configuration file and what is stored, made one.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::alert;
use crate::config::{Config, Problem, Problems, Source};
use crate::device::verdicts::Verdicts;
use crate::resource::{FileResources, Inventory, Stored, merge};
use crate::snapshot::{Accepted, Compiled, Files, Input, compile};

/// A configuration file that was read, with the files that it names.
#[derive(Debug)]
pub struct Base {
    /// What it says.
    pub config: Config,
    /// Where it says it.
    pub source: Arc<Source>,
    resources: Arc<FileResources>,
    files: Files,
}

/// A configuration file and what is stored, compiled.
#[derive(Debug)]
pub struct Composed {
    /// The snapshot and what goes with it.
    pub compiled: Compiled,
    /// Every resource.
    pub inventory: Inventory,
    /// How long a key signs tokens.
    pub key_rotation: Duration,
}

impl Base {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn load(path: &Path) -> Result<Self, Problems> {
        let (config, source) = Config::load(path)?;
        let resources = Arc::new(FileResources::of(&config, &source));
        Ok(Self { config, source, resources, files: Files::default() })
    }

    /// What it declares.
    pub fn resources(&self) -> &Arc<FileResources> {
        &self.resources
    }

    /// How it wants alerts to be sent.
    ///
    /// # Errors
    /// Everything that is wrong with that.
    pub fn alerts(&self) -> Result<alert::Settings, Problems> {
        let loaded = alert::Settings::load(&self.config, &self.source);
        loaded.map_err(|problems| Problems::new(&self.source, problems))
    }

    /// Where it says what it says, and where what is stored does.
    pub fn source_with(&self, stored: &Arc<Stored>) -> Arc<Source> {
        Arc::new(self.source.with(Arc::clone(stored) as _))
    }

    /// Compiles it with what is stored, of which `found` is wrong already.
    ///
    /// # Errors
    /// Everything that forbids loading it.
    pub fn compose(
        &self,
        stored: &Arc<Stored>,
        found: Vec<Problem>,
        verdicts: &Arc<Verdicts>,
        accepted: &Accepted,
        generation: u64,
    ) -> Result<Composed, Problems> {
        let Self { config, resources: file, files, .. } = self;
        let source = self.source_with(stored);
        let (resources, conflicts) = merge(&config.resources, file, stored);
        let problems: Vec<_> = found.into_iter().chain(conflicts).collect();
        let input = Input { config, resources: &resources, source: &source, files, verdicts };
        let compiled = match compile(&input, accepted, generation) {
            Ok(compiled) if problems.is_empty() => compiled,
            Ok(_) => return Err(Problems::new(&source, problems)),
            Err(others) => return Err(Problems::new(&source, problems.into_iter().chain(others).collect())),
        };
        let bundles = compiled.bundles.clone();
        let inventory = Inventory::new(Arc::clone(file), Arc::clone(stored), bundles);
        let key_rotation = config.access.key_rotation(resources.key_rotation);
        Ok(Composed { compiled, inventory, key_rotation })
    }
}
