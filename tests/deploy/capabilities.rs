//! The unit's capabilities are enough to attach XDP natively, with all that is optional, and to listen on port 443, and none of them is more than
//! that.

use fleetgate_tests::field::{Field, INTERFACE};
use fleetgate_tests::gateway::{Gateway, Refusal};
use fleetgate_tests::skip;

use crate::service_unit::setting;

/// Whoever it is, it is not root.
const USER: u32 = 64_999;

/// The capabilities that the unit gives.
fn unit_capabilities() -> Vec<String> {
    assert_eq!(setting("AmbientCapabilities"), setting("CapabilityBoundingSet"));
    setting("AmbientCapabilities").split(' ').map(str::to_owned).collect()
}

/// Starts a gateway that needs XDP and port 443, with these capabilities and as systemd would: another user, nothing
/// to regain.
fn start(field: &Field, capabilities: &[String]) -> Result<Gateway, Refusal> {
    let mut set = "-all".to_owned();
    for capability in capabilities {
        set.push_str(",+");
        set.push_str(&capability.strip_prefix("CAP_").unwrap().to_lowercase());
    }
    // The files that a test writes are root's; an installation would have made them readable. The binary may be in a
    // folder that is root's, too. The gateway's command line is `fleetgate run --config FILE`.
    let script = format!(
        "folder=$(dirname \"$4\") && cp \"$1\" \"$folder/fleetgate\" && shift && \
         chown -R {USER}:{USER} \"$folder\" '{}' '{}' && exec setpriv --reuid={USER} --regid={USER} --clear-groups \
         --no-new-privs --inh-caps={set} --ambient-caps={set} --bounding-set={set} --pdeathsig KILL \
         \"$folder/fleetgate\" \"$@\"",
        field.site.server.certificate.parent().unwrap().display(),
        field.site.devices.path.parent().unwrap().display(),
    );
    let optional = "steer_cpus = [0]\nserve = [\"198.51.100.0/24:443\"]";
    let setup = field.setup(&format!("mode = \"native\"\nrequired = true\n{optional}"));
    let setup = setup.replace("[[listener]]\n", "[[listener]]\naddress = \"[::]:443\"\n[[listener]]\n");
    Gateway::try_start(setup.wrapped(&["sh", "-c", &script, "sh"]))
}

#[test]
fn they_are_enough() {
    if !skip::unless_root() || !skip::unless_installed("setpriv") {
        return;
    }
    let field = Field::new();
    let is_steerable = field.make_steerable();
    let gateway = start(&field, &unit_capabilities()).unwrap_or_else(|refusal| panic!("{}", refusal.stderr));
    assert!(gateway.is_attached(INTERFACE, "native"));
    let process = std::fs::read_to_string(format!("/proc/{}/status", gateway.id())).unwrap();
    let line = |name: &str| process.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim();
    assert_eq!(line("Uid:").split('\t').next(), Some(USER.to_string().as_str()));
    assert_eq!((line("CapEff:"), line("NoNewPrivs:")), (line("CapBnd:"), "1"));
    for part in ["steering", "reuseport", "sk_lookup"] {
        let (on, says) = gateway.xdp_part(part);
        assert!(on || (part == "steering" && !is_steerable), "{part}: {says}");
    }
}

#[test]
fn without_any_one_of_them_it_does_not_start() {
    if !skip::unless_root() || !skip::unless_installed("setpriv") {
        return;
    }
    let field = Field::new();
    for taken in unit_capabilities() {
        let rest: Vec<_> = unit_capabilities().into_iter().filter(|name| *name != taken).collect();
        let Err(refusal) = start(&field, &rest) else { panic!("{taken} is not needed") };
        let expected = match taken.as_str() {
            "CAP_NET_BIND_SERVICE" => "cannot listen on [::]:443",
            _ => "XDP is not attached: cannot load",
        };
        assert!(refusal.stderr.contains(expected), "{taken}: {}", refusal.stderr);
    }
}
