//! Network namespaces for tests, which cannot go on without them.

use std::process::Command;

use fleetgate_namespace::Namespace as Inner;

/// A network namespace. Clones are the same one.
#[derive(Clone, Debug)]
pub struct Namespace(Inner);

impl Namespace {
    /// A new one, in which only `lo` is up.
    pub fn new() -> Self {
        Self(Inner::create().unwrap_or_else(|error| panic!("{error}; am I root?")))
    }

    /// Runs `work` in the namespace, on a thread of its own. Sockets opened there stay in the namespace.
    pub fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        self.0.run(work).expect("enter the namespace")
    }

    /// A command that will run in the namespace. Mounts stay as they are: `ip netns exec` would hide bpffs.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        self.adopt(&mut command);
        command
    }

    /// Has `command` run in the namespace.
    pub fn adopt(&self, command: &mut Command) {
        self.0.adopt(command);
    }

    /// `ip`, with these arguments, in the namespace.
    pub fn ip(&self, arguments: &str) {
        self.0.call(&format!("ip {arguments}")).unwrap_or_else(|error| panic!("{error}"));
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
        self.0.link(name, &peer.0, peer_name, "").unwrap_or_else(|error| panic!("{error}"));
        self.address(name, addresses);
        peer.address(peer_name, peer_addresses);
    }

    /// Gives an interface addresses (with their prefix length) and sets it up.
    pub fn address(&self, interface: &str, addresses: &[&str]) {
        self.0.address(interface, addresses).unwrap_or_else(|error| panic!("{error}"));
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
