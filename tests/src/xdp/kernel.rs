//! The program in the kernel, driven frame by frame.

use std::net::SocketAddr;

use aya::programs::{TestRun as _, TestRunOptions};
use fleetgate::config::{Limits, Tables, Xdp, XdpLog};
use fleetgate::model::hostname::HostPattern;
use fleetgate::xdp::{Counters, Program};
use fleetgate_ebpf::abi::UnknownSni;
use fleetgate_ebpf::gcra::Rate;
use fleetgate_ebpf::verdict::Verdict;

/// The loaded program.
pub struct Kernel {
    program: Program,
}

/// How the program is configured for a fixture.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    /// Hosts that it knows.
    pub hosts: &'static [&'static str],
    /// Its limits.
    pub limits: Limits,
    /// What it does with names that it does not know.
    pub unknown_sni: UnknownSni,
}

/// The protected port.
pub const PORT: u16 = 8443;

/// No limits at all.
pub const UNLIMITED: Limits = Limits {
    syn_per_source: Rate::UNLIMITED,
    hello_per_source: Rate::UNLIMITED,
    hello_per_host: Rate::UNLIMITED,
};

impl Default for Setup {
    fn default() -> Self {
        Self {
            hosts: &["iot.example.com", "*.fleet.example.com"],
            limits: UNLIMITED,
            unknown_sni: UnknownSni::Pass,
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
            None => Program::load(Tables::default(), XdpLog::Off),
            Some(path) => {
                let object = std::fs::read(path).expect("read the object that FLEETGATE_XDP_OBJECT names");
                Program::load_object(&object, Tables::default(), XdpLog::Off)
            }
        };
        let mut kernel = Self { program: program.expect("load the XDP program") };
        kernel.configure(setup);
        kernel
    }

    /// Applies another configuration, as a reload does.
    pub fn configure(&mut self, setup: &Setup) {
        let hosts: Vec<HostPattern> = setup.hosts.iter().map(|host| host.parse().expect("a host")).collect();
        let config = Xdp { limit: setup.limits, unknown_sni: setup.unknown_sni, ..Xdp::default() };
        let listeners: [SocketAddr; 1] = [([0, 0, 0, 0], PORT).into()];
        self.program.configure(&config, &listeners, hosts.iter()).expect("write the maps");
    }

    /// Runs the program on a frame, `repeat` times.
    pub fn run(&mut self, frame: &[u8], repeat: u32) -> Ran {
        let mut out = vec![0; frame.len() + 256];
        let options = TestRunOptions {
            data_in: Some(frame),
            data_out: Some(&mut out),
            repeat,
            ..TestRunOptions::default()
        };
        let result = self.program.xdp().expect("the program").test_run(options).expect("BPF_PROG_TEST_RUN");
        out.truncate(result.data_size_out as usize);
        Ran { action: result.return_value, frame: out, nanoseconds: result.duration.as_nanos() }
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

    /// What has been counted.
    pub fn counters(&self) -> Counters {
        self.program.counters().expect("read the counters")
    }
}
