//! The XDP program's parser of `ClientHello`s against rustls' own: it may know less, it may never know another name.

use std::io::Cursor;

use fleetgate_ebpf::hello::{Hello, Window};
use rustls::server::Acceptor;

/// The name that rustls reads, if it reads one.
pub(crate) fn by_rustls(bytes: &[u8]) -> Option<String> {
    let mut acceptor = Acceptor::default();
    let mut cursor = Cursor::new(bytes);
    while cursor.position() < bytes.len() as u64 {
        acceptor.read_tls(&mut cursor).ok()?;
        match acceptor.accept() {
            Ok(Some(accepted)) => return accepted.client_hello().server_name().map(str::to_ascii_lowercase),
            Ok(None) => {}
            Err(_) => return None,
        }
    }
    None
}

/// The name that the XDP program reads, if it reads one.
pub(crate) fn by_parser(bytes: &[u8]) -> Option<String> {
    let (window, len) = Window::new(bytes);
    match window.hello(len) {
        Hello::Name { offset, len } => {
            Some(String::from_utf8_lossy(&bytes[offset..offset + len]).to_ascii_lowercase())
        }
        Hello::NotTls | Hello::Incomplete | Hello::NoSni | Hello::Malformed => None,
    }
}

/// Holds one against the other. Whether both read a name.
pub(crate) fn check(bytes: &[u8]) -> bool {
    let (Some(ours), Some(theirs)) = (by_parser(bytes), by_rustls(bytes)) else { return false };
    assert_eq!(ours, theirs);
    true
}
