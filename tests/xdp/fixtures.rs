//! Every fixture gets the verdicts that it says.

use std::panic::{AssertUnwindSafe, catch_unwind};

use fleetgate_tests::skip;
use fleetgate_tests::xdp::fixtures::{self, Fixture};
use fleetgate_tests::xdp::kernel::{Kernel, Setup};

#[test]
fn every_fixture_gets_its_verdicts() {
    if !skip::unless_root() {
        return;
    }
    let fixtures = fixtures::all();
    let mut shared = Kernel::new(&Setup::default());
    let mut run = |fixture: &Fixture| {
        if !fixture.is_plain() {
            return fixture.run();
        }
        shared.forget();
        fixture.run_on(&mut shared);
    };
    let mut failed = Vec::new();
    for fixture in &fixtures {
        if catch_unwind(AssertUnwindSafe(|| run(fixture))).is_err() {
            failed.push(&fixture.name);
        }
    }
    assert!(failed.is_empty(), "{} of {} fixtures failed: {failed:#?}", failed.len(), fixtures.len());
}

#[test]
fn fixture_names_are_unique() {
    let mut names: Vec<_> = fixtures::all().into_iter().map(|fixture| fixture.name).collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
}
