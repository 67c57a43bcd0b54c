//! The XDP side: loading, attaching, keeping the maps in step with the snapshot, reading counters.

mod attach;
mod bans;
mod cookies;
mod counters;
mod ethtool;
mod events;
mod feature;
mod follow;
mod lists;
mod maps;
mod netdev;
mod overview;
mod parts;
mod pin;
mod program;
mod saved;
mod serve;
mod slots;
mod sockets;
mod steer;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use aya::maps::MapError;
use serde::Serialize;

pub use attach::{AttachError, Attached, interface_index};
pub use bans::{BanError, Banned, Cause, Enforcer, Subject, in_order};
pub use cookies::Cookies;
pub use counters::Counters;
pub use ethtool::strips_vlan_tags;
pub use feature::{Feature, probe};
pub use netdev::takes_native;
pub use overview::{CookieStatus, Fill, Overview, Packets, Steered};
pub use parts::Part;
pub use pin::{PinError, detach};
pub use program::{LoadError, Program};
pub use sockets::Listening;
pub use steer::{Flows, HostCpus};

use crate::config::{Mode, Problem, Spanned, Xdp};
use crate::snapshot::Snapshot;
use crate::telemetry::Metrics;
use follow::host_cpus;
use parts::Tried;

/// The XDP program on its interfaces, or the reasons why it is not there.
#[derive(Default)]
pub struct DataPlane {
    program: Option<Program>,
    mode: Mode,
    interfaces: Vec<Interface>,
    load_error: Option<String>,
    /// What is to be protected once another gateway has let go of the pins.
    awaited: Option<Vec<SocketAddr>>,
    cookies: Cookies,
    reported: Counters,
    features: Vec<Feature>,
    /// The CPUs that the program steers to, and those of hosts, as far as it has been told.
    steered: Option<(Vec<u32>, HostCpus)>,
    /// Whether the program knows the listeners.
    has_sockets: bool,
    tried: Tried,
    /// What the log has of the optional parts.
    logged: Vec<Part>,
    /// Packets by CPU, as far as they were counted.
    reported_steered: BTreeMap<u32, u64>,
}

/// An interface that the configuration names.
struct Interface {
    name: String,
    state: Result<Attached, AttachError>,
}

/// The state of one interface, for people and scripts.
#[derive(Debug, Serialize)]
pub struct InterfaceStatus {
    /// Its name.
    pub interface: String,
    /// `native` or `generic` where the program is attached.
    pub mode: Option<&'static str>,
    /// Why it is not attached.
    pub error: Option<String>,
}

impl DataPlane {
    /// Loads the program and attaches it where `snapshot` says. What fails is logged and shows in
    /// [`DataPlane::errors`]; whether that is bearable is the caller's to say.
    pub fn start(snapshot: &Snapshot, listeners: &[SocketAddr]) -> Self {
        let plane = Self::begin(snapshot, listeners);
        if let Some(error) = &plane.load_error {
            tracing::error!(%error, "XDP is off; limits are enforced in userspace, as far as it can");
        }
        plane
    }

    fn begin(snapshot: &Snapshot, listeners: &[SocketAddr]) -> Self {
        let mut plane = Self { mode: snapshot.xdp.mode, ..Self::default() };
        if !snapshot.xdp.is_off() {
            plane.probe();
        }
        if let Err(error) = plane.load(snapshot, listeners) {
            plane.load_error = Some(error.to_string());
            let is_taken = matches!(error, LoadError::Pin(PinError::Taken(_)));
            plane.awaited = is_taken.then(|| listeners.to_vec());
        }
        if let Some(program) = &mut plane.program {
            program.detach_others(&snapshot.xdp.interfaces);
            if let Err(error) = program.resume_steering(&snapshot.xdp.steer_cpus.value, &host_cpus(snapshot))
            {
                tracing::warn!(%error, "packets may change their CPU while this gateway takes over");
            }
            for Spanned { value: name, .. } in &snapshot.xdp.interfaces {
                let state = program.attach(name, plane.mode);
                announce(name, &state);
                plane.interfaces.push(Interface { name: name.clone(), state });
            }
        }
        plane.follow_steering(snapshot);
        plane
    }

    /// Brings maps and attachments in step with `snapshot`: all of it or, with an error, nothing.
    ///
    /// # Errors
    /// A problem for each interface that cannot have the program, or one for the program itself.
    pub fn apply(&mut self, snapshot: &Snapshot, listeners: &[SocketAddr]) -> Result<(), Vec<Problem>> {
        let failed = |error: LoadError| Problem::error(error.to_string());
        // A program that is there already keeps its maps until every interface has said yes.
        let was_loaded = self.program.is_some();
        if !was_loaded {
            self.load(snapshot, listeners).map_err(|error| vec![failed(error)])?;
        }
        let Some(program) = &mut self.program else { return Ok(()) };
        let wanted = &snapshot.xdp.interfaces;
        let (mut attached, mut problems) = (Vec::new(), Vec::new());
        for name in wanted.iter().filter(|name| !self.interfaces.iter().any(|known| known.name == name.value))
        {
            match program.attach(&name.value, self.mode) {
                Ok(new) => attached.push(Interface { name: name.value.clone(), state: Ok(new) }),
                Err(error) => problems.push(Problem::error(error.to_string()).at(name.span)),
            }
        }
        if was_loaded && problems.is_empty() {
            problems.extend(self.load(snapshot, listeners).map_err(failed).err());
        }
        if problems.is_empty() {
            self.interfaces.extend(attached);
            let (kept, gone) = std::mem::take(&mut self.interfaces)
                .into_iter()
                .partition(|interface| wanted.iter().any(|name| name.value == interface.name));
            self.interfaces = kept;
            attached = gone;
        }
        if let Some(program) = &mut self.program {
            for Interface { name, state } in attached {
                if let Ok(severed) = state {
                    program.detach(&name, severed);
                }
            }
        }
        if problems.is_empty() {
            self.follow_steering(snapshot);
            Ok(())
        } else {
            Err(problems)
        }
    }

    /// Loads the program if it is wanted and not there yet, and writes its maps. They come before any attachment: an
    /// interface never gets a program that is not configured.
    fn load(&mut self, snapshot: &Snapshot, listeners: &[SocketAddr]) -> Result<(), LoadError> {
        let config = &snapshot.xdp;
        if self.program.is_none() && config.is_off() {
            return Ok(());
        }
        let program = match &mut self.program {
            Some(program) => program,
            empty => empty.insert(match &config.pin_dir {
                None => Program::load(config.table, config.log)?,
                Some(pins) => Program::load_pinned(config.table, config.log, pins)?,
            }),
        };
        program.configure(config, listeners, snapshot.hosts().map(|host| &host.pattern))?;
        self.settle_cookies(config);
        (self.load_error, self.awaited) = (None, None);
        // Hosts may have got other slots.
        self.steered = None;
        Ok(())
    }

    /// Has those give SYN cookies whose cookies the stack takes.
    fn settle_cookies(&mut self, config: &Xdp) {
        let Some(program) = &mut self.program else { return };
        let cookies = Cookies::now(config.syn_cookies, program.makes_cookies());
        if let Err(error) = program.give_cookies(cookies.by) {
            tracing::warn!(%error, "cannot tell XDP whether to give SYN cookies");
            return;
        }
        if let Some(problem) = cookies.problem.as_ref().filter(|_| cookies != self.cookies) {
            tracing::warn!(%problem, "SYN cookies");
        }
        self.cookies = cookies;
    }

    /// Logs what the program tells, looks whether every interface still has it, and attaches it again where it was lost: an interface that
    /// was re-created comes without it. Pins that another gateway had are taken when it has let go of them. Whether the stack takes
    /// XDP's SYN cookies is looked at as well.
    pub fn heal(&mut self, snapshot: &Snapshot) {
        if let Some(listeners) = self.awaited.take() {
            *self = Self::begin(snapshot, &listeners);
        }
        self.settle_cookies(&snapshot.xdp);
        let Some(program) = &mut self.program else { return };
        program.log_events();
        for interface in &mut self.interfaces {
            let index = interface_index(&interface.name);
            let lost = match &interface.state {
                Ok(attached) => index != Some(attached.index),
                Err(_) => index.is_some(),
            };
            if lost {
                let state = program.attach(&interface.name, self.mode);
                let news = state.as_ref().err() != interface.state.as_ref().err();
                if let Ok(severed) = std::mem::replace(&mut interface.state, state) {
                    program.forget(severed);
                }
                if news {
                    announce(&interface.name, &interface.state);
                }
            }
        }
        self.follow_steering(snapshot);
    }

    /// Whether the program is on every interface that should have it, and there is one.
    pub fn is_enforcing(&self) -> bool {
        !self.interfaces.is_empty() && self.interfaces.iter().all(|interface| interface.state.is_ok())
    }

    /// Why the program is not where it should be, for `xdp.required` and readiness.
    pub fn errors(&self) -> Vec<String> {
        let states = self.interfaces.iter().filter_map(|interface| interface.state.as_ref().err());
        self.load_error.iter().cloned().chain(states.map(ToString::to_string)).collect()
    }

    /// Whether nothing is wrong but that another program is where this one should be: once it is gone,
    /// [`DataPlane::heal`] attaches this one.
    pub fn is_only_taken(&self) -> bool {
        let mut states = self.interfaces.iter().filter_map(|interface| interface.state.as_ref().err());
        (self.load_error.is_none() || self.awaited.is_some())
            && states.all(|error| matches!(error, AttachError::Busy(_)))
    }

    /// The state of each interface.
    pub fn status(&self) -> Vec<InterfaceStatus> {
        self.interfaces
            .iter()
            .map(|interface| InterfaceStatus {
                interface: interface.name.clone(),
                mode: interface.state.as_ref().ok().map(|attached| attached.mode),
                error: interface.state.as_ref().err().map(ToString::to_string),
            })
            .collect()
    }

    /// Everything about the XDP side, as `snapshot` wants it.
    ///
    /// # Errors
    /// When the kernel refuses to tell.
    pub fn overview(&mut self, snapshot: &Snapshot) -> Result<Overview, MapError> {
        let parts = self.parts(snapshot);
        let overview = Overview {
            interfaces: self.status(),
            errors: self.errors(),
            parts,
            features: self.features.clone(),
            ..Overview::default()
        };
        let Some(program) = &mut self.program else { return Ok(overview) };
        let packets = overview::packets(&program.counters()?);
        let cookies = Some(self.cookies.clone().into());
        let steered = overview::steered(&program.steered()?);
        let (bans, tables) = (program.bans()?, program.tables()?);
        Ok(Overview { cookies, packets, bans, tables, steered, ..overview })
    }

    /// Bans a source for a time, on evidence or because an operator says so.
    ///
    /// # Errors
    /// There is no program, no such host, or the kernel refuses.
    pub fn ban(&mut self, subject: &Subject, time: Duration, cause: Cause) -> Result<(), BanError> {
        self.program.as_mut().ok_or(BanError::Off)?.ban(subject, time, cause)
    }

    /// Takes a ban back. False when there was none.
    ///
    /// # Errors
    /// As [`DataPlane::ban`].
    pub fn unban(&mut self, subject: &Subject) -> Result<bool, BanError> {
        self.program.as_mut().ok_or(BanError::Off)?.unban(subject)
    }

    /// The bans in force.
    ///
    /// # Errors
    /// There is no program, or the kernel refuses.
    pub fn bans(&mut self) -> Result<Vec<Banned>, BanError> {
        Ok(self.program.as_mut().ok_or(BanError::Off)?.bans()?)
    }

    /// Remembers how many distinct verified devices were seen at sources.
    pub fn remember_verified(&mut self, sources: impl Iterator<Item = (IpAddr, u64)>) {
        let Some(program) = &mut self.program else { return };
        for (source, devices) in sources {
            if let Err(error) = program.remember_verified(source, devices) {
                tracing::warn!(%error, "cannot tell XDP of a verified source");
                return;
            }
        }
    }

    /// Adds what the kernel has counted since the last time.
    pub fn report(&mut self, metrics: &Metrics) {
        metrics.xdp_healthy.set(i64::from(self.errors().is_empty()));
        metrics.xdp_attached.reset();
        for status in self.status() {
            for mode in ["native", "generic"] {
                let attached = metrics.xdp_attached.with_label_values(&[status.interface.as_str(), mode]);
                attached.set(i64::from(status.mode == Some(mode)));
            }
        }
        let Some(program) = &self.program else { return };
        match program.counters() {
            Ok(counters) => {
                counters.since(&self.reported, metrics);
                self.reported = counters;
            }
            Err(error) => tracing::warn!(%error, "cannot read the XDP counters"),
        }
        for (cpu, packets) in program.steered().into_iter().flatten() {
            let before = self.reported_steered.insert(cpu, packets).unwrap_or(0);
            let counter = metrics.xdp_steered.with_label_values(&[cpu.to_string()]);
            counter.inc_by(packets.saturating_sub(before));
        }
    }
}

fn announce(interface: &str, state: &Result<Attached, AttachError>) {
    match state {
        Ok(attached) => tracing::info!(interface, mode = attached.mode, "XDP attached"),
        Err(error) => {
            tracing::error!(interface, %error, "XDP not attached; limits are enforced in userspace, as far as it can");
        }
    }
}

/// What is wrong with the interfaces that a configuration names, before anything is touched.
pub fn missing_interfaces(config: &Xdp) -> impl Iterator<Item = &Spanned<String>> {
    let wanted = if config.mode == Mode::Off { &[][..] } else { &config.interfaces[..] };
    wanted.iter().filter(|interface| interface_index(&interface.value).is_none())
}
