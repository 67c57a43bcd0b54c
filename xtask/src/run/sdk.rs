//! What a person can paste to ask the demo's gateway by Cloudflare's own client.

use serde_json::Value;

use super::lab::{Lab, STATE, binary};
use crate::process::{self, Error, Result};
use crate::workspace;

/// A command that lists the demo's CA.
pub(super) fn snippet(lab: &Lab) -> Result<String> {
    let mut status = process::command([&*binary("fleetgate").to_string_lossy(), "status"]);
    let said = process::capture(status.args(["--json", "--config", &lab.text("fleetgate.toml")]))?;
    let said: Value = serde_json::from_str(&said).map_err(|error| Error::message(error.to_string()))?;
    let account = said.get("account_id").and_then(Value::as_str).unwrap_or_default();
    let own = workspace::target("python/bin/python");
    let python = if own.exists() { own.display().to_string() } else { "python3".into() };
    let token = lab.path(STATE).join("api-token");
    Ok(format!(
        "  Cloudflare's client (pip install cloudflare) lists the CA:\n    \
         {python} -c 'import cloudflare; c = cloudflare.Cloudflare(api_token=open(\"{token}\").read().strip(), \
         base_url=\"http://{api}/client/v4\"); print([ca.name for ca in c.zero_trust.access.certificates.list(account_id=\"{account}\")])'",
        token = token.display(),
        api = lab.api,
    ))
}
