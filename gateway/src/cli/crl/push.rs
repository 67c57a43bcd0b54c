//! `fleetgate crl push` and `remove`

use std::path::Path;
use std::process::ExitCode;

use http::{Method, StatusCode};
use serde_json::Value;

use super::due;
use crate::cli::{client, print};

/// Pushes the CRLs in a file; failure where they are in force and not kept.
pub(super) fn push(socket: &Path, ca: &str, file: &Path, json: bool) -> Result<ExitCode, String> {
    let body = std::fs::read(file).map_err(|error| format!("{}: cannot read it: {error}", file.display()))?;
    let answer = client::send(socket, Method::PUT, &resource(ca), body.into())?;
    let describe = |reply: &Value| {
        let crls = reply["crls"].as_array().into_iter().flatten();
        let mut lines: Vec<_> = crls.map(|crl| format!("in force for {ca}: {}", describe(crl))).collect();
        lines.extend(problem(reply));
        lines.join("\n")
    };
    print(&if json { answer.text } else { describe(&answer.body) });
    Ok(if answer.status == StatusCode::OK { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Takes back what was pushed; failure where that was nothing, or may be there again after a restart.
pub(super) fn remove(socket: &Path, ca: &str, json: bool) -> Result<ExitCode, String> {
    let answer = client::send(socket, Method::DELETE, &resource(ca), Vec::new().into())?;
    let lists = answer.body.get("removed").and_then(Value::as_u64).unwrap_or(0);
    let describe = |reply: &Value| {
        let said = match lists {
            0 => format!("nothing was pushed for {ca}"),
            lists => format!("took back {lists} CRLs that were pushed for {ca}"),
        };
        std::iter::once(said).chain(problem(reply)).collect::<Vec<_>>().join("\n")
    };
    print(&if json { answer.text } else { describe(&answer.body) });
    let done = answer.status == StatusCode::OK && lists > 0;
    Ok(if done { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Where the CRLs of a CA are.
pub(super) fn resource(ca: &str) -> String {
    format!("/fleetgate/v1/crls/{}", client::segment(ca))
}

fn describe(crl: &Value) -> String {
    let text = |key: &str| crl[key].as_str().unwrap_or("none");
    let due = due(crl["next_update"].as_u64(), crl["expired"] == true);
    format!("{}, number {}, {} entries, due {due}", text("issuer"), text("number"), crl["entries"])
}

fn problem(reply: &Value) -> Option<String> {
    reply["problem"].as_str().map(|problem| format!("WARNING {problem}"))
}
