//! `fleetgate crl verify`

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::{Value, json};

use super::{due, seen};
use crate::cli::print;
use crate::crl::{self, Inspection, Signature};

/// Says of each CRL in a file whether a gateway with this CA would take it, and what a gateway that can be reached has seen
/// of what it lists.
pub(super) fn verify(
    file: &Path,
    ca: &Path,
    socket: Result<PathBuf, String>,
    json: bool,
) -> Result<ExitCode, String> {
    let inspected = crl::inspect(file, Some(ca)).map_err(|error| error.to_string())?;
    let seen = seen::ask(socket);
    let report = |crl| seen.as_deref().map(|seen| seen::compare(crl, seen));
    if json {
        let values = inspected.iter().map(|crl| {
            let gateway = report(crl).ok().as_ref().map(seen::in_json);
            json!({
                "issuer": crl.issuer, "number": crl.number, "good": problem(crl).is_none(), "problem": problem(crl),
                "gateway": gateway,
            })
        });
        print(&values.collect::<Value>().to_string());
    } else {
        let describe = |crl| {
            let (said, warnings) = seen::describe(report(crl).as_ref().map_err(|error| *error));
            let warnings = warnings.into_iter().map(|warning| format!("WARNING {warning}"));
            [describe(crl), format!("gateway: {said}")].into_iter().chain(warnings).collect::<Vec<_>>()
        };
        print(&inspected.iter().flat_map(describe).collect::<Vec<_>>().join("\n"));
    }
    let all_good = inspected.iter().all(|crl| problem(crl).is_none());
    Ok(if all_good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn describe(crl: &Inspection) -> String {
    let Inspection { issuer, number, entries, next_update, expired, .. } = crl;
    let number = number.as_deref().unwrap_or("none");
    match problem(crl) {
        Some(problem) => format!("BAD: {problem}"),
        None => {
            format!("good: {issuer}, number {number}, {entries} entries, due {}", due(*next_update, *expired))
        }
    }
}

fn problem(crl: &Inspection) -> Option<String> {
    match &crl.signature {
        Signature::Bad { problem } => Some(problem.clone()),
        Signature::Good { .. } if crl.expired => {
            Some(format!("the CRL of `{}` was due {}", crl.issuer, due(crl.next_update, true)))
        }
        Signature::Good { .. } | Signature::NotChecked => None,
    }
}
