//! The demo's gateway configuration.

use super::lab::{HOST, LINK, Lab, STATE};
use crate::process::{Error, Result};

/// Writes `fleetgate.toml` into the run's folder. `ca` is the file of the CA that devices must come from;
/// `hello_per_source` is the limit that the walk makes tight; `crl` the files of the CA's CRLs.
pub(super) fn write(lab: &Lab, ca: &str, hello_per_source: &str, crl: &[&str]) -> Result {
    let xdp = if lab.xdp {
        format!("interfaces  = [\"{LINK}\"]\nrequired    = true\n")
    } else {
        "mode        = \"off\"\n".into()
    };
    let text = format!(
        r#"# Written by `cargo xtask run`.
[server]
state_dir = "{STATE}"

[[listener]]
address = "{listener}"

[[host]]
name        = "{HOST}"
certificate = "server.pem"
key         = "server-key.pem"
client_auth = "access"
origin      = "http://{origin}"

[[mtls_certificate]]
name                 = "Access Testing CA"
certificate          = "{ca}"
associated_hostnames = ["{HOST}"]
crl                  = {crl:?}

[[application]]
domain = "{HOST}"
[[application.policy]]
name     = "devices"
decision = "non_identity"
include  = [{{ certificate = {{}} }}]

[[application]]
domain = "{HOST}/james"
[[application.policy]]
name     = "James alone"
decision = "non_identity"
include  = [{{ common_name = {{ common_name = "James Royal" }} }}]

[[application]]
domain = "{HOST}/others"
[[application.policy]]
name     = "somebody else"
decision = "non_identity"
include  = [{{ common_name = {{ common_name = "Somebody Else" }} }}]

[forwarding]
cloudflare = true

[xdp]
{xdp}[xdp.limit]
hello_per_source = "{hello_per_source}"

[admin]
socket = "{admin}"
listen = "{api}"

[metrics]
listen = "{metrics}"
"#,
        listener = lab.listener,
        origin = lab.origin,
        metrics = lab.metrics,
        admin = lab.text("admin.sock"),
        api = lab.api,
    );
    let path = lab.path("fleetgate.toml");
    std::fs::write(&path, text).map_err(Error::file(path))
}
