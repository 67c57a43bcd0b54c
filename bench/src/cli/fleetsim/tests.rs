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
    for command in Cli::command().get_subcommands() {
        let help = command.get_after_help().unwrap().to_string().replace("\\\n", " ");
        let example = help.lines().find(|line| line.trim_start().starts_with("fleetsim")).unwrap();
        parse(example).unwrap_or_else(|error| panic!("{example}: {error}"));
    }
}

#[test]
fn what_makes_no_sense_is_refused() {
    let run = "fleetsim run --connect 127.0.0.1:1 --host a --ca a --pki a";
    assert!(parse(&format!("{run} --devices 3")).is_ok());
    for rest in [
        "--devices 0",
        "--devices 3 --bad 1.5",
        "--devices 3 --bad some",
        "--devices 3 --interval 5",
        "--devices 3 --requests-per-connection 0",
        "--devices 3 --source here",
        "",
    ] {
        assert!(parse(&format!("{run} {rest}")).is_err(), "{rest}");
    }
    assert!(parse("fleetsim pki --out a").is_err());
    assert!(parse("fleetsim origin --listen 9000").is_err());
}
