//! What a decision takes: 500 applications on one host, 50 rules each, and none of the rules before the last holds.
//!
//! `cargo bench -p fleetgate --bench decide`

mod site;

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use fleetgate::access::decide;
use site::{APPLICATIONS, Site, site};

fn measure(criterion: &mut Criterion, name: &str, site: &Site, path: &str) {
    let (access, hostname) = (site.access(), site::hostname());
    assert_eq!(access.applications().len(), APPLICATIONS);
    let facts = site.facts(&hostname, path);
    assert!(decide(access, &facts).is_ok(), "{name}");
    criterion.bench_function(name, |bencher| bencher.iter(|| decide(black_box(access), black_box(&facts))));
}

fn decisions(criterion: &mut Criterion) {
    let paths = site(|index| format!("/api/v{}/devices/{index}", index % 10));
    measure(criterion, "500 applications by path, 50 rules", &paths, "/api/v9/devices/499/telemetry");
    measure(
        criterion,
        "the same, with an encoded path in mixed case",
        &paths,
        "/api/v9/devices/499/T%65lemetry",
    );
    let wildcards = site(|index| format!("/api/*/devices-{index}"));
    measure(criterion, "500 applications by wildcard, 50 rules", &wildcards, "/api/v9/devices-499/telemetry");
}

criterion_group!(benches, decisions);
criterion_main!(benches);
