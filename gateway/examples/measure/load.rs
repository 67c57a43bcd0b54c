//! Loading a CRL, as the gateway does it in the background: read, parse, verify, index.

use std::fs;
use std::sync::Arc;
use std::time::Instant;

use fleetgate::device::refusal;
use fleetgate::device::revocation::{Issuer, OnExpired, ParsedCrl, RevocationIndex, envelope};
use fleetgate::device::trust::certificate_algorithms;
use serde::Serialize;

use crate::Failure;
use crate::population::Population;

/// What a load takes.
#[derive(Debug, Serialize)]
pub(crate) struct Load {
    /// Certificates that the index lists.
    entries: usize,
    /// From the file to the index, in seconds.
    seconds: f64,
    /// The CRL as a file.
    file_bytes: usize,
    /// What of it stays, by the index's own account.
    heap_bytes: usize,
    /// The process' resident set before.
    rss_before_bytes: usize,
    /// The largest that it was.
    rss_peak_bytes: usize,
}

/// An index of the CRL of so many entries.
pub(crate) fn index(population: &Population, entries: usize) -> Result<RevocationIndex, Failure> {
    let issuer = Issuer::read(&population.certificate("issuing")?)?;
    let file = population.crl(entries)?;
    let mut crls = Vec::new();
    for der in envelope::decode(&file, file.len())? {
        let parsed = ParsedCrl::parse(&der, file.len())?;
        crls.push(Arc::new(parsed.verify([&issuer], certificate_algorithms(false), refusal::now())?));
    }
    Ok(RevocationIndex::new(1, crls, |_| OnExpired::Hard, Arc::default()))
}

/// Loads it and says what it took. The peak is the process': nothing else may have happened in it.
pub(crate) fn measure(population: &Population, entries: usize) -> Result<Load, Failure> {
    let rss_before_bytes = status("VmRSS:")?;
    let start = Instant::now();
    let index = index(population, entries)?;
    let seconds = start.elapsed().as_secs_f64();
    let rss_peak_bytes = status("VmHWM:")?;
    Ok(Load {
        entries: index.crls().map(|crl| crl.len()).sum(),
        seconds,
        file_bytes: population.crl(entries)?.len(),
        heap_bytes: index.heap_bytes(),
        rss_before_bytes,
        rss_peak_bytes,
    })
}

/// A size that the kernel knows of this process.
fn status(field: &str) -> Result<usize, Failure> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(field)).ok_or("no such field")?;
    let kilobytes: usize = line.trim().trim_end_matches("kB").trim_end().parse()?;
    Ok(kilobytes * 1_024)
}
