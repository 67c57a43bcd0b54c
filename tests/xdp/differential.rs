//! The parser against rustls' own: it may know less, it may never know another name.

use std::io::Cursor;

use fleetgate_ebpf::hello::{Hello as Parsed, Window};
use fleetgate_tests::xdp::hello::{self, Hello};
use proptest::prelude::*;
use rustls::server::Acceptor;

/// The name that rustls reads, if it reads one.
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

/// The name that the XDP program reads, if it reads one.
fn by_parser(bytes: &[u8]) -> Option<String> {
    let (window, len) = Window::new(bytes);
    match window.hello(len) {
        Parsed::Name { offset, len } => {
            Some(String::from_utf8_lossy(&bytes[offset..offset + len]).to_ascii_lowercase())
        }
        Parsed::NotTls | Parsed::Incomplete | Parsed::NoSni | Parsed::Malformed => None,
    }
}

fn assert_never_another(bytes: &[u8]) {
    if let (Some(ours), Some(theirs)) = (by_parser(bytes), by_rustls(bytes)) {
        assert_eq!(ours, theirs);
    }
}

#[test]
fn both_read_what_rustls_writes() {
    let bytes = hello::from_rustls("iot.example.com");
    assert_eq!(by_parser(&bytes), by_rustls(&bytes));
    assert_eq!(by_parser(&bytes).as_deref(), Some("iot.example.com"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn mutated_hellos_never_get_another_name(
        name in "[a-zA-Z0-9.-]{1,40}",
        mutations in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        cut in any::<prop::sample::Index>(),
        keep_whole: bool,
    ) {
        let mut bytes = Hello::naming(&name).record();
        for (index, value) in mutations {
            let index = index.index(bytes.len());
            bytes[index] = value;
        }
        if !keep_whole {
            bytes.truncate(cut.index(bytes.len()));
        }
        assert_never_another(&bytes);
    }

    #[test]
    fn mutated_hellos_of_rustls_never_get_another_name(
        mutations in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
    ) {
        let mut bytes = hello::from_rustls("iot.example.com");
        for (index, value) in mutations {
            let index = index.index(bytes.len());
            bytes[index] = value;
        }
        assert_never_another(&bytes);
    }

    #[test]
    fn nothing_panics_the_parser(bytes in prop::collection::vec(any::<u8>(), 0..2500)) {
        let (window, len) = Window::new(&bytes);
        window.hello(len);
    }
}
