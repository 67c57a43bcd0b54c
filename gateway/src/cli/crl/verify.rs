//! `fleetgate crl verify`

use std::path::Path;
use std::process::ExitCode;

use serde_json::{Value, json};

use super::due;
use crate::cli::print;
use crate::crl::{self, Inspection, Signature};

/// Says of each CRL in a file whether a gateway with this CA would take it.
pub(super) fn verify(file: &Path, ca: &Path, json: bool) -> Result<ExitCode, String> {
    let inspected = crl::inspect(file, Some(ca)).map_err(|error| error.to_string())?;
    if json {
        let values = inspected.iter().map(|crl| {
            json!({ "issuer": crl.issuer, "number": crl.number, "good": problem(crl).is_none(), "problem": problem(crl) })
        });
        print(&values.collect::<Value>().to_string());
    } else {
        let lines: Vec<_> = inspected.iter().map(describe).collect();
        print(&lines.join("\n"));
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
