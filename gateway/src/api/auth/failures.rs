//! How often a source may be without a token that counts.

use std::net::IpAddr;

use fleetgate_ebpf::abi::Address;
use fleetgate_ebpf::gcra::Rate;

use crate::limit::{Buckets, source_key};

/// A bucket a source: whoever has an IPv6 /64 has all of its addresses.
pub(super) struct Failures {
    rate: Rate,
    by_source: Buckets<Address>,
}

impl Failures {
    /// As many as `rate` says, of each of `most` sources at once; others share what is over.
    pub(super) fn new(rate: Rate, most: u32) -> Self {
        Self { rate, by_source: Buckets::new(most) }
    }

    /// Whether one more of `source` is within bounds at `now`, in nanoseconds since any fixed moment.
    pub(super) fn admit(&self, source: IpAddr, now: u64) -> bool {
        self.by_source.admit(&self.rate, source_key(source), now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_an_ipv4_address_however_written_or_an_ipv6_64() {
        let admitted = |addresses: [&str; 2]| {
            let failures = Failures::new(Rate::per_second(1, 1), 10);
            addresses.map(|address| failures.admit(address.parse().unwrap(), 0))
        };
        assert_eq!(admitted(["192.0.2.1", "192.0.2.2"]), [true, true]);
        assert_eq!(admitted(["192.0.2.1", "::ffff:192.0.2.1"]), [true, false]);
        assert_eq!(admitted(["2001:db8::1", "2001:db8::ffff:0:0:2"]), [true, false]);
        assert_eq!(admitted(["2001:db8::1", "2001:db8:0:1::1"]), [true, true]);
    }
}
