//! Denials and CRLs change the same index from different threads.

use std::thread;

use super::*;
use crate::crl::Settings;

/// Nothing but room for denials.
fn prepared() -> Prepared {
    let settings = Settings { max_denied: 10_000, ..Settings::default() };
    let mut prepared = Prepared::default();
    prepared.settings = Arc::new(settings);
    prepared
}

fn keeper() -> Keeper {
    let verdicts = Arc::new(Verdicts::new(1));
    Keeper::new(prepared(), Denials::default(), verdicts, Metrics::new().unwrap())
}

fn common_name(name: &str) -> Selector {
    Selector { common_name: Some(name.to_owned()), ..Selector::default() }
}

#[test]
fn no_denial_is_lost_and_no_pardon_undone_while_configurations_come_and_go() {
    const ROUNDS: usize = 300;
    let keeper = keeper();
    thread::scope(|scope| {
        for thread in 0..2 {
            let keeper = &keeper;
            scope.spawn(move || {
                for round in 0..ROUNDS {
                    let (stays, goes) = (format!("stays {thread} {round}"), format!("goes {thread} {round}"));
                    keeper.deny(&common_name(&stays)).unwrap();
                    keeper.deny(&common_name(&goes)).unwrap();
                    keeper.undeny(&common_name(&goes)).unwrap();
                }
            });
        }
        scope.spawn(|| (0..ROUNDS).for_each(|_| keeper.adopt(prepared(), || ())));
    });
    let index = keeper.verdicts.index();
    assert_eq!((index.denied().len(), keeper.denials().0.len()), (2 * ROUNDS, 2 * ROUNDS));
    // One for the start twice, and each change once: no two indices had the same generation.
    let published = keeper.verdicts.changes();
    assert_eq!(index.generation(), published);
}

#[test]
fn a_denial_does_not_wait_for_a_load() {
    let keeper = keeper();
    let _loading = keeper.state.lock().unwrap();
    assert_eq!(keeper.deny(&common_name("device-1")).unwrap().records.len(), 1);
    assert_eq!(keeper.verdicts.index().denied().len(), 1);
}
