//! The record beside the object: what it was built from, and with what.

use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::build;
use super::toolchain::Toolchain;
use crate::process::{Error, Result};
use crate::workspace;

/// `gateway-ebpf/object/record.toml`
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Record {
    /// Hash of the sources, the flags and the locked versions of the eBPF crates.
    sources: String,
    /// Hash of the object.
    object: String,
    compiler: String,
    linker: String,
}

impl Record {
    /// The record of an object that was just built.
    pub(super) fn new(toolchain: &Toolchain, object: &[u8]) -> Result<Self> {
        Ok(Self {
            sources: hash_sources()?,
            object: hash(object),
            compiler: toolchain.compiler.clone(),
            linker: toolchain.linker.clone(),
        })
    }

    /// The committed record.
    pub(super) fn read() -> Result<Self> {
        let path = path();
        let text = std::fs::read_to_string(&path).map_err(Error::file(&path))?;
        let value = |key: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(key)?.trim_start().strip_prefix('='));
            line.map(|value| value.trim().trim_matches('"').to_owned())
                .ok_or_else(|| Error::message(format!("{} has no `{key}`", path.display())))
        };
        Ok(Self {
            sources: value("sources")?,
            object: value("object")?,
            compiler: value("compiler")?,
            linker: value("linker")?,
        })
    }

    /// Writes the record beside the object.
    pub(super) fn write(&self) -> Result {
        let Self { sources, object, compiler, linker } = self;
        let text = format!(
            "# Written by `cargo xtask build-ebpf`; `cargo xtask build-ebpf --check` compares.\n\
             sources = \"{sources}\"\nobject = \"{object}\"\ncompiler = \"{compiler}\"\nlinker = \"{linker}\"\n"
        );
        std::fs::write(path(), text).map_err(Error::file(path()))
    }

    /// Whether the sources are those that the object was built from.
    pub(super) fn fits_sources(&self) -> Result {
        if hash_sources()? == self.sources {
            return Ok(());
        }
        Err(Error::message(
            "the sources in gateway-ebpf have changed since the XDP object was built; run `cargo xtask build-ebpf` and commit \
             gateway-ebpf/object",
        ))
    }

    /// Whether `object` is the one that the record is about.
    pub(super) fn fits_object(&self, object: &[u8]) -> Result {
        if hash(object) == self.object {
            return Ok(());
        }
        Err(Error::message("the XDP object is not the recorded one; run `cargo xtask build-ebpf`"))
    }

    /// Whether the object was built with `toolchain`.
    pub(super) fn is_of(&self, toolchain: &Toolchain) -> bool {
        (&self.compiler, &self.linker) == (&toolchain.compiler, &toolchain.linker)
    }
}

fn path() -> PathBuf {
    build::object_path().with_file_name("record.toml")
}

fn hash(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    Sha256::digest(bytes).iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn hash_sources() -> Result<String> {
    let folder = workspace::root().join("gateway-ebpf");
    let mut files = vec![folder.join("Cargo.toml")];
    collect(&folder.join("src"), &mut files)?;
    files.sort();
    let mut everything = build::FLAGS.as_bytes().to_vec();
    for file in files {
        let name = file.strip_prefix(&folder).unwrap_or(&file).to_string_lossy().into_owned();
        let content = std::fs::read(&file).map_err(Error::file(&file))?;
        everything.extend_from_slice(format!("\n{name} {}\n", content.len()).as_bytes());
        everything.extend_from_slice(&content);
    }
    everything.extend_from_slice(locked_versions()?.as_bytes());
    Ok(hash(&everything))
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result {
    for entry in std::fs::read_dir(folder).map_err(Error::file(folder))? {
        let path = entry.map_err(Error::file(folder))?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

/// The lines of Cargo.lock about the crates that end up in the object.
fn locked_versions() -> Result<String> {
    let path = workspace::root().join("Cargo.lock");
    let lock = std::fs::read_to_string(&path).map_err(Error::file(path))?;
    let in_object = |package: &&str| {
        ["name = \"aya-ebpf", "name = \"aya-log-ebpf", "name = \"aya-log-common"]
            .iter()
            .any(|name| package.contains(name))
    };
    Ok(lock.split("[[package]]").filter(in_object).collect())
}
