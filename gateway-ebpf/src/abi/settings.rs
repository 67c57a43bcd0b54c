//! What userspace configures.

use crate::gcra::Rate;
use crate::siphash::Secret;

/// Everything but the tables.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Settings {
    /// Key of the name hash, drawn when the maps are created.
    pub secret: Secret,
    /// SYNs of one source: an IPv4 address or an IPv6 /64.
    pub syn_per_source: Rate,
    /// SYNs of all sources without a verified device.
    pub syn_total: Rate,
    /// First data segments of one source.
    pub hello_per_source: Rate,
    /// Hellos that name one host.
    pub hello_per_host: Rate,
    /// First data segments of all sources without a verified device.
    pub hello_total: Rate,
    /// Hellos of one source whose name is not in the first segment.
    pub incomplete_per_source: Rate,
    /// First data segments of one source that are no hello, or one that contradicts itself.
    pub not_tls_per_source: Rate,
    /// Flows of sources that were not seen before which are remembered: the flood brake.
    pub new_flows: Rate,
    /// An [`UnknownSni`].
    pub unknown_sni: u32,
    /// Which tables have entries, as in [`has`]. Never zero once userspace has written the settings.
    pub has: u32,
}

/// Limits in [`Settings`].
#[cfg(test)]
pub(super) const LIMITS: usize = 8;

/// Bits of [`Settings::has`]: a lookup in a table that is known to be empty is saved.
pub mod has {
    /// The settings were written.
    pub const SETTINGS: u32 = 1;
    /// There are prefixes.
    pub const PREFIXES: u32 = 2;
    /// There are bans.
    pub const BANS: u32 = 4;
    /// There are bans from one host.
    pub const HOST_BANS: u32 = 8;
    /// There are sources of verified devices.
    pub const VERIFIED: u32 = 16;
    /// There are limits that need the fine clock ([`Rate::is_fine`](crate::gcra::Rate::is_fine)).
    pub const FINE_LIMITS: u32 = 32;
    /// XDP gives SYN cookies beyond the flood brake.
    pub const COOKIES: u32 = 64;
    /// Packets are steered.
    pub const STEERING: u32 = 128;
    /// There are hosts with CPUs of their own.
    pub const HOST_SETS: u32 = 256;
}

/// What happens to a complete hello that names no served host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u32)]
pub enum UnknownSni {
    /// Userspace answers with the alert `unrecognized_name`.
    #[default]
    Pass = 0,
    /// The server's socket is freed at once; the client hears nothing and gives up in its own time.
    Drop = 1,
    /// The server's socket is freed at once, and the client is reset when it sends the hello again.
    Reset = 2,
}
