//! The XDP program's parser against rustls' own: it may know less, it may never know another name.
#![no_main]

use std::io::Cursor;

use fleetgate_ebpf::hello::{Hello, Window};
use libfuzzer_sys::fuzz_target;
use rustls::server::Acceptor;

fn by_rustls(bytes: &[u8]) -> Option<String> {
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

fuzz_target!(|bytes: &[u8]| {
    let (window, len) = Window::new(bytes);
    if let Hello::Name { offset, len } = window.hello(len)
        && let Some(theirs) = by_rustls(bytes)
    {
        assert_eq!(String::from_utf8_lossy(&bytes[offset..offset + len]).to_ascii_lowercase(), theirs);
    }
});
