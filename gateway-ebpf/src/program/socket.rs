//! Which listening socket a connection is for: that of the worker on this CPU, and for served prefixes a listener's own.

use aya_ebpf::EbpfContext as _;
use aya_ebpf::bindings::bpf_sk_lookup;
use aya_ebpf::helpers::generated::{bpf_get_smp_processor_id, bpf_sk_select_reuseport};
use aya_ebpf::macros::{map, sk_lookup, sk_reuseport};
use aya_ebpf::maps::lpm_trie::Key;
use aya_ebpf::maps::{Array, HashMap, LpmTrie, SockMap};
use aya_ebpf::programs::{SkLookupContext, SkReuseportContext};
use fleetgate_ebpf::abi::{self, Address, PortAddress, port, served};

use super::maps;

#[map]
static LISTENERS: HashMap<PortAddress, u32> = HashMap::with_max_entries(abi::MAX_LISTENERS, 0);
#[map]
static SOCKETS: SockMap = SockMap::with_max_entries(abi::MAX_LISTENERS * (abi::MAX_CPUS + 1), 0);
#[map]
static SERVED: LpmTrie<Address, u32> = LpmTrie::with_max_entries(abi::MAX_SERVED, 0);
#[map]
static SERVING: Array<u32> = Array::with_max_entries(served::COUNT, 0);

/// Both kinds of programs go on in their own way after this: with the socket that was selected, or with none.
const SK_PASS: u32 = 1;
const AF_INET: u32 = 2;
const TCP: u32 = 6;

/// Chooses among the sockets of one listener: CPUMAP brought the SYN to the flow's CPU, and its worker is there. Where none
/// is, the kernel spreads as ever.
#[sk_reuseport]
#[expect(clippy::needless_pass_by_value, reason = "the macro's signature")]
fn fleetgate_reuseport(ctx: SkReuseportContext) -> u32 {
    if let Some(&begin) = listener(&ctx) {
        // The first is any of them.
        let mut index = begin + 1 + this_cpu();
        let sockets = (&raw const SOCKETS).cast_mut();
        // SAFETY: the context of this run, a map of sockets, and an index in it, which the helper checks.
        let _ = unsafe { bpf_sk_select_reuseport(ctx.md, sockets.cast(), (&raw mut index).cast(), 0) };
    }
    SK_PASS
}

/// Where the sockets of the listener begin that the SYN is for.
#[inline(always)]
fn listener(ctx: &SkReuseportContext) -> Option<&'static u32> {
    // SAFETY: fields of the socket that the kernel gives; each is read by itself and always, as the verifier wants it: of two
    // reads of which one is done, the compiler makes one from a place that varies.
    let key = unsafe {
        let socket = (*ctx.md).__bindgen_anon_3.sk;
        let v4 = Address::from_v4((&raw const (*socket).src_ip4).read_volatile());
        let v6 = words((&raw const (*socket).src_ip6).cast());
        let address = if (&raw const (*socket).family).read_volatile() == AF_INET { v4 } else { v6 };
        let port = (&raw const (*socket).src_port).read_volatile() as u16;
        PortAddress { port: port.to_be(), reserved: 0, address }
    };
    // SAFETY: the value is a u32 that userspace writes whole.
    unsafe { LISTENERS.get(key) }
}

/// Gives connections to a served prefix and port to a listener that has another address.
#[sk_lookup]
#[expect(clippy::needless_pass_by_value, reason = "the macro's signature")]
fn fleetgate_sk_lookup(ctx: SkLookupContext) -> u32 {
    if let Some(index) = serving(&ctx) {
        // A socket that is gone meanwhile: the kernel looks on by itself.
        let _ = SOCKETS.redirect_sk_lookup(&ctx, index, 0);
    }
    SK_PASS
}

/// A socket of the listener that serves the prefix, if one does. Which of its sockets, the other program chooses.
#[inline(always)]
fn serving(ctx: &SkLookupContext) -> Option<u32> {
    let lookup: *const bpf_sk_lookup = ctx.as_ptr().cast();
    // SAFETY: fields of the context of this run; as above.
    unsafe {
        if (&raw const (*lookup).protocol).read_volatile() != TCP {
            return None;
        }
        let kind = maps::port_kind((&raw const (*lookup).local_port).read_volatile());
        if kind >> port::SETS == 0 {
            return None;
        }
        let v4 = Address::from_v4((&raw const (*lookup).local_ip4).read_volatile());
        let v6 = words((&raw const (*lookup).local_ip6).cast());
        let is_v4 = (&raw const (*lookup).family).read_volatile() == AF_INET;
        let (address, family) = if is_v4 { (v4, served::V4) } else { (v6, served::V6) };
        if !is_served(kind, address) {
            return None;
        }
        SERVING.get(family).copied()?.checked_sub(1)
    }
}

/// Whether a port with these bits is served on the address.
#[inline(always)]
pub(super) fn is_served(kind: u32, address: Address) -> bool {
    let sets = kind >> port::SETS;
    sets != 0 && SERVED.get(Key::new(128, address)).is_some_and(|served| served & sets != 0)
}

/// # Safety
/// `words` points at four of them that may be read one by one.
#[inline(always)]
unsafe fn words(words: *const u32) -> Address {
    // SAFETY: the caller's promise.
    unsafe {
        Address([
            words.read_volatile(),
            words.add(1).read_volatile(),
            words.add(2).read_volatile(),
            words.add(3).read_volatile(),
        ])
    }
}

#[inline(always)]
fn this_cpu() -> u32 {
    // SAFETY: the helper takes nothing and cannot fail.
    unsafe { bpf_get_smp_processor_id() }
}
