//! Network namespaces without names. Only descriptors and processes hold them: whatever becomes of the test, nothing
//! of them is left behind, their links included.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd as _, AsRawFd as _};
use std::os::unix::process::CommandExt as _;
use std::panic::resume_unwind;
use std::process::Command;
use std::sync::Arc;
use std::thread;

use nix::sched::{CloneFlags, setns, unshare};

/// A network namespace. Clones are the same one.
#[derive(Clone, Debug)]
pub struct Namespace(Arc<File>);

impl Namespace {
    /// A new one, in which only `lo` is up.
    pub fn new() -> Self {
        let create = || {
            unshare(CloneFlags::CLONE_NEWNET)?;
            File::open("/proc/thread-self/ns/net")
        };
        let created = thread::scope(|scope| scope.spawn(create).join());
        let namespace = Self(Arc::new(created.expect("a thread").expect("a network namespace; am I root?")));
        namespace.ip("link set lo up");
        namespace
    }

    /// Runs `work` in the namespace, on a thread of its own. Sockets opened there stay in the namespace.
    pub fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        let enter = || {
            setns(self.0.as_fd(), CloneFlags::CLONE_NEWNET).expect("enter the namespace");
            work()
        };
        thread::scope(|scope| scope.spawn(enter).join()).unwrap_or_else(|panic| resume_unwind(panic))
    }

    /// A command that will run in the namespace. Mounts stay as they are: `ip netns exec` would hide bpffs.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        self.adopt(&mut command);
        command
    }

    /// Has `command` run in the namespace.
    pub fn adopt(&self, command: &mut Command) {
        let namespace = Arc::clone(&self.0);
        let enter = move || setns(namespace.as_fd(), CloneFlags::CLONE_NEWNET).map_err(io::Error::from);
        // SAFETY: setns is one system call; nothing between fork and exec allocates or locks.
        unsafe { command.pre_exec(enter) };
    }

    /// `ip`, with these arguments, in the namespace.
    pub fn ip(&self, arguments: &str) {
        let output = self.command("ip").args(arguments.split(' ')).output().expect("run ip");
        assert!(output.status.success(), "ip {arguments}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// What a program prints in the namespace.
    pub fn output(&self, program: &str, arguments: &[&str]) -> String {
        let output = self.command(program).args(arguments).output().expect("run a program");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Joins two namespaces by a veth pair: `name` here with `addresses`, `peer_name` there with `peer_addresses`.
    pub fn join(
        &self,
        name: &str,
        addresses: &[&str],
        peer: &Self,
        peer_name: &str,
        peer_addresses: &[&str],
    ) {
        let there = format!("/proc/{}/fd/{}", std::process::id(), peer.0.as_raw_fd());
        self.ip(&format!("link add {name} type veth peer name {peer_name} netns {there}"));
        self.address(name, addresses);
        peer.address(peer_name, peer_addresses);
    }

    /// Gives an interface addresses (with their prefix length) and sets it up.
    pub fn address(&self, interface: &str, addresses: &[&str]) {
        for address in addresses {
            // Duplicate address detection would take a second of every test.
            let family = if address.contains(':') { " nodad" } else { "" };
            self.ip(&format!("address add {address} dev {interface}{family}"));
        }
        self.ip(&format!("link set {interface} up"));
    }
}

impl Default for Namespace {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;
    use crate::skip;

    #[test]
    fn two_namespaces_talk_over_their_veth_and_leave_nothing_behind() {
        if !skip::unless_root() {
            return;
        }
        let (a, b) = (Namespace::new(), Namespace::new());
        a.join("a0", &["192.0.2.1/24", "2001:db8::1/64"], &b, "b0", &["192.0.2.2/24", "2001:db8::2/64"]);
        let listener = a.run(|| TcpListener::bind("[::]:80").unwrap());
        for address in ["192.0.2.1:80", "[2001:db8::1]:80"] {
            assert!(b.run(|| TcpStream::connect(address)).is_ok(), "{address}");
        }
        assert!(
            TcpStream::connect_timeout(
                &"192.0.2.1:80".parse().unwrap(),
                std::time::Duration::from_millis(100)
            )
            .is_err()
        );
        drop((a, b, listener));
        assert!(nix::net::if_::if_nametoindex("a0").is_err());
    }
}
