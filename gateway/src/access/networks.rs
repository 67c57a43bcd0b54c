//! Sets of networks, looked up by bisection.

use std::cmp::Ordering;
use std::net::IpAddr;

use ipnet::IpNet;

/// Addresses. An IPv4 address that came over an IPv6 socket is an IPv4 address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Networks {
    v4: Box<[(u32, u32)]>,
    v6: Box<[(u128, u128)]>,
}

impl Networks {
    /// All addresses of `networks`.
    pub fn new(networks: &[IpNet]) -> Self {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for network in networks {
            match network {
                IpNet::V4(network) => v4.push((network.network().to_bits(), network.broadcast().to_bits())),
                IpNet::V6(network) => v6.push((network.network().to_bits(), network.broadcast().to_bits())),
            }
        }
        Self { v4: merged(v4), v6: merged(v6) }
    }

    /// Whether `address` is one of them.
    pub fn contains(&self, address: IpAddr) -> bool {
        match address.to_canonical() {
            IpAddr::V4(address) => within(&self.v4, address.to_bits()),
            IpAddr::V6(address) => within(&self.v6, address.to_bits()),
        }
    }
}

/// Ranges in order, those that overlap made one.
fn merged<T: Copy + Ord>(mut ranges: Vec<(T, T)>) -> Box<[(T, T)]> {
    ranges.sort_unstable();
    let mut merged: Vec<(T, T)> = Vec::with_capacity(ranges.len());
    for (first, last) in ranges {
        match merged.last_mut() {
            Some((_, end)) if first <= *end => *end = last.max(*end),
            _ => merged.push((first, last)),
        }
    }
    merged.into()
}

fn within<T: Copy + Ord>(ranges: &[(T, T)], address: T) -> bool {
    let order = |(first, last): &(T, T)| {
        if *last < address {
            Ordering::Less
        } else if address < *first {
            Ordering::Greater
        } else {
            Ordering::Equal
        }
    };
    ranges.binary_search_by(order).is_ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn networks(texts: &[&str]) -> Networks {
        Networks::new(&texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<_>>())
    }

    fn contains(networks: &Networks, address: &str) -> bool {
        networks.contains(address.parse().unwrap())
    }

    #[test]
    fn both_families_are_kept_apart_and_a_mapped_address_is_ipv4() {
        let set = networks(&["192.0.2.0/24", "2001:db8::/32", "198.51.100.7/32"]);
        for address in ["192.0.2.0", "192.0.2.255", "198.51.100.7", "2001:db8::1", "::ffff:192.0.2.9"] {
            assert!(contains(&set, address), "{address}");
        }
        for address in ["192.0.1.255", "192.0.3.0", "198.51.100.8", "2001:db9::", "::", "::192.0.2.1"] {
            assert!(!contains(&set, address), "{address}");
        }
        assert!(!contains(&networks(&["::/0"]), "192.0.2.1") && !contains(&networks(&["0.0.0.0/0"]), "::1"));
        assert!(!contains(&networks(&[]), "192.0.2.1"));
    }

    proptest! {
        /// Whatever overlaps, bisection finds what a look at each network finds.
        #[test]
        fn it_agrees_with_asking_each_network(
            parts in prop::collection::vec((any::<u16>(), 14..=32u8), 0..12),
            address in any::<u16>(),
        ) {
            let nets: Vec<IpNet> = parts
                .iter()
                .map(|(bits, length)| IpNet::new(IpAddr::V4((u32::from(*bits) << 8).into()), *length).unwrap().trunc())
                .collect();
            let address = IpAddr::V4((u32::from(address) << 8).into());
            prop_assert_eq!(Networks::new(&nets).contains(address), nets.iter().any(|net| net.contains(&address)));
        }
    }
}
