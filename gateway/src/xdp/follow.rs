//! Steering, listening sockets and served prefixes follow configuration, interfaces and listeners. Each is optional: what
//! cannot be had says so, and the rest goes on.

use super::ethtool::strips_vlan_tags;
use super::feature::{self, lacking};
use super::sockets::Sockets;
use super::steer::{Flows, HostCpus};
use super::{DataPlane, Listening, Part, parts};
use crate::snapshot::Snapshot;

impl DataPlane {
    /// Steers as `snapshot` says, or not at all where that would lose packets.
    pub(super) fn follow_steering(&mut self, snapshot: &Snapshot) {
        let hosts = host_cpus(snapshot);
        let mut all = snapshot.xdp.steer_cpus.value.as_slice();
        let mut why = self.cannot_steer().filter(|_| !all.is_empty());
        if why.is_some() {
            all = &[];
        }
        let wanted = (all.to_vec(), if all.is_empty() { HostCpus::new() } else { hosts.clone() });
        if self.steered.as_ref() != Some(&wanted)
            && let Some(program) = &mut self.program
        {
            match program.steer(&wanted.0, &wanted.1) {
                Ok(()) => self.steered = Some(wanted),
                Err(error) => {
                    self.steered = None;
                    why = Some(format!("the kernel refuses: {error}"));
                }
            }
        }
        if let Some(why) = &why
            && self.tried.steering.as_ref() != Some(why)
        {
            tracing::warn!(%why, "packets are not steered");
        }
        self.tried.steering = why;
    }

    fn cannot_steer(&self) -> Option<String> {
        if self.program.is_none() {
            return Some("the XDP program is not loaded".to_owned());
        }
        if let Some(why) = lacking(&self.features, "steering") {
            return Some(why);
        }
        let attached: Vec<_> = self
            .interfaces
            .iter()
            .filter_map(|interface| Some((interface.name.as_str(), interface.state.as_ref().ok()?.mode)))
            .collect();
        if attached.is_empty() {
            return Some("the program is attached nowhere".to_owned());
        }
        // There no connection came about over a CPU map (Linux 6.18, veth).
        if let Some((name, _)) = attached.iter().find(|(_, mode)| *mode != "native") {
            return Some(format!(
                "the program is on {name} in generic mode, which cannot hand packets to CPUs"
            ));
        }
        let (name, _) = attached.iter().find(|(name, _)| strips_vlan_tags(name).unwrap_or(false))?;
        Some(format!(
            "{name} takes VLAN tags out of frames, which would be lost on the way: `ethtool -K {name} rxvlan off`"
        ))
    }

    /// Tells the programs in the kernel of the listeners in force, of which `cpus` has the CPU of each worker, and serves the
    /// prefixes of `snapshot` with them. The log has what the optional parts do now, as far as that is new.
    pub fn follow_listeners(
        &mut self,
        snapshot: &Snapshot,
        listeners: &[Listening<'_>],
        cpus: &[Option<u32>],
    ) {
        self.tell_listeners(snapshot, listeners, cpus);
        let parts = self.parts(snapshot);
        for Part { part, on, says } in parts.iter().filter(|part| !self.logged.contains(part)) {
            tracing::info!(part, on, says, "XDP");
        }
        self.logged = parts;
    }

    /// The optional parts as they are.
    pub(super) fn parts(&self, snapshot: &Snapshot) -> Vec<Part> {
        parts::parts(&snapshot.xdp, &host_cpus(snapshot), &self.tried, &self.features)
    }

    fn tell_listeners(&mut self, snapshot: &Snapshot, listeners: &[Listening<'_>], cpus: &[Option<u32>]) {
        let config = &snapshot.xdp;
        let is_steered = cpus.iter().any(Option::is_some);
        self.has_sockets = true;
        (self.tried.reuseport, self.tried.sk_lookup) = (None, None);
        if !is_steered {
            Sockets::leave(listeners);
        }
        // A gateway before this one may have a program that goes on choosing, until ours can be loaded.
        let Some(program) = &mut self.program else { return };
        let written = if is_steered || !config.serve.is_empty() {
            program.write_sockets(listeners, cpus)
        } else {
            Ok(())
        };
        if let Err(error) = written {
            let error = error.to_string();
            tracing::error!(%error, "listening sockets are not chosen by CPU, and no prefixes are served");
            (self.tried.reuseport, self.tried.sk_lookup) = (Some(Err(error.clone())), Some(Err(error)));
            return;
        }
        if is_steered && lacking(&self.features, "reuseport").is_none() {
            let chosen = program.choose_sockets(listeners).map_err(|error| error.to_string());
            if let Err(error) = &chosen {
                tracing::error!(%error, "listening sockets are not chosen by CPU");
            }
            self.tried.reuseport = Some(chosen);
        }
        if config.serve.is_empty() || lacking(&self.features, "sk_lookup").is_none() {
            let served = program.serve(&config.serve, listeners).map_err(|error| error.to_string());
            if let Err(error) = &served {
                tracing::error!(%error, "the prefixes in xdp.serve are not served");
            }
            self.tried.sk_lookup = Some(served);
        }
    }

    /// Whether the program in the kernel does not know the listeners: it was loaded since they were told to it.
    pub fn wants_listeners(&self) -> bool {
        !self.has_sockets
    }

    /// A way to have packets of a connection go to another CPU. None where nothing is steered.
    pub fn flows(&mut self) -> Option<Flows> {
        let is_steered = self.steered.as_ref().is_some_and(|(all, _)| !all.is_empty());
        let program = self.program.as_mut().filter(|_| is_steered)?;
        match program.flows() {
            Ok(flows) => Some(flows),
            Err(error) => {
                tracing::warn!(%error, "packets do not follow connections to their hosts' CPUs");
                None
            }
        }
    }

    /// Finds out what the kernel has, once, and says in the log what it lacks.
    pub(super) fn probe(&mut self) {
        self.features = feature::probe();
        for feature in &self.features {
            match feature.available {
                Some(true) => {}
                Some(false) => tracing::warn!(
                    feature = feature.feature,
                    part = feature.part,
                    since = feature.linux,
                    "this kernel lacks something that XDP needs"
                ),
                None => {
                    tracing::debug!(feature = feature.feature, "nobody says whether this kernel has it");
                }
            }
        }
    }
}

/// CPUs of each host that has its own.
pub(super) fn host_cpus(snapshot: &Snapshot) -> HostCpus {
    let own = snapshot.hosts().filter(|host| !host.cpus.is_empty());
    own.map(|host| (host.pattern.clone(), host.cpus.clone())).collect()
}
