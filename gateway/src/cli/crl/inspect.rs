//! `fleetgate crl inspect`

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{due, time};
use crate::cli::{client, print};
use crate::crl::{self, Inspection, Listed, Signature};
use crate::device::revocation::{IssuerId, RadixReport, Serial};

/// The devices of a CA in a gateway's verdict cache.
#[derive(Deserialize)]
struct Seen {
    issuer: String,
    name: String,
    serials: Vec<String>,
}

/// Prints what the CRLs in a file say, and what a gateway that can be reached has seen of what they list.
pub(super) fn inspect(
    file: &Path,
    ca: Option<&Path>,
    socket: Result<PathBuf, String>,
    json: bool,
) -> Result<ExitCode, String> {
    let inspected = crl::inspect(file, ca).map_err(|error| error.to_string())?;
    let seen = socket.and_then(|socket| ask(&socket));
    let reports: Vec<_> = inspected
        .iter()
        .map(|inspection| (inspection, seen.as_deref().map(|seen| compare(inspection, seen))))
        .collect();
    if json {
        let values = reports.iter().map(|(crl, seen)| in_json(crl, seen.as_ref().ok()));
        print(&values.collect::<Value>().to_string());
    } else {
        let texts: Vec<_> = reports.iter().map(|(crl, seen)| describe(crl, seen.as_ref())).collect();
        print(texts.join("\n").trim_end());
    }
    let bad = |crl: &Inspection| matches!(crl.signature, Signature::Bad { .. });
    Ok(if inspected.iter().any(bad) { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn ask(socket: &Path) -> Result<Vec<Seen>, String> {
    let answer = client::ask(socket, Method::GET, "/fleetgate/v1/cache/serials", None)?;
    serde_json::from_value(answer.body).map_err(|error| format!("the gateway answered oddly: {error}"))
}

fn compare(crl: &Inspection, seen: &[Seen]) -> RadixReport {
    let is_of = |seen: &&Seen| seen.issuer.parse().is_ok_and(|id: IssuerId| crl.is_of(&id, &seen.name));
    let serials = seen.iter().filter(is_of).flat_map(|seen| &seen.serials);
    crl.compare(serials.filter_map(|serial| serial.parse::<Serial>().ok()))
}

fn in_json(crl: &Inspection, seen: Option<&RadixReport>) -> Value {
    let seen = seen.map(|report| {
        json!({
            "seen": report.seen,
            "matching": report.matching,
            "hex_read_as_decimal": report.hex_read_as_decimal,
            "hex_cut_at_letter": report.hex_cut_at_letter,
            "decimal_read_as_hex": report.decimal_read_as_hex,
            "suspicious": report.is_suspicious(),
        })
    });
    json!({ "crl": crl, "gateway": seen })
}

fn describe(crl: &Inspection, seen: Result<&RadixReport, &&String>) -> String {
    let mut text = String::new();
    let mut line = |label: &str, value: &str| {
        let _ = writeln!(text, "{label:<11}{value}");
    };
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
    match seen {
        Ok(report) => {
            let RadixReport { seen, matching, .. } = report;
            line("gateway", &format!("lists {matching} of the {seen} devices of this CA that it has seen"));
            for warning in warnings(report) {
                line("WARNING", &warning);
            }
        }
        Err(error) => line("gateway", &format!("not asked: {error}")),
    }
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

/// The trap of serial files.
fn warnings(report: &RadixReport) -> Vec<String> {
    let misread = report.hex_read_as_decimal + report.hex_cut_at_letter;
    let as_hex = report.decimal_read_as_hex;
    let mut warnings = Vec::new();
    if report.is_suspicious() && misread > 0 {
        warnings.push(format!(
            "it would list {misread} of them if their hexadecimal serial numbers had been read as decimal: `cfssl \
             gencrl` reads decimal numbers, and takes hexadecimal ones without a word"
        ));
    }
    if report.is_suspicious() && as_hex > 0 {
        warnings.push(format!(
            "it would list {as_hex} of them if their decimal serial numbers had been read as hexadecimal, which \
             OpenSSL's tools expect"
        ));
    }
    warnings
}
