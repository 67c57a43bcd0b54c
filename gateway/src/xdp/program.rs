//! The loaded program and its maps.

mod configure;
mod restore;
mod steer;

use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use aya::maps::MapError;
use aya::programs::{ProgramError, Xdp};
use aya::{Ebpf, EbpfError, EbpfLoader};
use aya_log::EbpfLogger;
use fleetgate_ebpf::OBJECT;
use fleetgate_ebpf::abi::{self, Address, Settings, Source, has, limit_key, map};
use fleetgate_ebpf::gcra::Rate;
use fleetgate_ebpf::name::HostKey;
use fleetgate_ebpf::siphash::Secret;

use super::attach::{self, AttachError, Attached};
use super::bans::{self, BanError, Banned, Cause, Subject};
use super::counters::Counters;
use super::overview::{self, Fill};
use super::pin::{Folder, PinError};
use super::saved::{HostBan, Saved};
use super::slots::Slots;
use super::sockets::{Sockets, stride};
use super::steer::Steering;
use super::{events, lists, maps};
use crate::config::{Mode, SynCookies, Tables, XdpLog};

/// The XDP program in the kernel. Dropping it detaches it.
pub struct Program {
    /// What stays when the gateway goes.
    pins: Option<Folder>,
    ebpf: Ebpf,
    /// Whether the kernel has what XDP's own SYN cookies need.
    makes_cookies: bool,
    /// Those in force.
    settings: Settings,
    slots: Slots,
    /// Hosts of a gateway before this one, until the first configuration.
    inherited: Vec<(HostKey, u32)>,
    /// Bans from hosts that were saved from other maps, until the first configuration.
    host_bans: Vec<HostBan>,
    ports: lists::Ports,
    steering: Steering,
    sockets: Sockets,
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
    /// The folder of pins.
    #[error(transparent)]
    Pin(#[from] PinError),
    /// There is no randomness to be had.
    #[error("the system's random source failed")]
    Random,
}

impl Program {
    /// Loads the committed object.
    ///
    /// # Errors
    /// [`LoadError`]: no rights, no BPF in this kernel, or a verifier that says no.
    pub fn load(tables: Tables, log: XdpLog) -> Result<Self, LoadError> {
        Self::load_object(OBJECT, tables, log, None)
    }

    /// The same, with maps and links that are kept in a folder and taken over from it.
    ///
    /// # Errors
    /// [`LoadError`], with those of the folder.
    pub fn load_pinned(tables: Tables, log: XdpLog, pins: &Path) -> Result<Self, LoadError> {
        Self::load_object(OBJECT, tables, log, Some(pins))
    }

    /// Loads another object of the same program: what a different toolchain made of the sources.
    ///
    /// # Errors
    /// As [`Program::load`].
    pub fn load_object(
        object: &[u8],
        tables: Tables,
        log: XdpLog,
        pins: Option<&Path>,
    ) -> Result<Self, LoadError> {
        let opened = pins.map(|path| Folder::open(path, object, tables)).transpose()?;
        let (pins, saved) = opened.map_or((None, Saved::default()), |(folder, saved)| (Some(folder), saved));
        let was_there = pins.as_ref().is_some_and(Folder::has_maps);
        let load = |cookies| open(object, tables, log, pins.as_ref(), cookies);
        // The second time without what an older kernel lacks; if that is not it, the first error says more.
        let (ebpf, makes_cookies) = match load(true) {
            Ok(ebpf) => (ebpf, true),
            Err(error) => (load(false).map_err(|_| error)?, false),
        };
        let mut program = Self {
            pins,
            ebpf,
            makes_cookies,
            settings: unconfigured(draw_secret()?),
            slots: Slots::default(),
            inherited: Vec::new(),
            host_bans: saved.host_bans,
            ports: lists::Ports::new(),
            steering: Steering::default(),
            sockets: Sockets::default(),
        };
        if was_there {
            program.restore()?;
        }
        program.restore_bans(saved.bans)?;
        Ok(program)
    }

    /// Bans a source for a time. Its flows are forgotten, so that what it has open meets the ban as well.
    ///
    /// # Errors
    /// No such host, or the kernel refuses.
    pub fn ban(&mut self, subject: &Subject, time: Duration, cause: Cause) -> Result<(), BanError> {
        bans::add(&mut self.ebpf, &self.slots, subject, time, cause)?;
        let bit = if subject.host.is_none() { has::BANS } else { has::HOST_BANS };
        if self.settings.has & bit == 0 {
            self.write_settings(|settings| settings.has |= bit)?;
        }
        if subject.host.is_none() {
            let banned = limit_key(&subject.source.into());
            self.forget_flows(|source| limit_key(&source.into()) == banned)?;
        }
        Ok(())
    }

    /// Takes a ban back. False when there was none.
    ///
    /// # Errors
    /// No such host, or the kernel refuses.
    pub fn unban(&mut self, subject: &Subject) -> Result<bool, BanError> {
        bans::remove(&mut self.ebpf, &self.slots, subject)
    }

    /// The bans in force.
    ///
    /// # Errors
    /// When the kernel refuses to tell.
    pub fn bans(&mut self) -> Result<Vec<Banned>, MapError> {
        bans::list(&mut self.ebpf, &self.slots)
    }

    /// Remembers that so many distinct verified devices were seen at a source.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn remember_verified(&mut self, source: IpAddr, devices: u64) -> Result<(), MapError> {
        let key = limit_key(&source.into());
        let mut map = maps::hash::<Address, Source>(&mut self.ebpf, map::VERIFIED)?;
        let known = map.get(&key, 0).unwrap_or_default();
        map.insert(key, Source { devices, ..known }, 0)?;
        if self.settings.has & has::VERIFIED == 0 {
            self.write_settings(|settings| settings.has |= has::VERIFIED)?;
        }
        Ok(())
    }

    /// Whether the kernel has what XDP's own SYN cookies need.
    pub(super) const fn makes_cookies(&self) -> bool {
        self.makes_cookies
    }

    /// Has XDP give SYN cookies beyond the flood brake, or not.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn give_cookies(&mut self, by: SynCookies) -> Result<(), MapError> {
        let wanted = if by == SynCookies::Xdp { has::COOKIES } else { 0 };
        if self.settings.has & has::COOKIES == wanted {
            return Ok(());
        }
        self.write_settings(|settings| settings.has = settings.has & !has::COOKIES | wanted)
    }

    /// Logs what the program has told since the last time.
    pub(super) fn log_events(&mut self) {
        events::log(&mut self.ebpf);
    }

    /// Bytes of kernel memory that the maps take, by the kernel's own account.
    ///
    /// # Errors
    /// When the kernel refuses to tell.
    pub fn memory(&self) -> Result<u64, MapError> {
        maps::memory(&self.ebpf)
    }

    /// How full the tables are.
    ///
    /// # Errors
    /// When the kernel refuses to tell.
    pub fn tables(&self) -> Result<Vec<Fill>, MapError> {
        overview::tables(&self.ebpf)
    }

    /// The program itself, for `BPF_PROG_TEST_RUN`.
    ///
    /// # Errors
    /// When the object has no such program.
    pub fn xdp(&mut self) -> Result<&mut Xdp, LoadError> {
        xdp(&mut self.ebpf)
    }

    /// The program that passes everything, loaded: what the other one is measured beside.
    ///
    /// # Errors
    /// When the object has no such program, or the kernel does not load it.
    pub fn bare(&mut self) -> Result<&mut Xdp, LoadError> {
        let program = self.ebpf.program_mut(abi::BARE).ok_or(LoadError::Incomplete(abi::BARE))?;
        let program: &mut Xdp = program.try_into()?;
        if program.fd().is_err() {
            program.load()?;
        }
        Ok(program)
    }

    /// What has been counted since the maps were created.
    ///
    /// # Errors
    /// When the kernel refuses to tell.
    pub fn counters(&self) -> Result<Counters, MapError> {
        Counters::read(&self.ebpf, &self.slots)
    }

    pub(super) fn attach(&mut self, interface: &str, mode: Mode) -> Result<Attached, AttachError> {
        let program = xdp(&mut self.ebpf).map_err(|error| AttachError::Other {
            interface: interface.to_owned(),
            error: error.to_string(),
        })?;
        attach::attach(program, interface, mode, self.pins.as_ref())
    }

    pub(super) fn detach(&mut self, interface: &str, attached: Attached) {
        if let Some(pins) = &self.pins {
            pins.forget_link(interface);
        }
        self.forget(attached);
    }

    /// Gives up a link. A pinned one stays.
    pub(super) fn forget(&mut self, attached: Attached) {
        // A link that was severed with its interface is gone already.
        if let Ok(program) = xdp(&mut self.ebpf) {
            let _ = program.detach(attached.link);
        }
    }
}

/// Creates the maps, or takes those that are pinned, and loads the program; with or without SYN cookies of its own.
fn open(
    object: &[u8],
    tables: Tables,
    log: XdpLog,
    pins: Option<&Folder>,
    cookies: bool,
) -> Result<Ebpf, LoadError> {
    let level = match log {
        XdpLog::Off => 0,
        XdpLog::Debug => aya_log::Level::Debug as u8,
    };
    let cookies = u8::from(cookies);
    let mut loader = EbpfLoader::new();
    if let Some(pins) = pins {
        pins.pin_maps(&mut loader)?;
    }
    let stride = stride()?;
    let mut ebpf = loader
        .map_max_entries(map::CPUS, stride - 1)
        .map_max_entries(map::STEERED, stride - 1)
        .map_max_entries(map::SOCKETS, abi::MAX_LISTENERS * stride)
        .override_global(aya_log::LEVEL, &level, true)
        .override_global(abi::MAKES_COOKIES, &cookies, true)
        .map_max_entries(map::FLOWS, tables.flows)
        .map_max_entries(map::SOURCES, tables.sources)
        .map_max_entries(map::VERIFIED, tables.verified)
        .map_max_entries(map::BANS, tables.bans)
        .map_max_entries(map::HOST_BANS, tables.bans)
        .map_max_entries(map::PREFIXES_V4, tables.prefixes)
        .map_max_entries(map::PREFIXES_V6, tables.prefixes)
        .load(object)?;
    xdp(&mut ebpf)?.load()?;
    if log == XdpLog::Debug {
        forward_log(&mut ebpf);
    }
    Ok(ebpf)
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

/// Settings that are not in force yet.
const fn unconfigured(secret: Secret) -> Settings {
    Settings {
        secret,
        syn_per_source: Rate::UNLIMITED,
        syn_total: Rate::UNLIMITED,
        hello_per_source: Rate::UNLIMITED,
        hello_per_host: Rate::UNLIMITED,
        hello_total: Rate::UNLIMITED,
        incomplete_per_source: Rate::UNLIMITED,
        not_tls_per_source: Rate::UNLIMITED,
        new_flows: Rate::UNLIMITED,
        unknown_sni: 0,
        has: 0,
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
