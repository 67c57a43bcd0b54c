//! What is done to the gateway, and what has to be left of it.

use clap::ValueEnum as _;

use crate::flood::Kind;

/// All floods, as they take their turn.
pub(super) const ALL: [Kind; 5] =
    [Kind::Syn, Kind::UnknownNames, Kind::KnownName, Kind::BadCertificates, Kind::Garbage];

/// Its name in reports.
pub(super) fn label(kind: Kind) -> &'static str {
    match kind {
        Kind::Syn => "SYNs from random sources",
        Kind::UnknownNames => "hellos with unknown names",
        Kind::KnownName => "hellos with a known name, few sources",
        Kind::BadCertificates => "bad certificates, few sources",
        Kind::Garbage => "garbage",
    }
}

/// The share of its goodput that has to be left with XDP.
pub(super) fn target(kind: Kind) -> f64 {
    match kind {
        Kind::Syn => 0.80,
        Kind::UnknownNames | Kind::KnownName | Kind::BadCertificates | Kind::Garbage => 0.90,
    }
}

/// Packets, or connections, that it offers a second at most. No more than one CPU, shared with the devices, brings about.
pub(super) fn rate(kind: Kind) -> u32 {
    match kind {
        Kind::Syn => 200_000,
        Kind::UnknownNames | Kind::KnownName | Kind::Garbage => 20_000,
        Kind::BadCertificates => 2_000,
    }
}

/// How it is written on the command line.
pub(super) fn word(kind: Kind) -> String {
    kind.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}
