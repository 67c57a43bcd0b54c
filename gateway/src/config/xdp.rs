//! `[xdp]`

use fleetgate_ebpf::abi::{MAX_FLOWS, MAX_SOURCES, UnknownSni};
use fleetgate_ebpf::gcra::Rate;
use toml_span::de_helpers::TableHelper;
use toml_span::{DeserError, Deserialize, Spanned, Value};

use super::value::{Limit, invalid, word};

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
    /// Whether the program explains its verdicts.
    pub log: XdpLog,
    /// `[xdp.limit]`; without XDP they are enforced in userspace.
    pub limit: Limits,
    /// `[xdp.table]`
    pub table: Tables,
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

/// Whether the program explains its verdicts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum XdpLog {
    /// No; the code for it is not even loaded.
    #[default]
    Off,
    /// A debug line a packet of a protected port: for looking at a quiet machine.
    Debug,
}

/// `[xdp.limit]`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// SYNs of one IPv4 address or IPv6 /64.
    pub syn_per_source: Rate,
    /// Hellos of one IPv4 address or IPv6 /64.
    pub hello_per_source: Rate,
    /// Hellos that name one host.
    pub hello_per_host: Rate,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            syn_per_source: Rate::per_second(50, 100),
            hello_per_source: Rate::per_second(20, 40),
            hello_per_host: Rate::per_second(5_000, 10_000),
        }
    }
}

/// `[xdp.table]`: what is remembered at once; the oldest goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tables {
    /// Flows between their SYN and their end.
    pub flows: u32,
    /// Sources, in each of the per-source limits.
    pub sources: u32,
}

impl Default for Tables {
    fn default() -> Self {
        Self { flows: MAX_FLOWS, sources: MAX_SOURCES }
    }
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

struct Unknown(UnknownSni);

impl<'de> Deserialize<'de> for Unknown {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        let words = [("pass", UnknownSni::Pass), ("drop", UnknownSni::Drop), ("reset", UnknownSni::Reset)];
        word(value, &words).map(Self)
    }
}

impl<'de> Deserialize<'de> for Limits {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        let default = Self::default();
        let mut table = TableHelper::new(value)?;
        let mut limit = |key, default| table.optional::<Limit>(key).map_or(default, |limit| limit.0);
        let limits = Self {
            syn_per_source: limit("syn_per_source", default.syn_per_source),
            hello_per_source: limit("hello_per_source", default.hello_per_source),
            hello_per_host: limit("hello_per_host", default.hello_per_host),
        };
        table.finalize(None)?;
        Ok(limits)
    }
}

impl<'de> Deserialize<'de> for Tables {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        let default = Self::default();
        let mut table = TableHelper::new(value)?;
        let flows = table.optional_s("flows").unwrap_or(Spanned::new(default.flows));
        let sources = table.optional_s("sources").unwrap_or(Spanned::new(default.sources));
        for size in [&flows, &sources] {
            if !(64..=16_777_216).contains(&size.value) {
                table
                    .errors
                    .extend(invalid("a table has 64 to 16777216 entries".to_owned(), size.span).errors);
            }
        }
        table.finalize(None)?;
        Ok(Self { flows: flows.value, sources: sources.value })
    }
}

impl<'de> Deserialize<'de> for Xdp {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        let mut table = TableHelper::new(value)?;
        let xdp = Self {
            mode: table.optional("mode").unwrap_or_default(),
            interfaces: table.optional("interfaces").unwrap_or_default(),
            required: table.optional("required").unwrap_or_default(),
            unknown_sni: table
                .optional::<Unknown>("unknown_sni")
                .map_or_else(UnknownSni::default, |unknown| unknown.0),
            log: table.optional("log").unwrap_or_default(),
            limit: table.optional("limit").unwrap_or_default(),
            table: table.optional("table").unwrap_or_default(),
        };
        table.finalize(None)?;
        Ok(xdp)
    }
}
