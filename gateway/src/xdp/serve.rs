//! Served prefixes as the maps have them: port sets are bits of a port, and each prefix has the sets that are served there.

use std::collections::HashMap;

use fleetgate_ebpf::abi::{Address, port};

use super::lists::prefix;
use crate::config::Serve;

/// Bits of the ports, and by prefix the sets that are served on it.
pub(super) fn served(serve: &[Serve]) -> (HashMap<u16, u32>, HashMap<(u32, Address), u32>) {
    let mut sets: Vec<_> = serve.iter().map(|serve| serve.ports.clone()).collect();
    sets.sort_unstable_by_key(|ports| (*ports.start(), *ports.end()));
    sets.dedup();
    // The configuration has no more of them than there are bits.
    let bit = |index: usize| 1_u32.checked_shl(u32::try_from(index).unwrap_or(u32::MAX)).unwrap_or(0);
    let mut ports = HashMap::new();
    for (index, set) in sets.iter().enumerate() {
        for number in set.clone() {
            *ports.entry(number).or_insert(0) |= bit(index) << port::SETS;
        }
    }
    let mut prefixes = HashMap::new();
    for Serve { network, .. } in serve {
        // The longest prefix is the only one that the program sees: it speaks for those that it lies in.
        let around = serve.iter().filter(|other| other.network.contains(network));
        let of = |other: &Serve| sets.iter().position(|set| *set == other.ports).map_or(0, bit);
        prefixes.insert(prefix(network), around.map(of).fold(0, |all, one| all | one));
    }
    (ports, prefixes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(network: &str) -> (u32, Address) {
        prefix(&network.parse().unwrap())
    }

    #[test]
    fn a_prefix_speaks_for_those_that_it_lies_in() {
        let texts = ["198.51.100.0/24:443", "198.51.100.8/32:8443-8444", "[2001:db8::/48]:443"];
        let serve: Vec<Serve> = texts.iter().map(|text| text.parse().unwrap()).collect();
        let (ports, prefixes) = served(&serve);
        let (https, other) = (1, 2);
        let bits = |set: u32| set << port::SETS;
        assert_eq!(ports, [(443, bits(https)), (8443, bits(other)), (8444, bits(other))].into());
        let expected = [
            (key("198.51.100.0/24"), https),
            (key("198.51.100.8/32"), https | other),
            (key("2001:db8::/48"), https),
        ];
        assert_eq!(prefixes, expected.into());
    }

    #[test]
    fn ports_of_two_sets_have_both_bits() {
        let serve = ["192.0.2.0/24:1-10", "192.0.2.0/24:5-5"].map(|text| text.parse().unwrap());
        let (ports, prefixes) = served(&serve);
        assert_eq!((ports[&4] >> port::SETS, ports[&5] >> port::SETS), (1, 3));
        assert_eq!(prefixes, [(key("192.0.2.0/24"), 3)].into());
    }
}
