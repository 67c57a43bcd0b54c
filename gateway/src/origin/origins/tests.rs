//! Which origin it is, without a connection.

use std::collections::BTreeMap;
use std::convert::Infallible;

use super::*;
use crate::model::origin::HttpVersions;
use crate::origin::TlsToOrigin;

/// Origins of a test's own: `port` tells those of tests apart that share a process.
fn origins(port: u16, count: u16, balance: Balance) -> Origins {
    let target = |index| {
        let url = format!("http://127.0.0.1:{}", port + index).parse().unwrap();
        let target = Target::new(url, HttpVersions::Auto, None, |_| -> Result<TlsToOrigin, Infallible> {
            unreachable!()
        });
        target.unwrap()
    };
    Origins::new((0..count).map(target).collect(), balance, None).unwrap()
}

fn device(number: u64) -> [u8; 32] {
    let mut fingerprint = [0; 32];
    fingerprint[..8].copy_from_slice(&mix(number + 1).to_be_bytes());
    fingerprint
}

fn put_out(target: &Target) {
    while target.health.standing(health::now()) == Standing::In {
        target.health.failed(health::now(), false);
    }
}

#[test]
fn the_one_with_the_fewest_requests_is_chosen_and_equals_take_turns() {
    let origins = origins(1000, 3, Balance::LeastRequests);
    let choose = |turn, loads: [usize; 3]| {
        let load = |target: &Arc<Target>| {
            let index = origins.targets.iter().position(|other| Arc::ptr_eq(other, target)).unwrap();
            loads[index]
        };
        origins.choose(None, Tried::default(), turn, load).unwrap().index
    };
    assert_eq!([0, 1, 2, 3].map(|turn| choose(turn, [1, 1, 1])), [0, 1, 2, 0]);
    assert_eq!([0, 1, 2].map(|turn| choose(turn, [5, 4, 5])), [1, 1, 1]);
    assert_eq!([0, 1].map(|turn| choose(turn, [2, 7, 2])), [0, 2]);
}

#[test]
fn one_that_is_out_is_left_out_and_tried_once_it_is_due() {
    let origins = origins(1100, 2, Balance::LeastRequests);
    let choose = |turn| {
        let choice = origins.choose(None, Tried::default(), turn, |_| 0).unwrap();
        (choice.index, choice.trial)
    };
    put_out(&origins.targets[0]);
    assert!((0..10).all(|turn| choose(turn) == (1, false)));
    origins.targets[0].health.make_due();
    assert_eq!(choose(1), (0, true));
    assert_eq!(choose(0), (1, false), "one request tries it");
}

#[test]
fn with_all_out_one_is_tried_and_no_second() {
    let origins = origins(1200, 2, Balance::LeastRequests);
    origins.targets.iter().for_each(|target| put_out(target));
    let first = origins.choose(None, Tried::default(), 0, |_| 0).unwrap();
    let mut tried = Tried::default();
    tried.add(first.index);
    assert!(origins.choose(None, tried, 0, |_| 0).is_none());
}

#[test]
fn what_was_tried_is_not_chosen_again() {
    let origins = origins(1300, 2, Balance::Device);
    let mut tried = Tried::default();
    let first = origins.choose(Some(&device(1)), tried, 0, |_| 0).unwrap();
    tried.add(first.index);
    assert_eq!(origins.choose(Some(&device(1)), tried, 0, |_| 0).unwrap().index, 1 - first.index);
    tried.add(1 - first.index);
    assert!(origins.choose(Some(&device(1)), tried, 0, |_| 0).is_none());
}

#[test]
fn a_device_keeps_its_origin_and_all_origins_have_their_share() {
    let origins = origins(1400, 4, Balance::Device);
    let of = |number: u32| {
        let turn = usize::try_from(number).unwrap();
        origins.choose(Some(&device(number.into())), Tried::default(), turn, |_| 0).unwrap().index
    };
    let before: Vec<_> = (0..4000).map(of).collect();
    assert_eq!(before, (0..4000).map(of).collect::<Vec<_>>());
    let mut shares = BTreeMap::new();
    for index in &before {
        *shares.entry(*index).or_insert(0) += 1;
    }
    assert!(shares.values().all(|share| (800..1200).contains(share)), "{shares:?}");
    // Without one of them, its devices go to others, and nobody else moves.
    put_out(&origins.targets[2]);
    for (before, number) in before.iter().zip(0..) {
        let now = of(number);
        assert!(now != 2 && (now == *before || *before == 2));
    }
}

#[test]
fn who_has_no_certificate_is_spread_by_load() {
    let origins = origins(1500, 2, Balance::Device);
    assert_eq!([0, 1].map(|turn| origins.choose(None, Tried::default(), turn, |_| 0).unwrap().index), [0, 1]);
}

#[test]
fn a_host_has_one_origin_at_least_and_sixty_four_at_most() {
    let target = Arc::clone(&origins(1600, 1, Balance::Device).targets[0]);
    for (count, fits) in [(0, false), (1, true), (MAX_ORIGINS, true), (MAX_ORIGINS + 1, false)] {
        let targets = vec![Arc::clone(&target); count];
        assert_eq!(Origins::new(targets, Balance::LeastRequests, None).is_some(), fits, "{count}");
    }
}
