//! The loaded program and its maps.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use aya::maps::{Array, HashMap, MapData, MapError, PerCpuArray, PerCpuValues};
use aya::programs::{ProgramError, Xdp};
use aya::{Ebpf, EbpfError, EbpfLoader};
use aya_log::EbpfLogger;
use fleetgate_ebpf::OBJECT;
use fleetgate_ebpf::abi::{self, Settings, map};
use fleetgate_ebpf::name::HostKey;
use fleetgate_ebpf::siphash::Secret;
use fleetgate_ebpf::verdict::Verdict;

use super::attach::{self, AttachError, Attached};
use super::slots::Slots;
use crate::config::{self, Mode, Tables, XdpLog};
use crate::model::hostname::HostPattern;
use crate::telemetry::Metrics;

/// Ports in a word of the bitmap.
const PORTS_PER_WORD: u16 = 64;
/// Words of the bitmap: one bit for each TCP port.
const PORT_WORDS: u32 = 1024;

/// The XDP program in the kernel. Dropping it detaches it.
pub struct Program {
    ebpf: Ebpf,
    secret: Secret,
    slots: Slots,
}

/// Why the program could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The kernel or the object's parser refused.
    #[error(
        "cannot load the XDP program: {0}; it needs Linux 5.18 or later, and CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON"
    )]
    Ebpf(#[from] EbpfError),
    /// The verifier refused.
    #[error(
        "cannot load the XDP program: {0}; it needs Linux 5.18 or later, and CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON"
    )]
    Program(#[from] ProgramError),
    /// The kernel refused to have a map written.
    #[error("cannot write the XDP program's maps: {0}")]
    Map(#[from] MapError),
    /// The object is not the one that this version was built with.
    #[error("the XDP object has no {0}; rebuild it with `cargo xtask build-ebpf`")]
    Incomplete(&'static str),
    /// There is no randomness to be had.
    #[error("the system's random source failed")]
    Random,
}

/// What the program has counted since it was loaded.
#[derive(Clone, Debug, Default)]
pub struct Counters {
    /// Packets by verdict, in the order of [`Verdict::ALL`].
    pub packets: Vec<u64>,
    /// Hellos that matched, by host.
    pub hellos: BTreeMap<HostPattern, u64>,
}

impl Program {
    /// Loads the committed object.
    ///
    /// # Errors
    /// [`LoadError`]: no rights, no BPF in this kernel, or a verifier that says no.
    pub fn load(tables: Tables, log: XdpLog) -> Result<Self, LoadError> {
        Self::load_object(OBJECT, tables, log)
    }

    /// Loads another object of the same program: what a different toolchain made of the sources.
    ///
    /// # Errors
    /// As [`Program::load`].
    pub fn load_object(object: &[u8], tables: Tables, log: XdpLog) -> Result<Self, LoadError> {
        let level = match log {
            XdpLog::Off => 0,
            XdpLog::Debug => aya_log::Level::Debug as u8,
        };
        let mut ebpf = EbpfLoader::new()
            .override_global(aya_log::LEVEL, &level, true)
            .map_max_entries(map::FLOWS, tables.flows)
            .map_max_entries(map::SYN_TATS, tables.sources)
            .map_max_entries(map::HELLO_TATS, tables.sources)
            .load(object)?;
        if log == XdpLog::Debug {
            forward_log(&mut ebpf);
        }
        xdp(&mut ebpf)?.load()?;
        Ok(Self { ebpf, secret: draw_secret()?, slots: Slots::default() })
    }

    /// Writes limits, protected ports and hosts. Packets see each change as it is made; a host that stays is never
    /// missing in between.
    ///
    /// # Errors
    /// When the kernel refuses an update.
    pub fn configure<'a>(
        &mut self,
        config: &config::Xdp,
        listeners: &[SocketAddr],
        hosts: impl Iterator<Item = &'a HostPattern>,
    ) -> Result<(), MapError> {
        self.write_hosts(hosts)?;
        let settings = Settings {
            secret: self.secret,
            syn_per_source: config.limit.syn_per_source,
            hello_per_source: config.limit.hello_per_source,
            hello_per_host: config.limit.hello_per_host,
            unknown_sni: config.unknown_sni as u32,
            configured: 1,
        };
        self.array::<Settings>(map::SETTINGS)?.set(0, settings, 0)?;
        self.write_ports(listeners)
    }

    /// The program itself, for `BPF_PROG_TEST_RUN`.
    ///
    /// # Errors
    /// When the object has no such program.
    pub fn xdp(&mut self) -> Result<&mut Xdp, LoadError> {
        xdp(&mut self.ebpf)
    }

    /// What has been counted since the program was loaded.
    ///
    /// # Errors
    /// When the kernel refuses to tell.
    pub fn counters(&self) -> Result<Counters, MapError> {
        let packets = self.per_cpu(map::COUNTERS)?;
        let hellos = self.per_cpu(map::HOST_HELLOS)?;
        Ok(Counters {
            packets: (0..Verdict::COUNT).map(|index| sum(&packets, index)).collect::<Result<_, _>>()?,
            hellos: self
                .slots
                .iter()
                .map(|(host, slot)| Ok((host.clone(), sum(&hellos, slot)?)))
                .collect::<Result<_, MapError>>()?,
        })
    }

    pub(super) fn attach(&mut self, interface: &str, mode: Mode) -> Result<Attached, AttachError> {
        let program = xdp(&mut self.ebpf).map_err(|error| AttachError::Other {
            interface: interface.to_owned(),
            error: error.to_string(),
        })?;
        attach::attach(program, interface, mode)
    }

    pub(super) fn detach(&mut self, attached: Attached) {
        // A link that was severed with its interface is gone already.
        if let Ok(program) = xdp(&mut self.ebpf) {
            let _ = program.detach(attached.link);
        }
    }

    fn write_hosts<'a>(&mut self, served: impl Iterator<Item = &'a HostPattern>) -> Result<(), MapError> {
        let changes = self.slots.update(served);
        let secret = self.secret;
        let cpus = aya::util::nr_cpus().map_err(|(_, error)| MapError::IoError(error))?;
        for host in &changes.removed {
            self.hosts()?.remove(&host.xdp_key(secret))?;
        }
        for (host, slot) in changes.added {
            let zeros = PerCpuValues::try_from(vec![0u64; cpus]).map_err(MapError::IoError)?;
            let map = self.ebpf.map_mut(map::HOST_HELLOS).ok_or(missing(map::HOST_HELLOS))?;
            PerCpuArray::<_, u64>::try_from(map)?.set(slot, zeros, 0)?;
            self.array::<u64>(map::HOST_TATS)?.set(slot, 0, 0)?;
            self.hosts()?.insert(host.xdp_key(secret), slot, 0)?;
        }
        Ok(())
    }

    fn write_ports(&mut self, listeners: &[SocketAddr]) -> Result<(), MapError> {
        let mut ports = self.array::<u64>(map::PORTS)?;
        let mut words: BTreeMap<u32, u64> = (0..PORT_WORDS).map(|word| (word, 0)).collect();
        for listener in listeners {
            let port = listener.port();
            *words.entry((port / PORTS_PER_WORD).into()).or_default() |= 1 << (port % PORTS_PER_WORD);
        }
        for (index, word) in words {
            if ports.get(&index, 0)? != word {
                ports.set(index, word, 0)?;
            }
        }
        Ok(())
    }

    fn hosts(&mut self) -> Result<HashMap<&mut MapData, HostKey, u32>, MapError> {
        HashMap::try_from(self.ebpf.map_mut(map::HOSTS).ok_or(missing(map::HOSTS))?)
    }

    fn array<T: aya::Pod>(&mut self, name: &str) -> Result<Array<&mut MapData, T>, MapError> {
        Array::try_from(self.ebpf.map_mut(name).ok_or(missing(name))?)
    }

    fn per_cpu(&self, name: &str) -> Result<PerCpuArray<&MapData, u64>, MapError> {
        PerCpuArray::try_from(self.ebpf.map(name).ok_or(missing(name))?)
    }
}

impl Counters {
    /// The packets that got `verdict`.
    pub fn packets(&self, verdict: Verdict) -> u64 {
        self.packets.get(verdict as usize).copied().unwrap_or(0)
    }

    /// Adds what came since `before`. A count that went down is a slot that was given to a new host.
    pub(super) fn since(&self, before: &Self, metrics: &Metrics) {
        for verdict in Verdict::ALL {
            let labels = [verdict.action().label(), verdict.reason()];
            let new = self.packets(verdict).saturating_sub(before.packets(verdict));
            metrics.xdp_packets.with_label_values(&labels).inc_by(new);
        }
        for (host, count) in &self.hellos {
            let known = before.hellos.get(host).copied().unwrap_or(0);
            let label = host.to_string();
            metrics.xdp_hellos.with_label_values(&[label.as_str()]).inc_by(count.saturating_sub(known));
        }
    }
}

fn xdp(ebpf: &mut Ebpf) -> Result<&mut Xdp, LoadError> {
    let program = ebpf.program_mut(abi::PROGRAM).ok_or(LoadError::Incomplete(abi::PROGRAM))?;
    Ok(program.try_into()?)
}

/// Forwards the program's own log lines to ours, ten times a second: it is for looking at a quiet machine.
fn forward_log(ebpf: &mut Ebpf) {
    match EbpfLogger::init(ebpf) {
        Err(error) => tracing::warn!(%error, "the XDP program's log cannot be read"),
        Ok(mut logger) => drop(tokio::spawn(async move {
            let mut interval = tokio::time::interval(Duration::from_millis(100));
            loop {
                interval.tick().await;
                logger.flush();
            }
        })),
    }
}

/// The key of the name hash.
fn draw_secret() -> Result<Secret, LoadError> {
    let mut bytes = [[0; 8]; 2];
    for half in &mut bytes {
        aws_lc_rs::rand::fill(half).map_err(|_| LoadError::Random)?;
    }
    Ok(bytes.map(u64::from_ne_bytes))
}

fn missing(name: &str) -> MapError {
    MapError::IoError(std::io::Error::new(
        std::io::ErrorKind::NotFound,
        format!("the XDP object has no map {name}"),
    ))
}

fn sum(map: &PerCpuArray<&MapData, u64>, index: u32) -> Result<u64, MapError> {
    Ok(map.get(&index, 0)?.iter().sum())
}
