//! What XDP and its optional parts need of the kernel, and who gives SYN cookies.

use crate::config::{SynCookies, Xdp};
use crate::xdp::{Cookies, Feature};

use super::finding::{Check, Finding, Level};

/// A part that needs something.
struct Part {
    /// Its name among features.
    name: &'static str,
    says: &'static str,
    /// What asks for it.
    key: &'static str,
    wanted: fn(&Xdp) -> bool,
}

const PARTS: [Part; 5] = [
    Part { name: "all", says: "XDP", key: "xdp.interfaces", wanted: |xdp| !xdp.is_off() },
    Part {
        name: "cookies",
        says: "SYN cookies by XDP",
        key: "xdp.syn_cookies",
        wanted: |xdp| !xdp.is_off() && xdp.syn_cookies == SynCookies::Xdp,
    },
    Part { name: "steering", says: "steering", key: "xdp.steer_cpus", wanted: steers },
    Part { name: "reuseport", says: "sockets by CPU", key: "xdp.steer_cpus", wanted: steers },
    Part {
        name: "sk_lookup",
        says: "served prefixes",
        key: "xdp.serve",
        wanted: |xdp| !xdp.is_off() && !xdp.serve.is_empty(),
    },
];

/// What both programs for sockets need beside their own.
const SOCKETS: &str = "sockets";

/// Whether packets are to be steered.
pub(super) fn steers(xdp: &Xdp) -> bool {
    !xdp.is_off() && !xdp.steer_cpus.value.is_empty()
}

pub(super) fn look(xdp: &Xdp, features: &[Feature]) -> Vec<Finding> {
    let mut findings: Vec<_> = PARTS.iter().map(|part| of_part(part, xdp, features)).collect();
    let can_give =
        !features.iter().any(|feature| feature.part == "cookies" && feature.available == Some(false));
    // Without XDP it is the kernel that gives them, whatever was asked for.
    let wanted = if xdp.is_off() { SynCookies::Kernel } else { xdp.syn_cookies };
    findings.push(of_cookies(&Cookies::now(wanted, can_give)));
    findings
}

fn of_part(part: &Part, xdp: &Xdp, features: &[Feature]) -> Finding {
    let is_its = |feature: &&Feature| {
        feature.part == part.name
            || (feature.part == SOCKETS && ["reuseport", "sk_lookup"].contains(&part.name))
    };
    let of_it: Vec<_> = features.iter().filter(is_its).collect();
    let lacking = of_it.iter().find(|feature| feature.available == Some(false));
    let unknown = of_it.iter().find(|feature| feature.available.is_none());
    let Part { says, key, .. } = part;
    let wanted = (part.wanted)(xdp);
    match (lacking, unknown, wanted) {
        (Some(feature), _, true) => Finding::problem(
            Check::Kernel,
            format!("{says}: this kernel has no {}", feature.feature),
            format!("run Linux {} or later with it built in, or leave {key} out", feature.linux),
        ),
        (Some(feature), _, false) => Finding::ok(
            Check::Kernel,
            format!("{says}: not asked for ({key}); this kernel has no {}", feature.feature),
        ),
        (None, Some(feature), true) => Finding::warning(
            Check::Kernel,
            format!("{says}: cannot find out whether this kernel has {}", feature.feature),
            "run this as root",
        ),
        (None, _, true) => Finding::ok(Check::Kernel, format!("{says}: this kernel has what it needs")),
        (None, _, false) => Finding::ok(Check::Kernel, format!("{says}: not asked for ({key})")),
    }
}

fn of_cookies(cookies: &Cookies) -> Finding {
    match (&cookies.problem, cookies.by) {
        (Some(problem), _) => Finding::told(Check::SynCookies, Level::Problem, problem),
        (None, SynCookies::Kernel) => Finding::ok(Check::SynCookies, "the kernel gives them"),
        (None, SynCookies::Xdp) => Finding::ok(Check::SynCookies, "XDP gives them"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Spanned;

    fn feature(part: &'static str, available: Option<bool>) -> Feature {
        Feature { feature: "a thing", part, linux: "5.9", available }
    }

    /// Of each part, by its words.
    fn levels(xdp: &Xdp, features: &[Feature]) -> Vec<(Level, String)> {
        PARTS
            .iter()
            .map(|part| of_part(part, xdp, features))
            .map(|finding| (finding.level, finding.says))
            .collect()
    }

    #[test]
    fn what_a_kernel_lacks_is_a_problem_only_where_it_was_asked_for() {
        let lacking = PARTS.map(|part| feature(part.name, Some(false)));
        let off = levels(&Xdp::default(), &lacking);
        assert!(
            off.iter().all(|(level, says)| *level == Level::Ok && says.contains("not asked for")),
            "{off:?}"
        );
        let all = Xdp {
            interfaces: vec![Spanned::new("eth0".to_owned())],
            steer_cpus: Spanned::new(vec![0]),
            serve: vec!["192.0.2.0/24:443".parse().unwrap()],
            syn_cookies: SynCookies::Xdp,
            ..Xdp::default()
        };
        let asked = levels(&all, &lacking);
        assert!(
            asked.iter().all(|(level, says)| *level == Level::Problem && says.contains("has no a thing"))
        );
        let there = PARTS.map(|part| feature(part.name, Some(true)));
        assert!(levels(&all, &there).iter().all(|(level, _)| *level == Level::Ok));
        let unknown = levels(&all, &PARTS.map(|part| feature(part.name, None)));
        assert!(unknown.iter().all(|(level, _)| *level == Level::Warning), "{unknown:?}");
    }

    #[test]
    fn both_programs_for_sockets_need_the_map_of_sockets() {
        let xdp = Xdp {
            interfaces: vec![Spanned::new("eth0".to_owned())],
            serve: vec!["192.0.2.0/24:443".parse().unwrap()],
            ..Xdp::default()
        };
        let found = levels(&xdp, &[feature("sk_lookup", Some(true)), feature(SOCKETS, Some(false))]);
        let served = found.iter().find(|(_, says)| says.starts_with("served prefixes")).unwrap();
        assert_eq!(served.0, Level::Problem);
    }

    #[test]
    fn cookies_that_nobody_gives_are_a_problem_with_its_remedy() {
        let off = Cookies { by: SynCookies::Kernel, problem: Some("they are off; sysctl -w x=1".to_owned()) };
        let finding = of_cookies(&off);
        assert_eq!((finding.level, finding.remedy.as_deref()), (Level::Problem, Some("sysctl -w x=1")));
        assert_eq!(of_cookies(&Cookies::default()).level, Level::Ok);
    }
}
