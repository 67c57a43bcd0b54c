//! `fleetgate crl inspect`

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::{Value, json};

use super::{due, seen, time};
use crate::cli::print;
use crate::crl::{self, Inspection, Listed, Signature};
use crate::device::revocation::RadixReport;

/// Prints what the CRLs in a file say, and what a gateway that can be reached has seen of what they list.
pub(super) fn inspect(
    file: &Path,
    ca: Option<&Path>,
    socket: Result<PathBuf, String>,
    json: bool,
) -> Result<ExitCode, String> {
    let inspected = crl::inspect(file, ca).map_err(|error| error.to_string())?;
    let seen = seen::ask(socket);
    let reports: Vec<_> = inspected
        .iter()
        .map(|inspection| (inspection, seen.as_deref().map(|seen| seen::compare(inspection, seen))))
        .collect();
    if json {
        let values = reports.iter().map(|(crl, seen)| in_json(crl, seen.as_ref().ok()));
        print(&values.collect::<Value>().to_string());
    } else {
        let texts: Vec<_> =
            reports.iter().map(|(crl, seen)| describe(crl, seen.as_ref().map_err(|error| *error))).collect();
        print(texts.join("\n").trim_end());
    }
    Ok(status(&inspected))
}

/// Prints the same without a word of a gateway.
pub(in crate::cli) fn show(file: &Path, ca: Option<&Path>, json: bool) -> Result<ExitCode, String> {
    let inspected = crl::inspect(file, ca).map_err(|error| error.to_string())?;
    if json {
        print(&serde_json::to_string(&inspected).map_err(|error| error.to_string())?);
    } else {
        print(inspected.iter().map(facts).collect::<Vec<_>>().join("\n").trim_end());
    }
    Ok(status(&inspected))
}

fn status(inspected: &[Inspection]) -> ExitCode {
    let bad = |crl: &Inspection| matches!(crl.signature, Signature::Bad { .. });
    if inspected.iter().any(bad) { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn in_json(crl: &Inspection, seen: Option<&RadixReport>) -> Value {
    json!({ "crl": crl, "gateway": seen.map(seen::in_json) })
}

fn describe(crl: &Inspection, seen: Result<&RadixReport, &String>) -> String {
    let mut text = facts(crl);
    let (said, warnings) = seen::describe(seen);
    line(&mut text, "gateway", &said);
    for warning in warnings {
        line(&mut text, "WARNING", &warning);
    }
    text
}

fn line(text: &mut String, label: &str, value: &str) {
    let _ = writeln!(text, "{label:<11}{value}");
}

/// What the CRL itself says.
fn facts(crl: &Inspection) -> String {
    let mut text = String::new();
    let mut line = |label: &str, value: &str| line(&mut text, label, value);
    line("issuer", &crl.issuer);
    line("issuer id", crl.issuer_id.as_deref().unwrap_or("unknown without the CA that signed it (--ca)"));
    line("number", crl.number.as_deref().unwrap_or("none"));
    line("made", &time(crl.this_update));
    line("due", &due(crl.next_update, crl.expired));
    line(
        "scope",
        &[Some(crl.scope), crl.shard.as_deref()].into_iter().flatten().collect::<Vec<_>>().join(", "),
    );
    line("entries", &crl.entries.to_string());
    for entry in entries(crl) {
        line("", &entry);
    }
    line("signature", &signature(&crl.signature));
    text
}

fn entries(crl: &Inspection) -> Vec<String> {
    let entry = |entry: &Listed| {
        let decimal = entry.decimal.as_deref().unwrap_or("negative");
        let (at, reason) = (time(entry.revoked_at), entry.reason.unwrap_or("no reason given"));
        format!("{} (decimal {decimal}), {at}, {reason}", entry.hex)
    };
    let more = crl.entries.saturating_sub(crl.first.len());
    let more = (more > 0).then(|| format!("and {more} more"));
    crl.first.iter().map(entry).chain(more).collect()
}

fn signature(signature: &Signature) -> String {
    match signature {
        Signature::NotChecked => "not checked; give the CA with --ca".to_owned(),
        Signature::Good { sha1: false } => "good".to_owned(),
        Signature::Good { sha1: true } => "good, with SHA-1: the CA needs allow_sha1".to_owned(),
        Signature::Bad { problem } => format!("BAD: {problem}"),
    }
}
