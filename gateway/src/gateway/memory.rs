//! Memory in small pages.

use nix::sys::prctl::set_thp_disable;

/// Asks the kernel for pages of 4 KiB only. h2 keeps buffers of 16 and 8 KiB for each connection, of which one that is idle
/// has written to the first page; of huge pages all of it is there (docs/adr/0023-small-pages-smaller-records.md).
pub(super) fn take_small_pages() {
    // Where the kernel does not know the request it has no huge pages to give either.
    let _ = set_thp_disable(true);
}
