//! Decisions, in the setting of the bench `decide`.

#[path = "../../benches/decide/site.rs"]
mod site;

use std::hint::black_box;

use fleetgate::access::{AccessTable, Facts, decide};

use crate::Failure;

/// Decides so often.
pub(crate) fn decide_often(count: u64) -> Result<(), Failure> {
    let site = site::site(|index| format!("/api/v{}/devices/{index}", index % 10));
    let (access, hostname) = (site.access(), site::hostname());
    if access.applications().len() != site::APPLICATIONS {
        return Err("not all applications are there".into());
    }
    let facts = site.facts(&hostname, "/api/v9/devices/499/telemetry");
    if (0..count).all(|_| decide_counted(access, &facts)) { Ok(()) } else { Err("not permitted".into()) }
}

/// A decision, up to whether it permits. Callgrind begins and ends at its name.
#[inline(never)]
fn decide_counted(access: &AccessTable, facts: &Facts<'_>) -> bool {
    decide(black_box(access), black_box(facts)).is_ok()
}
