use clap::CommandFactory as _;

use super::*;

fn parse(line: &str) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(line.split_whitespace())
}

#[test]
fn the_command_line_is_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn the_examples_in_the_help_parse() {
    let examples = EXAMPLES.lines().filter(|line| line.contains("fleetgate-bench"));
    for example in examples {
        parse(example).unwrap_or_else(|error| panic!("{example}: {error}"));
    }
}

#[test]
fn pingora_takes_part_where_it_is_asked_for() {
    assert!(parse("fleetgate-bench handshake --peers nginx,pingora").is_ok());
    assert!(!crate::server::Peer::USUAL.contains(&crate::server::Peer::Pingora));
}

#[test]
fn what_makes_no_sense_is_refused() {
    for line in [
        "handshake --rounds 0",
        "handshake --peers apache",
        "endurance",
        "survival --peers nginx",
        "proxy --json",
    ] {
        assert!(parse(&format!("fleetgate-bench {line}")).is_err(), "{line}");
    }
}
