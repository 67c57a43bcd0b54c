//! `[xdp]`

mod ban;
mod cpus;
mod limits;
mod serve;
mod tables;

use std::net::IpAddr;
use std::path::PathBuf;

use fleetgate_ebpf::abi::UnknownSni;
use ipnet::IpNet;
use toml_span::de_helpers::TableHelper;
use toml_span::{DeserError, Deserialize, Spanned, Value};

pub use ban::Evidence;
pub(super) use cpus::cpus;
pub use limits::Limits;
pub use serve::{Serve, ServeError};
pub use tables::Tables;

use super::access::Network;
use super::value::{Parsed, invalid, word};

/// `[xdp]`
#[derive(Clone, Debug, Default)]
pub struct Xdp {
    /// How the program is attached.
    pub mode: Mode,
    /// Where it is attached.
    pub interfaces: Vec<Spanned<String>>,
    /// Whether the gateway refuses to start without it.
    pub required: bool,
    /// What happens to a complete hello that names no served host.
    pub unknown_sni: UnknownSni,
    /// Who gives SYN cookies.
    pub syn_cookies: SynCookies,
    /// Addresses that listeners on every address are protected on; empty means every one.
    pub protect: Vec<IpNet>,
    /// Sources that no ban and no limit touches.
    pub allow: Vec<IpNet>,
    /// Sources of which nothing gets through.
    pub deny: Vec<IpNet>,
    /// CPUs that flows are steered to, each of which has a worker; empty means that nothing is steered.
    pub steer_cpus: Spanned<Vec<u32>>,
    /// Prefixes and ports that are served beside the listeners' own.
    pub serve: Vec<Serve>,
    /// Whether the program explains its verdicts.
    pub log: XdpLog,
    /// Where maps and links are pinned, so that protection outlives the gateway.
    pub pin_dir: Option<PathBuf>,
    /// `[xdp.limit]`; without XDP they are enforced in userspace, as far as it can.
    pub limit: Limits,
    /// Keys that were set to something that only XDP does.
    pub only_in_xdp: Vec<Spanned<&'static str>>,
    /// `[xdp.ban]`
    pub ban: Evidence,
    /// `[xdp.table]`
    pub table: Tables,
}

impl Xdp {
    /// Whether the program is not even wanted.
    pub fn is_off(&self) -> bool {
        self.mode == Mode::Off || self.interfaces.is_empty()
    }

    /// Whether all that `source` sends is dropped: the longest prefix that it is in decides.
    pub fn is_denied(&self, source: IpAddr) -> bool {
        longest(&self.deny, source) > longest(&self.allow, source)
    }

    /// Whether no ban and no limit touches `source`.
    pub fn is_allowed(&self, source: IpAddr) -> bool {
        longest(&self.allow, source) > longest(&self.deny, source)
    }
}

/// The length of the longest of these prefixes that `source` is in.
fn longest(prefixes: &[IpNet], source: IpAddr) -> Option<u8> {
    prefixes.iter().filter(|prefix| prefix.contains(&source)).map(IpNet::prefix_len).max()
}

/// How the program is attached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Native where the driver can, else generic.
    #[default]
    Auto,
    /// In the driver, or not at all.
    Native,
    /// In the network stack.
    Generic,
    /// Not at all.
    Off,
}

/// Who gives SYN cookies to sources that were never seen, in a flood of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SynCookies {
    /// The kernel's stack, as it sees fit.
    #[default]
    Kernel,
    /// XDP, beyond the flood brake (`xdp.limit.new_flows`).
    Xdp,
}

/// Whether the program explains its verdicts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum XdpLog {
    /// No; the code for it is not even loaded.
    #[default]
    Off,
    /// A debug line a packet of a protected port: for looking at a quiet machine.
    Debug,
}

impl<'de> Deserialize<'de> for Mode {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        let words =
            [("auto", Self::Auto), ("native", Self::Native), ("generic", Self::Generic), ("off", Self::Off)];
        word(value, &words)
    }
}

impl<'de> Deserialize<'de> for XdpLog {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        word(value, &[("off", Self::Off), ("debug", Self::Debug)])
    }
}

impl<'de> Deserialize<'de> for SynCookies {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        word(value, &[("kernel", Self::Kernel), ("xdp", Self::Xdp)])
    }
}

struct Unknown(UnknownSni);

impl<'de> Deserialize<'de> for Unknown {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        let words = [("pass", UnknownSni::Pass), ("drop", UnknownSni::Drop), ("reset", UnknownSni::Reset)];
        word(value, &words).map(Self)
    }
}

impl<'de> Deserialize<'de> for Xdp {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        let mut table = TableHelper::new(value)?;
        let (allow, deny) = (networks(&mut table, "allow"), networks(&mut table, "deny"));
        let limits::Written { limits: limit, mut only_in_xdp } = table.optional("limit").unwrap_or_default();
        let unknown_sni = table.optional_s::<Unknown>("unknown_sni");
        if let Some(Spanned { value: Unknown(UnknownSni::Drop | UnknownSni::Reset), span }) = unknown_sni {
            only_in_xdp.push(Spanned::with_span("xdp.unknown_sni", span));
        }
        let xdp = Self {
            mode: table.optional("mode").unwrap_or_default(),
            interfaces: table.optional("interfaces").unwrap_or_default(),
            required: table.optional("required").unwrap_or_default(),
            unknown_sni: unknown_sni.map_or_else(UnknownSni::default, |unknown| unknown.value.0),
            syn_cookies: table.optional("syn_cookies").unwrap_or_default(),
            protect: networks(&mut table, "protect").value,
            allow: Vec::new(),
            deny: Vec::new(),
            steer_cpus: cpus(&mut table, "steer_cpus"),
            serve: serve::list(&mut table),
            pin_dir: table.optional::<String>("pin_dir").map(PathBuf::from),
            log: table.optional("log").unwrap_or_default(),
            limit,
            only_in_xdp,
            ban: table.optional("ban").unwrap_or_default(),
            table: table.optional("table").unwrap_or_default(),
        };
        let room = xdp.table.prefixes as usize;
        if allow.value.len() + deny.value.len() > room {
            let message =
                format!("more than {room} prefixes in `allow` and `deny`; raise xdp.table.prefixes");
            table.errors.extend(invalid(message, deny.span).errors);
        }
        if let Some(both) = allow.value.iter().find(|prefix| deny.value.contains(prefix)) {
            table.errors.extend(invalid(format!("{both} is in `allow` and in `deny`"), deny.span).errors);
        }
        table.finalize(None)?;
        Ok(Self { allow: allow.value, deny: deny.value, ..xdp })
    }
}

/// A list of prefixes; an address alone is one.
fn networks(table: &mut TableHelper<'_>, key: &'static str) -> Spanned<Vec<IpNet>> {
    let Spanned { value, span } = table.optional_s::<Vec<Parsed<Network>>>(key).unwrap_or_default();
    Spanned::with_span(value.into_iter().map(|network| network.0.0).collect(), span)
}
