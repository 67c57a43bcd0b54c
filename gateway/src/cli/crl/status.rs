//! `fleetgate crl status` and `reload`

use std::path::Path;
use std::process::ExitCode;

use http::Method;
use serde_json::Value;

use super::due;
use crate::cli::{client, print};

/// Prints what the gateway answers; failure where a source has a problem.
pub(super) fn status(socket: &Path, method: Method, path: &str, json: bool) -> Result<ExitCode, String> {
    let client::Answer { text, body, .. } = client::ask(socket, method, path, None)?;
    print(&if json { text } else { describe(&body) });
    let sources = elements(&body).flat_map(|authority| elements(&authority["sources"]));
    let all_good = sources.map(|source| &source["problem"]).all(Value::is_null);
    Ok(if all_good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn describe(authorities: &Value) -> String {
    let mut lines = Vec::new();
    for authority in elements(authorities) {
        let name = plain(&authority["certificate"]);
        if let Some(unused) = authority["unused"].as_str() {
            lines.push(format!("{name}: a CRL that was pushed for it is unused: {unused}"));
        } else if elements(&authority["sources"]).next().is_none() {
            lines.push(format!("{name}: no CRL"));
        }
        for source in elements(&authority["sources"]) {
            let path = plain(&source["source"]);
            for crl in elements(&source["crls"]) {
                let number = crl["number"].as_str().unwrap_or("none");
                let due = due(crl["next_update"].as_u64(), crl["expired"] == true);
                lines.push(format!("{name}: {} entries, number {number}, due {due}, {path}", crl["entries"]));
            }
            lines.extend(source["problem"].as_str().map(|problem| format!("WARNING not loaded: {problem}")));
        }
    }
    if lines.is_empty() { "no mTLS certificates".to_owned() } else { lines.join("\n") }
}

fn elements(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn plain(value: &Value) -> &str {
    value.as_str().unwrap_or("?")
}
