//! A scene for XDP: devices in a `fleet` namespace, joined by veth to the `edge` namespace of gateway and origin.

use std::net::SocketAddr;

use fleetgate_ebpf::verdict::Verdict;
use serde_json::Value;

use crate::client::Curl;
use crate::gateway::{Gateway, Setup};
use crate::namespace::Namespace;
use crate::site::{HOST, Site};
use crate::skip;

/// The gateway's end of the veth pair.
pub const INTERFACE: &str = "edge0";

/// Two namespaces and a site.
pub struct Field {
    /// The gateway's and the origin's namespace.
    pub edge: Namespace,
    /// The devices' namespace.
    pub fleet: Namespace,
    /// Certificates and origin.
    pub site: Site,
}

impl Field {
    /// Builds it.
    pub fn new() -> Self {
        let (edge, fleet) = (Namespace::new(), Namespace::new());
        let site = edge.run(Site::new);
        let field = Self { edge, fleet, site };
        field.connect();
        field
    }

    /// Joins the namespaces by a veth pair, for the first time or again.
    pub fn connect(&self) {
        let (here, there) = (["192.0.2.1/24", "2001:db8::1/64"], ["192.0.2.2/24", "2001:db8::2/64"]);
        self.edge.join(INTERFACE, &here, &self.fleet, "fleet0", &there);
    }

    /// The usual configuration with XDP on the gateway's end, and more lines of `[xdp]`.
    pub fn setup(&self, more: &str) -> Setup {
        self.without_xdp().table("xdp", &format!("interfaces = [\"{INTERFACE}\"]\n{more}"))
    }

    /// The usual configuration without XDP.
    pub fn without_xdp(&self) -> Setup {
        self.site.setup().inside(&self.edge)
    }

    /// Has both ends of the veth pair leave checksums and VLAN tags where they are, so that the gateway's can steer. False, and the
    /// calling test is listed as skipped, where this cannot be.
    pub fn make_steerable(&self) -> bool {
        if !skip::unless_two_cpus() || !skip::unless_installed("ethtool") {
            return false;
        }
        for (namespace, interface, feature) in
            [(&self.edge, INTERFACE, "rxvlan"), (&self.fleet, "fleet0", "tx")]
        {
            let said = namespace.command("ethtool").args(["-K", interface, feature, "off"]).output();
            let said = said.expect("run ethtool");
            assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
        }
        true
    }

    /// Where devices find the gateway.
    pub fn address(&self) -> SocketAddr {
        ([192, 0, 2, 1], 8443).into()
    }

    /// A program at the other end, as long as this: without one, a veth does not take what a program sends back.
    pub fn take_answers(&self) -> aya::Ebpf {
        self.fleet.run(|| {
            let mut ebpf = aya::EbpfLoader::new().load(fleetgate_ebpf::OBJECT).expect("load the object");
            let program = ebpf.program_mut(fleetgate_ebpf::abi::BARE).expect("the bare program");
            let program: &mut aya::programs::Xdp = program.try_into().expect("XDP");
            program.load().expect("load it");
            program.attach("fleet0", aya::programs::xdp::XdpMode::Driver).expect("attach it");
            ebpf
        })
    }

    /// curl as the good device in the fleet's namespace. Its hello is small: the name is in the first segment.
    pub fn curl(&self, path: &str) -> Curl {
        self.curl_to(self.address(), path)
    }

    /// The same to another address.
    pub fn curl_at(&self, address: &str, path: &str) -> Curl {
        self.curl_to(address.parse().expect("an address"), path)
    }

    /// The same over IPv6.
    pub fn curl_v6(&self, path: &str) -> Curl {
        self.curl_to("[2001:db8::1]:8443".parse().expect("an address"), path)
    }

    fn curl_to(&self, address: SocketAddr, path: &str) -> Curl {
        let url = format!("https://{HOST}{path}");
        Curl::get_inside(&self.fleet, address, &self.site.servers.path, &url).identity(&self.site.device)
    }
}

impl Default for Field {
    fn default() -> Self {
        Self::new()
    }
}

impl Gateway {
    /// Packets with this XDP verdict so far.
    pub fn packets(&self, verdict: Verdict) -> u64 {
        let labels = [("action", verdict.action().label()), ("reason", verdict.reason())];
        self.metric("fleetgate_xdp_packets_total", &labels)
    }

    /// Whether an optional part of the XDP side is on, and what it says, by `fleetgate xdp status`.
    pub fn xdp_part(&self, name: &str) -> (bool, String) {
        let said = self.cli("xdp", &["status", "--json"]);
        let status: Value = serde_json::from_str(&said.stdout).expect("JSON");
        let mut parts = status["parts"].as_array().expect("a list").iter();
        let part = parts.find(|part| part["part"] == name).expect("a part");
        (part["on"] == true, part["says"].as_str().expect("words").to_owned())
    }

    /// Whether XDP is attached to the interface in this mode.
    pub fn is_attached(&self, interface: &str, mode: &str) -> bool {
        self.metric("fleetgate_xdp_attached", &[("interface", interface), ("mode", mode)]) > 0
    }
}
