//! How large the TLS records are that we send.

/// Bytes of content in a full record: 256 less than RFC 8446 §5.1 allows.
///
/// rustls copies the content of each record to five bytes behind the start of a block, and blocks of this size start with a
/// page. Records of 16 KiB, cut from a buffer that starts with a page too, all come from nearly the same place of their page as
/// they go to, and that is the one case in which `rep movsb`, which libc copies with, is 25 times as slow as else on Zen 4
/// (docs/adr/0023-small-pages-smaller-records.md). Cut like this, only the first of 16 does.
pub const CONTENT: usize = (16 << 10) - 256;

/// The same as rustls wants it: with the five bytes of the header.
pub const FRAGMENT: Option<usize> = Some(CONTENT + 5);
