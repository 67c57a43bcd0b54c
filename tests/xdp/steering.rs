//! Packets go to the CPUs that they should.

use fleetgate::config::Tables;
use fleetgate_tests::skip;
use fleetgate_tests::xdp::kernel::{Kernel, PORT, Setup};
use fleetgate_tests::xdp::packet::Packet;
use fleetgate_tests::xdp::steering::cases;

#[test]
fn every_packet_goes_to_the_cpu_of_its_flow() {
    if skip::unless_root() && skip::unless_two_cpus() {
        cases().iter().for_each(fleetgate_tests::xdp::steering::Case::run);
    }
}

fn syn(port: u16) -> Vec<u8> {
    Packet::syn(([192, 0, 2, 1], port).into(), ([198, 51, 100, 1], PORT).into()).frame()
}

#[test]
fn flows_are_spread_over_all_cpus() {
    if !skip::unless_root() || !skip::unless_two_cpus() {
        return;
    }
    let mut kernel = Kernel::new(&Setup { steer_cpus: &[0, 1], ..Setup::default() });
    let mut counts = [0, 0];
    for port in 1..=200 {
        let (_, cpu) = kernel.steered(&syn(port));
        counts[usize::try_from(cpu.unwrap()).unwrap()] += 1;
        // The second is another SYN of the same flow.
        assert_eq!(kernel.steered(&syn(port)).1, cpu, "port {port}");
    }
    assert!(counts.iter().all(|count| (60..=140).contains(count)), "{counts:?}");
}

#[test]
fn flows_keep_their_cpu_when_a_reload_changes_the_cpus_of_hosts_and_stay_when_steering_ends() {
    if !skip::unless_root() || !skip::unless_two_cpus() {
        return;
    }
    let setup = Setup { steer_cpus: &[1], tables: Tables::default(), ..Setup::default() };
    let mut kernel = Kernel::new(&setup);
    assert_eq!(kernel.steered(&syn(1)).1, Some(1));
    kernel.configure(&Setup { host_cpus: &[("iot.example.com", &[0])], ..setup });
    assert_eq!(kernel.steered(&syn(2)).1, Some(1));
    kernel.configure(&Setup { steer_cpus: &[], ..setup });
    let (ran, cpu) = kernel.steered(&syn(1));
    assert_eq!((ran.action, cpu), (2, None));
}
