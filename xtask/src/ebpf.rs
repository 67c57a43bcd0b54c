//! `cargo xtask build-ebpf`: the XDP object from its sources, with a record of how it was made.

mod build;
mod layout;
mod record;
mod toolchain;

use clap::Args;

use crate::process::{Error, Result};
use crate::ui;
use record::Record;
use toolchain::Toolchain;

/// Options of `cargo xtask build-ebpf`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Build into target/ and compare with the committed object instead of replacing it.
    #[arg(long)]
    check: bool,
}

/// What a check found out.
pub(crate) enum Checked {
    /// Rebuilt, and the same byte for byte.
    Identical,
    /// Rebuilt with another toolchain: the same programs and maps. The path of the new object.
    Equivalent(std::path::PathBuf),
    /// The record fits the sources; there is no toolchain to rebuild with.
    RecordOnly,
}

/// Builds, or checks, the object.
pub(crate) fn run(options: &Options) -> Result {
    if options.check {
        match check()? {
            Checked::Identical => {
                ui::line("the committed XDP object is what the sources give, byte for byte");
            }
            Checked::Equivalent(path) => ui::line(&format!(
                "another toolchain than the record's: same programs and maps as the committed object ({})",
                path.display()
            )),
            Checked::RecordOnly => {
                return Err(Error::message("no BPF toolchain to rebuild with (the record fits the sources)"));
            }
        }
        return Ok(());
    }
    let toolchain = Toolchain::find_or_install()?
        .ok_or_else(|| Error::message("no BPF toolchain; install what the lines above name"))?;
    ui::stage(&format!("building the XDP object with {}", toolchain.describe()));
    let built = build::build(&toolchain)?;
    let record = Record::new(&toolchain, &built)?;
    build::commit(&built)?;
    record.write()?;
    ui::line(&format!("wrote {} ({} bytes)", build::object_path().display(), built.len()));
    Ok(())
}

/// Compares the committed object with what the sources give.
///
/// # Errors
/// When it is not what they give.
pub(crate) fn check() -> Result<Checked> {
    let record = Record::read()?;
    record.fits_sources()?;
    let committed = build::committed()?;
    record.fits_object(&committed)?;
    let Some(toolchain) = Toolchain::find_or_install()? else {
        return Ok(Checked::RecordOnly);
    };
    ui::stage(&format!("rebuilding the XDP object with {}", toolchain.describe()));
    let built = build::build(&toolchain)?;
    if record.is_of(&toolchain) {
        if built == committed {
            return Ok(Checked::Identical);
        }
        return Err(Error::message(
            "the committed XDP object is not what the sources give; run `cargo xtask build-ebpf`",
        ));
    }
    layout::compare(&committed, &built)?;
    let path = crate::workspace::target("bpf/rebuilt.o");
    std::fs::write(&path, &built).map_err(Error::file(&path))?;
    Ok(Checked::Equivalent(path))
}

/// Lints the eBPF crate for its own target, where the toolchain has clippy. False where it has not.
pub(crate) fn clippy() -> Result<bool> {
    match Toolchain::find_or_install()? {
        Some(toolchain) if toolchain.has_clippy() => build::clippy(&toolchain).map(|()| true),
        _ => Ok(false),
    }
}
