//! `fleetgate crl status`

use std::path::Path;
use std::process::ExitCode;

use http::Method;
use serde_json::Value;

use super::due;
use crate::cli::{client, print};

pub(super) fn status(socket: &Path, json: bool) -> Result<ExitCode, String> {
    let client::Answer { text, body, .. } = client::ask(socket, Method::GET, "/fleetgate/v1/crls", None)?;
    print(&if json { text } else { describe(&body) });
    Ok(ExitCode::SUCCESS)
}

fn describe(authorities: &Value) -> String {
    let mut lines = Vec::new();
    for authority in elements(authorities) {
        let name = plain(&authority["certificate"]);
        if elements(&authority["files"]).next().is_none() {
            lines.push(format!("{name}: no CRL"));
        }
        for file in elements(&authority["files"]) {
            let path = plain(&file["file"]);
            for crl in elements(&file["crls"]) {
                let number = crl["number"].as_str().unwrap_or("none");
                let due = due(crl["next_update"].as_u64(), crl["expired"] == true);
                lines.push(format!("{name}: {} entries, number {number}, due {due}, {path}", crl["entries"]));
            }
            lines.extend(file["problem"].as_str().map(|problem| format!("WARNING not loaded: {problem}")));
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
