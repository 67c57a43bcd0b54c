//! Which worker is where: with steering each has a CPU of its own, and connections go to the worker on their packets' CPU.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::available_parallelism;

use arc_swap::ArcSwapOption;
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;
use tokio::sync::mpsc;

use super::arrive::Handed;
use crate::config::{Config, Problem, Span};
use crate::model::hostname::HostPattern;

/// Where a worker hears of connections that others have accepted. Each holds a permit: there are no more than
/// `server.max_connections`.
#[derive(Debug)]
pub struct Mailbox(pub(super) mpsc::UnboundedReceiver<Handed>);

/// All workers, with their CPUs and the way to them.
pub struct Seats {
    workers: Vec<Seat>,
    /// Whose turn it is where nothing speaks for one worker of a set.
    next: AtomicUsize,
    /// Has packets of a flow go elsewhere, where something does that.
    steering: ArcSwapOption<Steer>,
}

/// Has the packets of a flow go to its CPU.
type Steer = Box<dyn Fn(&Flow<'_>) + Send + Sync>;

/// A connection whose packets should come in on another CPU.
#[derive(Debug)]
pub struct Flow<'a> {
    /// Whom the socket is connected with.
    pub peer: SocketAddr,
    /// Where it is connected.
    pub local: SocketAddr,
    /// Where its packets should come in.
    pub cpu: u32,
    /// The host that it is for.
    pub host: &'a HostPattern,
}

#[derive(Debug)]
struct Seat {
    /// Where it is pinned, if it is.
    cpu: Option<u32>,
    mailbox: mpsc::UnboundedSender<Handed>,
}

impl Seats {
    /// One for each of these workers, with their CPUs.
    pub fn new(cpus: &[Option<u32>]) -> (Self, Vec<Mailbox>) {
        let seat = |cpu: &Option<u32>| {
            let (mailbox, mails) = mpsc::unbounded_channel();
            (Seat { cpu: *cpu, mailbox }, Mailbox(mails))
        };
        let (workers, mailboxes) = cpus.iter().map(seat).unzip();
        (Self { workers, next: AtomicUsize::new(0), steering: ArcSwapOption::empty() }, mailboxes)
    }

    /// From now on `steer` is told of connections whose packets come in on the wrong CPU.
    pub fn set_steering(&self, steer: impl Fn(&Flow<'_>) + Send + Sync + 'static) {
        self.steering.store(Some(Arc::new(Box::new(steer))));
    }

    pub(super) fn steer(&self, flow: &Flow<'_>) {
        if let Some(steer) = &*self.steering.load() {
            steer(flow);
        }
    }

    /// Where a worker is pinned, if it is.
    pub fn cpu(&self, worker: usize) -> Option<u32> {
        self.workers.get(worker)?.cpu
    }

    /// The CPU of each worker.
    pub fn cpus(&self) -> Vec<Option<u32>> {
        self.workers.iter().map(|seat| seat.cpu).collect()
    }

    /// The worker that has to serve a host with these CPUs, where that is not `here`. The packets' CPU decides, as far as it is
    /// among them; else they take turns.
    pub(super) fn elsewhere(&self, here: usize, cpus: &[u32], packets: Option<u32>) -> Option<usize> {
        let on = |cpu: u32| self.workers.iter().position(|seat| seat.cpu == Some(cpu));
        let has = |cpu: &u32| cpus.contains(cpu);
        if cpus.is_empty() {
            return None;
        }
        let wanted = packets.filter(|cpu| has(cpu)).and_then(on);
        let is_right_here = self.cpu(here).is_some_and(|cpu| has(&cpu));
        match wanted {
            Some(worker) => (worker != here).then_some(worker),
            None if is_right_here => None,
            None => {
                let turn = self.next.fetch_add(1, Ordering::Relaxed) % cpus.len();
                on(*cpus.get(turn)?)
            }
        }
    }

    /// Gives a connection to a worker. It comes back where that is gone.
    pub(super) fn hand(&self, worker: usize, handed: Handed) -> Result<(), Handed> {
        let Some(seat) = self.workers.get(worker) else { return Err(handed) };
        seat.mailbox.send(handed).map_err(|refused| refused.0)
    }
}

/// The CPU of each worker that a configuration wants, if any.
pub fn seating(config: &Config) -> Vec<Option<u32>> {
    let workers = match config.server.workers {
        0 => available_parallelism().map_or(1, usize::from),
        workers => workers,
    };
    seat(workers, &config.xdp.steer_cpus.value, &available_cpus().unwrap_or_default())
}

/// The CPUs that this process may use.
fn available_cpus() -> io::Result<Vec<u32>> {
    let set = sched_getaffinity(Pid::from_raw(0))?;
    let cpus = (0..CpuSet::count()).filter(|cpu| set.is_set(*cpu).unwrap_or(false));
    Ok(cpus.filter_map(|cpu| u32::try_from(cpu).ok()).collect())
}

/// CPUs for `workers`: those that packets are steered to come first, then the others that there are. None where nothing is
/// steered.
fn seat(workers: usize, steered: &[u32], available: &[u32]) -> Vec<Option<u32>> {
    if steered.is_empty() {
        return vec![None; workers];
    }
    let first = steered.iter().filter(|cpu| available.contains(cpu));
    let others = available.iter().filter(|cpu| !steered.contains(cpu));
    let cpus = first.chain(others).copied().map(Some);
    cpus.chain(std::iter::repeat(None)).take(workers).collect()
}

/// A problem for each CPU of a configuration that has no worker in `seating`.
pub fn without_worker(config: &Config, seating: &[Option<u32>]) -> Vec<Problem> {
    let hosts = config.hosts.iter().map(|host| ("cpus", &host.cpus));
    let lists = std::iter::once(("xdp.steer_cpus", &config.xdp.steer_cpus)).chain(hosts);
    lists.flat_map(|(key, list)| missing(key, &list.value, list.span, seating)).collect()
}

fn missing(key: &str, cpus: &[u32], span: Span, seating: &[Option<u32>]) -> Vec<Problem> {
    let missing = cpus.iter().filter(|cpu| !seating.contains(&Some(**cpu)));
    let problem = |cpu: &u32| {
        Problem::error(format!("`{key}` names CPU {cpu}, which has no worker")).at(span).remedy(
            "name CPUs that this machine has and that the gateway may use, and have as many server.workers",
        )
    };
    missing.map(problem).collect()
}

/// Keeps the calling thread on a CPU.
pub(super) fn pin(cpu: u32) -> io::Result<()> {
    let mut set = CpuSet::new();
    set.set(cpu as usize)?;
    Ok(sched_setaffinity(Pid::from_raw(0), &set)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steered_cpus_have_workers_first() {
        assert_eq!(seat(2, &[], &[0, 1]), [None, None]);
        assert_eq!(seat(3, &[2], &[0, 1, 2, 3]), [Some(2), Some(0), Some(1)]);
        assert_eq!(seat(4, &[1, 0, 7], &[0, 1]), [Some(1), Some(0), None, None]);
        assert_eq!(seat(1, &[1, 0], &[0, 1]), [Some(1)]);
    }

    #[test]
    fn a_connection_goes_to_the_worker_on_its_packets_cpu_or_to_one_of_the_hosts() {
        let (seats, _mailboxes) = Seats::new(&[Some(4), Some(5), Some(6), None]);
        assert_eq!(seats.elsewhere(0, &[], Some(5)), None, "any worker will do");
        assert_eq!(seats.elsewhere(0, &[5, 6], Some(6)), Some(2), "its packets come there");
        assert_eq!(seats.elsewhere(2, &[5, 6], Some(6)), None, "it is there");
        assert_eq!(seats.elsewhere(1, &[5, 6], Some(4)), None, "one of the host's is as good as the other");
        let turns = [seats.elsewhere(0, &[5, 6], None), seats.elsewhere(0, &[5, 6], Some(4))];
        assert_eq!(turns, [Some(1), Some(2)]);
        assert_eq!(seats.elsewhere(3, &[9], None), None, "nobody is there");
    }

    #[test]
    fn a_pinned_thread_runs_where_it_is_pinned() {
        let cpu = *available_cpus().unwrap().last().unwrap();
        let after = std::thread::spawn(move || pin(cpu).and_then(|()| available_cpus())).join().unwrap();
        assert_eq!(after.unwrap(), [cpu]);
    }
}
