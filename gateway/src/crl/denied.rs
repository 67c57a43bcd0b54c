//! What operators deny beside the CRLs: records with a note each, kept in a file where there is a folder for it.

mod file;
mod issuers;
mod record;

use std::collections::HashSet;
use std::path::{Path, PathBuf};

pub use file::DeniedFileError;
pub(super) use issuers::{Authorities, authorities};
pub use record::{Denial, DenialError, Selector};

use crate::device::revocation::DenyList;

/// The name of the file in `server.state_dir`.
const FILE: &str = "denied.json";

/// Everything that is denied, and where it is kept.
#[derive(Debug, Default)]
pub struct Denials {
    file: Option<PathBuf>,
    records: Vec<Denial>,
}

/// What became of a change.
#[derive(Debug)]
pub struct Changed {
    /// Records that came or went.
    pub records: Vec<Denial>,
    /// Whether a restart will find it so.
    pub kept: Kept,
}

/// Whether a change outlives the process.
#[derive(Debug)]
pub enum Kept<E = DeniedFileError> {
    /// It is on the disk.
    Yes,
    /// There is no `server.state_dir`: it lives until the gateway stops.
    NoStateDir,
    /// It could not be written: it is in force, and all may be as before after a restart.
    Failed(E),
}

impl Denials {
    /// Reads what an earlier gateway kept in `state_dir`. Without a folder they live as long as the process.
    ///
    /// # Errors
    /// The folder is not there, or its file is damaged: a gateway that started without it would let in who is denied.
    pub fn open(state_dir: Option<&Path>) -> Result<Self, DeniedFileError> {
        let Some(folder) = state_dir else { return Ok(Self::default()) };
        file::check_folder(folder)?;
        let path = folder.join(FILE);
        let records = file::read(&path)?;
        Ok(Self { file: Some(path), records })
    }

    /// Reads the file again, where there is one; gives whether it says something else.
    pub(super) fn read_again(&mut self) -> Result<bool, DeniedFileError> {
        let Some(path) = &self.file else { return Ok(false) };
        let records = file::read(path)?;
        let differ = records != self.records;
        self.records = records;
        Ok(differ)
    }

    /// All records, the oldest first.
    pub fn records(&self) -> &[Denial] {
        &self.records
    }

    /// The file that they are kept in.
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// As the revocation index wants them.
    pub fn list(&self) -> DenyList {
        self.records.iter().map(|record| record.entry.clone()).collect()
    }

    /// Denies what `selector` says; gives the records that are new. What is denied already stays as it is. There may be
    /// `most` records; those that a file has beyond that count, and no more are added.
    pub(super) fn add(
        &mut self,
        selector: &Selector,
        authorities: &Authorities,
        most: usize,
        now: u64,
    ) -> Result<Vec<Denial>, DenialError> {
        let new = selector.denial(authorities, now)?;
        if self.records.iter().any(|known| known.entry == new.entry) {
            return Ok(Vec::new());
        }
        if self.records.len() >= most {
            return Err(DenialError::Full { records: self.records.len(), most });
        }
        self.records.push(new.clone());
        Ok(vec![new])
    }

    /// Takes denials over from elsewhere, those that are not there yet; gives these. There may be `most` records.
    pub(super) fn take_over(&mut self, denied: Vec<Denial>, most: usize) -> Result<Vec<Denial>, DenialError> {
        let mut known: HashSet<_> = self.records.iter().map(|record| record.entry.clone()).collect();
        let new: Vec<_> = denied.into_iter().filter(|denial| known.insert(denial.entry.clone())).collect();
        if !new.is_empty() && known.len() > most {
            return Err(DenialError::Full { records: self.records.len(), most });
        }
        self.records.extend(new.iter().cloned());
        Ok(new)
    }

    /// Pardons what `selector` says; gives the records that went.
    pub(super) fn remove(
        &mut self,
        selector: &Selector,
        authorities: &Authorities,
    ) -> Result<Vec<Denial>, DenialError> {
        let wanted = selector.wanted()?;
        let covered = |denial: &Denial| wanted.covers(denial, authorities);
        let (gone, stay) = std::mem::take(&mut self.records).into_iter().partition(covered);
        self.records = stay;
        Ok(gone)
    }

    /// Writes the file, where there is one to write.
    pub(super) fn keep(&self) -> Kept {
        match self.file.as_deref().map(|path| file::write(path, &self.records)) {
            None => Kept::NoStateDir,
            Some(Ok(())) => Kept::Yes,
            Some(Err(error)) => Kept::Failed(error),
        }
    }
}

#[cfg(test)]
mod tests;
