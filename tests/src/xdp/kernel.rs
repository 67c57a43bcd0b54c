//! The program in the kernel, driven frame by frame.

use std::fmt::Debug;
use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;

use aya::programs::{TestRun as _, TestRunOptions, Xdp};
use fleetgate::config::{self, Limits, SynCookies, Tables, XdpLog};
use fleetgate::model::hostname::HostPattern;
use fleetgate::xdp::{Cause, Counters, Program, Subject};
use fleetgate_ebpf::abi::UnknownSni;
use fleetgate_ebpf::verdict::Verdict;
use nix::time::{ClockId, clock_gettime};

use crate::wait;

/// The loaded program.
pub struct Kernel {
    program: Program,
}

/// How the program is configured for a fixture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setup {
    /// Hosts that it knows.
    pub hosts: &'static [&'static str],
    /// Where its listeners are.
    pub listeners: &'static [&'static str],
    /// `xdp.protect`, `xdp.allow` and `xdp.deny`.
    pub protect: &'static [&'static str],
    /// Sources that no limit touches.
    pub allow: &'static [&'static str],
    /// Sources of which nothing gets through.
    pub deny: &'static [&'static str],
    /// Banned sources; behind a space, the host that they are banned from.
    pub bans: &'static [&'static str],
    /// For how long they are banned.
    pub ban_time: Duration,
    /// Sources with so many verified devices.
    pub verified: &'static [(&'static str, u64)],
    /// Its limits.
    pub limits: Limits,
    /// What it does with names that it does not know.
    pub unknown_sni: UnknownSni,
    /// Who gives SYN cookies.
    pub syn_cookies: SynCookies,
    /// Sizes of its tables.
    pub tables: Tables,
    /// `xdp.serve`
    pub serve: &'static [&'static str],
    /// `xdp.steer_cpus`
    pub steer_cpus: &'static [u32],
    /// Hosts with CPUs of their own.
    pub host_cpus: &'static [(&'static str, &'static [u32])],
}

/// The protected port.
pub const PORT: u16 = 8443;

impl Default for Setup {
    fn default() -> Self {
        Self {
            hosts: &["iot.example.com", "*.fleet.example.com"],
            listeners: &["[::]:8443"],
            protect: &[],
            allow: &[],
            deny: &[],
            bans: &[],
            ban_time: Duration::from_hours(1),
            verified: &[],
            limits: Limits::OFF,
            unknown_sni: UnknownSni::Pass,
            syn_cookies: SynCookies::Kernel,
            tables: Tables::default(),
            serve: &[],
            steer_cpus: &[],
            host_cpus: &[],
        }
    }
}

/// What became of a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ran {
    /// The XDP action: 1 is drop, 2 is pass.
    pub action: u32,
    /// The frame as the stack would see it.
    pub frame: Vec<u8>,
    /// Nanoseconds a run.
    pub nanoseconds: u128,
}

impl Kernel {
    /// Loads the committed object, or the one that `FLEETGATE_XDP_OBJECT` names, and configures it.
    pub fn new(setup: &Setup) -> Self {
        let program = match std::env::var_os("FLEETGATE_XDP_OBJECT") {
            None => Program::load(setup.tables, XdpLog::Off),
            Some(path) => {
                let object = std::fs::read(path).expect("read the object that FLEETGATE_XDP_OBJECT names");
                Program::load_object(&object, setup.tables, XdpLog::Off, None)
            }
        };
        let mut kernel = Self { program: program.expect("load the XDP program") };
        kernel.configure(setup);
        kernel
    }

    /// Applies another configuration, as a reload does.
    pub fn configure(&mut self, setup: &Setup) {
        let hosts: Vec<HostPattern> = parsed(setup.hosts);
        let config = config::Xdp {
            limit: setup.limits,
            unknown_sni: setup.unknown_sni,
            protect: parsed(setup.protect),
            allow: parsed(setup.allow),
            deny: parsed(setup.deny),
            serve: parsed(setup.serve),
            ..config::Xdp::default()
        };
        let listeners: Vec<SocketAddr> = parsed(setup.listeners);
        self.program.configure(&config, &listeners, hosts.iter()).expect("write the maps");
        self.program.give_cookies(setup.syn_cookies).expect("write the settings");
        let own = setup
            .host_cpus
            .iter()
            .map(|(host, cpus)| (host.parse().expect("a host"), cpus.to_vec()))
            .collect();
        self.program.steer(setup.steer_cpus, &own).expect("steer");
        for ban in setup.bans {
            self.program.ban(&subject(ban), setup.ban_time, Cause::Operator).expect("ban");
        }
        // The program's clock is that of the last tick.
        let ticks = || clock_gettime(ClockId::CLOCK_MONOTONIC_COARSE).expect("a clock");
        let banned = clock_gettime(ClockId::CLOCK_MONOTONIC).expect("a clock");
        if setup.ban_time.is_zero() {
            wait::until("a tick", || (ticks() > banned).then_some(()));
        }
        for (source, devices) in setup.verified {
            let source = source.parse().expect("an address");
            self.program.remember_verified(source, *devices).expect("remember a source");
        }
    }

    /// Forgets the flows of before, and what else a fixture without limits leaves.
    pub fn forget(&mut self) {
        self.configure(&Setup { deny: &["0.0.0.0/0", "::/0"], ..Setup::default() });
        self.configure(&Setup::default());
    }

    /// The program, for what is not a frame.
    pub const fn program(&mut self) -> &mut Program {
        &mut self.program
    }

    /// Runs the program on a frame, `repeat` times.
    pub fn run(&mut self, frame: &[u8], repeat: u32) -> Ran {
        run(self.program.xdp().expect("the program"), frame, repeat)
    }

    /// Runs the program that passes everything.
    pub fn run_bare(&mut self, frame: &[u8], repeat: u32) -> Ran {
        run(self.program.bare().expect("the bare program"), frame, repeat)
    }

    /// Runs a frame once and says which verdict it got: the one whose counter moved.
    pub fn verdict(&mut self, frame: &[u8]) -> (Verdict, Ran) {
        let before = self.counters();
        let ran = self.run(frame, 1);
        let after = self.counters();
        let moved: Vec<_> = Verdict::ALL
            .into_iter()
            .flat_map(|verdict| {
                let times = after.packets(verdict) - before.packets(verdict);
                std::iter::repeat_n(verdict, usize::try_from(times).expect("a few"))
            })
            .collect();
        let [verdict] = moved[..] else { panic!("one frame, one verdict; counted: {moved:?}") };
        (verdict, ran)
    }

    /// Runs a frame once and says which CPU it was steered to, if any: the one whose counter moved.
    pub fn steered(&mut self, frame: &[u8]) -> (Ran, Option<u32>) {
        let before = self.program.steered().expect("read the counters");
        let ran = self.run(frame, 1);
        let after = self.program.steered().expect("read the counters");
        let moved: Vec<_> = before.iter().zip(&after).filter(|(before, after)| before.1 != after.1).collect();
        match moved[..] {
            [] => (ran, None),
            [(_, (cpu, _))] => (ran, Some(*cpu)),
            _ => panic!("one frame, one CPU"),
        }
    }

    /// What has been counted.
    pub fn counters(&self) -> Counters {
        self.program.counters().expect("read the counters")
    }
}

pub(super) fn run(program: &Xdp, frame: &[u8], repeat: u32) -> Ran {
    let mut out = vec![0; frame.len() + 256];
    let options = TestRunOptions {
        data_in: Some(frame),
        data_out: Some(&mut out),
        repeat,
        ..TestRunOptions::default()
    };
    let result = program.test_run(options).expect("BPF_PROG_TEST_RUN");
    out.truncate(result.data_size_out as usize);
    Ran { action: result.return_value, frame: out, nanoseconds: result.duration.as_nanos() }
}

/// A source; behind a space, the host that it is banned from.
pub fn subject(text: &str) -> Subject {
    let (source, host) = text.split_once(' ').map_or((text, None), |(source, host)| (source, Some(host)));
    Subject {
        source: source.parse().expect("an address"),
        host: host.map(|host| host.parse().expect("a host")),
    }
}

fn parsed<T: FromStr<Err: Debug>>(texts: &[&str]) -> Vec<T> {
    texts.iter().map(|text| text.parse().expect("what a fixture says")).collect()
}
