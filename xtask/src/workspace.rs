//! Where things are.

use std::path::{Path, PathBuf};

/// The profile of what runs here and now, and is built for that: a release without link-time optimisation.
pub(crate) const DEMO: &str = "demo";

/// The folder of the workspace.
pub(crate) fn root() -> &'static Path {
    // xtask's own manifest lies one folder below; cargo sets this when it compiles us.
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest)
}

/// A path in the folder for everything that is built.
pub(crate) fn target(path: &str) -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from).join(path)
}
