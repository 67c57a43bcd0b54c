//! The interfaces that the configuration names, and what their drivers do. Those that are missing are problems of the
//! configuration.

use std::io;

use nix::ifaddrs::getifaddrs;
use nix::net::if_::InterfaceFlags;

use super::finding::{Check, Finding};
use super::kernel::steers;
use crate::config::{Mode, Xdp};
use crate::xdp::{interface_index, strips_vlan_tags, takes_native};

/// What is known of an interface.
struct Facts<'a> {
    name: &'a str,
    is_up: bool,
    /// Whether its driver runs XDP programs itself, where the kernel says.
    native: io::Result<Option<bool>>,
    strips_vlan_tags: bool,
}

pub(super) fn look(xdp: &Xdp) -> Vec<Finding> {
    if xdp.is_off() {
        let says = "XDP is off; what can be told of accepted connections is limited in userspace";
        return vec![Finding::ok(Check::Interfaces, says)];
    }
    let facts = xdp.interfaces.iter().filter_map(|name| gather(&name.value));
    facts.flat_map(|facts| judge(xdp, &facts)).collect()
}

/// None where there is no such interface.
fn gather(name: &str) -> Option<Facts<'_>> {
    let index = interface_index(name)?;
    let is_up = getifaddrs().is_ok_and(|mut all| {
        all.any(|one| one.interface_name == name && one.flags.contains(InterfaceFlags::IFF_UP))
    });
    let strips_vlan_tags = strips_vlan_tags(name).unwrap_or(false);
    Some(Facts { name, is_up, native: takes_native(index), strips_vlan_tags })
}

fn judge(xdp: &Xdp, facts: &Facts<'_>) -> Vec<Finding> {
    let Facts { name, is_up, native, strips_vlan_tags } = facts;
    let mut findings = vec![of_mode(xdp.mode, name, native)];
    if !is_up {
        findings.push(Finding::warning(
            Check::Interfaces,
            format!("{name} is down"),
            format!("ip link set dev {name} up"),
        ));
    }
    if !steers(xdp) {
        return findings;
    }
    if *strips_vlan_tags {
        findings.push(Finding::problem(
            Check::Interfaces,
            format!("{name}'s driver takes VLAN tags out of frames, which would be lost: nothing is steered"),
            format!("ethtool -K {name} rxvlan off"),
        ));
    }
    if xdp.mode == Mode::Generic || matches!(native, Ok(Some(false))) {
        findings.push(Finding::problem(
            Check::Interfaces,
            format!("XDP on {name} is generic, in which nothing is steered"),
            "leave xdp.steer_cpus out, or use a NIC whose driver has XDP",
        ));
    }
    findings
}

fn of_mode(mode: Mode, name: &str, native: &io::Result<Option<bool>>) -> Finding {
    match (mode, native) {
        (Mode::Generic, _) => {
            Finding::ok(Check::Interfaces, format!("{name} is there; XDP is generic, as configured"))
        }
        (_, Ok(Some(true))) => {
            Finding::ok(Check::Interfaces, format!("{name}'s driver runs XDP itself (native)"))
        }
        (Mode::Native, Ok(Some(false))) => Finding::problem(
            Check::Interfaces,
            format!("{name}'s driver does not run XDP (native)"),
            "set xdp.mode to \"auto\" or \"generic\"",
        ),
        (_, Ok(Some(false))) => Finding::warning(
            Check::Interfaces,
            format!("{name}'s driver does not run XDP: it will be generic, which protects at a higher cost"),
            "use a NIC whose driver has XDP where floods are expected",
        ),
        (_, Ok(None)) => Finding::ok(
            Check::Interfaces,
            format!("{name} is there; before Linux 6.3 the kernel does not say whether its driver runs XDP"),
        ),
        (_, Err(error)) => Finding::warning(
            Check::Interfaces,
            format!("cannot find out whether {name}'s driver runs XDP: {error}"),
            "`fleetgate xdp status` shows the mode once it is attached",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::Level::{self, Ok as Good, Problem, Warning};
    use super::*;
    use crate::config::Spanned;

    fn levels(mode: Mode, steer_cpus: &[u32], native: Option<bool>, strips_vlan_tags: bool) -> Vec<Level> {
        let xdp = Xdp {
            mode,
            interfaces: vec![Spanned::new("eth0".to_owned())],
            steer_cpus: Spanned::new(steer_cpus.to_vec()),
            ..Xdp::default()
        };
        let facts = Facts { name: "eth0", is_up: true, native: Ok(native), strips_vlan_tags };
        judge(&xdp, &facts).into_iter().map(|finding| finding.level).collect()
    }

    #[test]
    fn a_driver_without_xdp_matters_as_far_as_it_is_asked_for() {
        assert_eq!(levels(Mode::Auto, &[], Some(true), true), [Good]);
        assert_eq!(levels(Mode::Auto, &[], Some(false), true), [Warning]);
        assert_eq!(levels(Mode::Native, &[], Some(false), true), [Problem]);
        assert_eq!(levels(Mode::Generic, &[], Some(false), true), [Good]);
        assert_eq!(levels(Mode::Native, &[], None, true), [Good]);
    }

    #[test]
    fn steering_needs_a_native_program_and_tags_in_their_frames() {
        assert_eq!(levels(Mode::Auto, &[0], Some(true), false), [Good]);
        assert_eq!(levels(Mode::Auto, &[0], Some(true), true), [Good, Problem]);
        assert_eq!(levels(Mode::Auto, &[0], Some(false), false), [Warning, Problem]);
        assert_eq!(levels(Mode::Generic, &[0], Some(true), false), [Good, Problem]);
    }

    #[test]
    fn loopback_is_there_and_a_missing_one_is_none() {
        assert_eq!(gather("lo").unwrap().name, "lo");
        assert!(gather("nowhere0").is_none());
    }
}
