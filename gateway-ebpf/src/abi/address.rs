//! Addresses as the maps have them.

use core::net::{IpAddr, Ipv6Addr};

/// The third word of an IPv4-mapped address (RFC 4291, 2.5.5.2), in network order.
const MAPPED: u32 = 0x0000_ffff_u32.to_be();

/// An IPv6 address, or an IPv4 address mapped into one: four words in network order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct Address(pub [u32; 4]);

impl Address {
    /// An IPv4 address, as its word lies in a packet.
    #[inline(always)]
    pub const fn from_v4(word: u32) -> Self {
        Self([0, 0, MAPPED, word])
    }

    /// Whether it is an IPv4 address.
    #[inline(always)]
    pub const fn is_v4(&self) -> bool {
        self.0[0] == 0 && self.0[1] == 0 && self.0[2] == MAPPED
    }

    /// The sum of its 16-bit words. That of a mapped address has 0xffff too much, which is nothing in ones' complement.
    #[inline(always)]
    pub const fn sum(&self) -> u32 {
        let mut sum = 0;
        let mut index = 0;
        while index < 4 {
            let word = u32::from_be(self.0[index]);
            sum += (word >> 16) + (word & 0xffff);
            index += 1;
        }
        sum
    }
}

impl From<IpAddr> for Address {
    fn from(address: IpAddr) -> Self {
        let octets = match address {
            IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
            IpAddr::V6(v6) => v6.octets(),
        };
        let mut words = [0; 4];
        for (word, bytes) in words.iter_mut().zip(octets.as_chunks::<4>().0) {
            *word = u32::from_ne_bytes(*bytes);
        }
        Self(words)
    }
}

impl From<Address> for IpAddr {
    fn from(address: Address) -> Self {
        let bits = address.0.iter().fold(0, |bits, word| bits << 32 | u128::from(u32::from_be(*word)));
        Self::V6(Ipv6Addr::from_bits(bits)).to_canonical()
    }
}

/// The source that a limit counts: the IPv4 address, or the /64 of an IPv6 address, which one site owns whole.
#[inline(always)]
pub const fn limit_key(source: &Address) -> Address {
    if source.is_v4() { *source } else { Address([source.0[0], source.0[1], 0, 0]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Address {
        Address::from(text.parse::<IpAddr>().unwrap())
    }

    #[test]
    fn a_source_is_an_ipv4_address_or_an_ipv6_64() {
        assert_eq!(limit_key(&address("192.0.2.7")), address("192.0.2.7"));
        assert_eq!(limit_key(&address("2001:db8:1:2:3:4:5:6")), address("2001:db8:1:2::"));
        assert_eq!(address("::ffff:192.0.2.7"), address("192.0.2.7"));
    }

    #[test]
    fn an_address_comes_back_as_it_went() {
        for text in ["192.0.2.7", "2001:db8:1:2:3:4:5:6", "::1", "0.0.0.0"] {
            assert_eq!(IpAddr::from(address(text)), text.parse::<IpAddr>().unwrap());
            assert_eq!(address(text).is_v4(), text.contains('.'));
        }
        assert_eq!(Address::from_v4(u32::from_ne_bytes([192, 0, 2, 7])), address("192.0.2.7"));
    }
}
