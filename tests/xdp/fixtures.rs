//! Every fixture gets the verdicts that it says.

use fleetgate_tests::{skip, xdp::fixtures};

#[test]
fn every_fixture_gets_its_verdicts() {
    if !skip::unless_root() {
        return;
    }
    let fixtures = fixtures::all();
    let mut failed = Vec::new();
    for fixture in &fixtures {
        if std::panic::catch_unwind(|| fixture.run()).is_err() {
            failed.push(fixture.name);
        }
    }
    assert!(failed.is_empty(), "{} of {} fixtures failed: {failed:#?}", failed.len(), fixtures.len());
}

#[test]
fn fixture_names_are_unique() {
    let mut names: Vec<_> = fixtures::all().iter().map(|fixture| fixture.name).collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
}
