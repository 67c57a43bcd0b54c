//! Which CPU a flow is steered to.

use super::FlowKey;

/// CPUs that a set holds. A power of two, so that the verifier is content with a mask.
pub const MAX_SET: usize = 128;
/// Numbers that CPUs can have are below this.
pub const MAX_CPU: u32 = 1024;
/// Distinct sets: that of `xdp.steer_cpus`, which is the first, and those of hosts.
pub const MAX_SETS: u32 = 64;
/// CPUs of the machine that the tables have room for unless they are loaded with another size.
pub const MAX_CPUS: u32 = 64;
/// Sources that are remembered with the set of their last host, unless the table is loaded with another size.
pub const MAX_LAST: u32 = 16_384;

/// The CPU of what is not steered.
pub const NO_CPU: u32 = u32::MAX;
/// The set of `xdp.steer_cpus`, and of hosts without their own.
pub const ALL: u32 = 0;

const WORDS: usize = MAX_CPU as usize / 32;

/// CPUs that flows are spread over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct CpuSet {
    /// How many there are.
    pub count: u32,
    /// Them; the others are 0.
    pub cpus: [u32; MAX_SET],
    /// Them, a bit each.
    members: [u32; WORDS],
}

impl CpuSet {
    /// No CPU.
    pub const EMPTY: Self = Self { count: 0, cpus: [0; MAX_SET], members: [0; WORDS] };

    /// A set. CPUs beyond [`MAX_SET`] are left out.
    pub fn new(cpus: impl IntoIterator<Item = u32>) -> Self {
        let mut set = Self::EMPTY;
        for (room, cpu) in set.cpus.iter_mut().zip(cpus) {
            *room = cpu;
            set.count += 1;
            if let Some(word) = set.members.get_mut(cpu as usize >> 5) {
                *word |= 1 << (cpu & 31);
            }
        }
        set
    }

    /// The CPU for a flow with this hash.
    #[inline(always)]
    pub const fn choose(&self, hash: u32) -> u32 {
        if self.count == 0 {
            return NO_CPU;
        }
        // As good as a remainder, without a division (Lemire).
        let index = (hash as u64 * self.count as u64) >> 32;
        self.cpus[index as usize & (MAX_SET - 1)]
    }

    /// Whether the CPU is one of them.
    #[inline(always)]
    pub const fn contains(&self, cpu: u32) -> bool {
        // The bound comes last: the compiler would take it for the mask, and the verifier would not.
        self.members[cpu as usize >> 5 & (WORDS - 1)] >> (cpu & 31) & 1 != 0 && cpu < MAX_CPU
    }
}

/// A flow's hash. Keyed, so that nobody outside can choose the CPU that all of their connections go to.
#[inline(always)]
pub const fn flow_hash(flow: &FlowKey, key: u64) -> u32 {
    let ports = (flow.source_port as u32) << 16 | flow.destination_port as u32;
    let mut hash = mix(key as u32, ports);
    let mut index = 0;
    while index < 4 {
        hash = mix(hash, flow.source.0[index]);
        index += 1;
    }
    hash = mix(hash, (key >> 32) as u32);
    mix(hash, hash >> 16)
}

/// Multiplicative hashing of one word; the shift brings the upper bits, which are the good ones, to the lower.
#[inline(always)]
const fn mix(hash: u32, word: u32) -> u32 {
    let product = (hash ^ word).wrapping_mul(0x9e37_79b1);
    product ^ product >> 15
}

#[cfg(test)]
mod tests {
    use core::net::IpAddr;

    use super::*;

    fn flow(host: u8, port: u16) -> FlowKey {
        let address = |last| IpAddr::from([192, 0, 2, last]).into();
        FlowKey {
            source: address(host),
            destination: address(1),
            source_port: port.to_be(),
            destination_port: 8443_u16.to_be(),
        }
    }

    #[test]
    fn a_flow_gets_a_cpu_of_its_set_and_the_same_each_time() {
        let set = CpuSet::new([3, 5, 6]);
        for port in 1..2000 {
            let cpu = set.choose(flow_hash(&flow(7, port), 1));
            assert!([3, 5, 6].contains(&cpu));
            assert_eq!(cpu, set.choose(flow_hash(&flow(7, port), 1)));
        }
        assert!([3, 5, 6].iter().all(|cpu| set.contains(*cpu)));
        assert!([0, 4, 7, 35, 1027, NO_CPU].iter().all(|cpu| !set.contains(*cpu)));
        assert!(CpuSet::new([1023]).contains(1023));
        assert_eq!(CpuSet::EMPTY.choose(7), NO_CPU);
        assert_eq!(CpuSet::new(0..1000).count as usize, MAX_SET);
    }

    #[test]
    fn flows_are_spread_by_port_and_by_source() {
        let set = CpuSet::new(0..4);
        let mut counts = [[0_u32; 4]; 2];
        for index in 0..=u16::from(u8::MAX) {
            counts[0][set.choose(flow_hash(&flow(7, 40_000 + index), 1)) as usize] += 1;
            counts[1][set.choose(flow_hash(&flow(index as u8, 40_000), 1)) as usize] += 1;
        }
        assert!(counts.as_flattened().iter().all(|count| (40..=90).contains(count)), "{counts:?}");
    }

    #[test]
    fn another_key_spreads_otherwise() {
        let set = CpuSet::new(0..2);
        let moved = (0..1000).filter(|port| {
            set.choose(flow_hash(&flow(7, *port), 1)) != set.choose(flow_hash(&flow(7, *port), 2))
        });
        assert!((400..600).contains(&moved.count()));
    }
}
