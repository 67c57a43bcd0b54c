//! The parser against rustls' own, on mutated hellos: what the fuzz target `hello` looks for over hours, in a second of each
//! test run.

use fleetgate_ebpf::hello::Window;
use fleetgate_tests::xdp::hello::{self, Hello};
use proptest::prelude::*;

#[path = "../../fuzz/src/hello.rs"]
mod against;

#[test]
fn both_read_what_rustls_writes() {
    let bytes = hello::from_rustls("iot.example.com");
    assert!(against::check(&bytes));
    assert_eq!(against::by_parser(&bytes), against::by_rustls(&bytes));
    assert_eq!(against::by_parser(&bytes).as_deref(), Some("iot.example.com"));
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
        against::check(&bytes);
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
        against::check(&bytes);
    }

    #[test]
    fn nothing_panics_the_parser(bytes in prop::collection::vec(any::<u8>(), 0..2500)) {
        let (window, len) = Window::new(&bytes);
        window.hello(len);
    }
}
