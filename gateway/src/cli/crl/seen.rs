//! What a running gateway has seen of what a CRL lists.

use std::path::{Path, PathBuf};

use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::cli::client;
use crate::crl::Inspection;
use crate::device::revocation::{IssuerId, RadixReport, Serial};

/// The devices of a CA in a gateway's verdict cache.
#[derive(Deserialize)]
pub(super) struct Seen {
    issuer: String,
    name: String,
    serials: Vec<String>,
}

/// Asks the gateway, where there is one.
pub(super) fn ask(socket: Result<PathBuf, String>) -> Result<Vec<Seen>, String> {
    socket.and_then(|socket| ask_at(&socket))
}

fn ask_at(socket: &Path) -> Result<Vec<Seen>, String> {
    let answer = client::ask(socket, Method::GET, "/fleetgate/v1/cache/serials", None)?;
    serde_json::from_value(answer.body).map_err(|error| format!("the gateway answered oddly: {error}"))
}

/// How many of them the CRL lists, and would list misread.
pub(super) fn compare(crl: &Inspection, seen: &[Seen]) -> RadixReport {
    let is_of = |seen: &&Seen| seen.issuer.parse().is_ok_and(|id: IssuerId| crl.is_of(&id, &seen.name));
    let serials = seen.iter().filter(is_of).flat_map(|seen| &seen.serials);
    crl.compare(serials.filter_map(|serial| serial.parse::<Serial>().ok()))
}

pub(super) fn in_json(report: &RadixReport) -> Value {
    json!({
        "seen": report.seen,
        "matching": report.matching,
        "hex_read_as_decimal": report.hex_read_as_decimal,
        "hex_cut_at_letter": report.hex_cut_at_letter,
        "decimal_read_as_hex": report.decimal_read_as_hex,
        "suspicious": report.is_suspicious(),
    })
}

/// The report for people, with warnings as lines of their own.
pub(super) fn describe(report: Result<&RadixReport, &String>) -> (String, Vec<String>) {
    match report {
        Ok(report) => {
            let RadixReport { seen, matching, .. } = report;
            let said = format!("lists {matching} of the {seen} devices of this CA that it has seen");
            (said, warnings(report))
        }
        Err(error) => (format!("not asked: {error}"), Vec::new()),
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
