//! A gateway that is killed at any moment has, after the next start, every change that it had acknowledged, and none by half.

use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

use fleetgate_tests::gateway::Gateway;
use fleetgate_tests::site::{HOST, Site};
use nix::sys::signal::Signal;
use serde_json::{Value, json};

/// Changes that are acknowledged over all.
const CHANGES: usize = 1000;

/// Two records, which say the same number.
fn pair(number: usize) -> Value {
    let write = |half: u32| {
        let id = format!("{number:08x}-0000-4000-8000-{half:012x}");
        let rule = json!({ "common_name": { "common_name": format!("pump-{number}") } });
        json!({ "kind": "group", "id": id, "expect": "absent", "document": { "name": number.to_string(), "include": [rule] } })
    };
    json!([write(0), write(1)])
}

/// How often each number is there.
fn halves(gateway: &Gateway) -> BTreeMap<usize, usize> {
    let mut halves = BTreeMap::new();
    for (_, document) in gateway.kept("group") {
        *halves.entry(document["name"].as_str().unwrap().parse().unwrap()).or_default() += 1;
    }
    halves
}

#[test]
fn what_was_acknowledged_is_there_after_sigkill_at_any_moment_and_nothing_by_half() {
    let site = Site::new();
    let mut gateway = Gateway::start(site.setup().table("server", "state_dir = \".\""));
    let mut acknowledged = Vec::new();
    let (mut next, mut kills) = (0, 0);
    while acknowledged.len() < CHANGES {
        thread::scope(|scope| {
            scope.spawn(|| {
                // Any moment is as good as another.
                thread::sleep(Duration::from_micros(fastrand::u64(1_000..400_000)));
                gateway.signal(Signal::SIGKILL);
            });
            while let Some(answer) = gateway.try_change(&pair(next)) {
                assert_eq!(answer.status(), 200, "{}", answer.text());
                acknowledged.push(next);
                next += 1;
            }
        });
        // The one that was under way may be there or not.
        next += 1;
        kills += 1;
        gateway.wait();
        gateway.start_again();
        let found = halves(&gateway);
        assert!(found.values().all(|halves| *halves == 2), "after {kills} kills: {found:?}");
        let lost: Vec<_> = acknowledged.iter().filter(|number| !found.contains_key(number)).collect();
        assert!(lost.is_empty(), "after {kills} kills: {lost:?}");
        let mut connection = site.client().connect(gateway.address(), HOST).unwrap();
        assert_eq!(connection.get(HOST, "/").unwrap().status(), 200);
    }
    println!("{} changes acknowledged over {kills} kills", acknowledged.len());
}
