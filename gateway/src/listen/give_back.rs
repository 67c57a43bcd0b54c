//! Memory that nobody uses any more, back to the kernel.

/// Gives back what the calling thread's connections have left. By itself the allocator does so only while the thread
/// allocates and frees: after a storm of connections that then rest, their buffers would be kept until the next one.
pub(super) fn give_back() {
    // SAFETY: it looks through the calling thread's own heap, and may be called at any time.
    unsafe { libmimalloc_sys::mi_collect(true) }
}
