//! Flags as Go's `flag` package has them: one dash or two, a value behind `=` or in the next word.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read as _};
use std::process::ExitCode;

use zeroize::Zeroizing;

use crate::cli::print_error;

/// What flags a verb has.
#[derive(Clone, Copy)]
pub(super) struct Known {
    /// Those with a value.
    pub(super) values: &'static [&'static str],
    /// Those that are there or not.
    pub(super) switches: &'static [&'static str],
}

/// What was given.
#[derive(Debug, Default)]
pub(super) struct Flags {
    values: BTreeMap<&'static str, String>,
    /// What is no flag.
    pub(super) arguments: Vec<String>,
    /// Whether somebody asks for help.
    pub(super) help: bool,
}

impl Flags {
    /// Reads arguments. Unlike Go, flags may also stand behind what is none.
    pub(super) fn parse(known: Known, given: &[String]) -> Result<Self, String> {
        let (mut flags, mut rest) = (Self::default(), given.iter());
        while let Some(word) = rest.next() {
            let flag = word.strip_prefix("--").or_else(|| word.strip_prefix('-'));
            match flag {
                Some("") if word == "--" => flags.arguments.extend(rest.by_ref().cloned()),
                // `-` is standard input.
                None | Some("") => flags.arguments.push(word.clone()),
                Some("h" | "help") => flags.help = true,
                Some(flag) => flags.take(known, flag, &mut rest)?,
            }
        }
        Ok(flags)
    }

    fn take<'a>(
        &mut self,
        known: Known,
        flag: &str,
        rest: &mut impl Iterator<Item = &'a String>,
    ) -> Result<(), String> {
        let (name, value) = flag.split_once('=').map_or((flag, None), |(name, value)| (name, Some(value)));
        let find = |names: &[&'static str]| names.iter().copied().find(|known| *known == name);
        if let Some(name) = find(known.switches) {
            let on = match value {
                None | Some("1" | "t" | "T" | "true" | "TRUE" | "True") => true,
                Some("0" | "f" | "F" | "false" | "FALSE" | "False") => false,
                Some(value) => return Err(format!("-{name} is on or off, and cannot be `{value}`")),
            };
            if on {
                self.values.insert(name, String::new())
            } else {
                self.values.remove(name)
            };
            return Ok(());
        }
        let Some(name) = find(known.values) else {
            let known: Vec<_> =
                known.values.iter().chain(known.switches).map(|name| format!("-{name}")).collect();
            return Err(format!("there is no flag -{name}; {} are known", known.join(", ")));
        };
        let value = value.map(str::to_owned).or_else(|| rest.next().cloned());
        self.values.insert(name, value.ok_or_else(|| format!("-{name} needs a value behind it"))?);
        Ok(())
    }

    /// Whether a switch is on.
    pub(super) fn has(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }

    /// A flag's value, unless it is empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }
}

/// Says what is wrong with the flags. The status is Go's, and that of the other verbs.
pub(super) fn misused(error: &str) -> ExitCode {
    print_error(error);
    ExitCode::from(2)
}

/// The content of a file, or of standard input for `-`. A private key may be in it.
pub(super) fn read(path: &str) -> Result<Zeroizing<Vec<u8>>, String> {
    let read = || {
        if path != "-" {
            return fs::read(path);
        }
        // Enough from the beginning for any key: what a buffer outgrows is left in memory.
        let mut text = Vec::with_capacity(64 * 1024);
        io::stdin().lock().read_to_end(&mut text).map(|_| text)
    };
    read().map(Zeroizing::new).map_err(|error| format!("cannot read {}: {error}", name(path)))
}

/// A file's name, for errors.
pub(super) fn name(path: &str) -> &str {
    if path == "-" { "standard input" } else { path }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: Known = Known { values: &["ca", "ca-key"], switches: &["initca", "bare"] };

    fn parse(words: &[&str]) -> Result<Flags, String> {
        Flags::parse(KNOWN, &words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn every_spelling_of_go_is_understood() {
        for words in [
            ["-initca", "-ca", "a.pem", "x.json"].as_slice(),
            &["--initca", "--ca=a.pem", "x.json"],
            &["-initca=true", "x.json", "-ca=a.pem"],
            &["-initca", "-ca=a.pem", "--", "x.json"],
        ] {
            let flags = parse(words).unwrap();
            assert!(flags.has("initca") && !flags.has("bare"), "{words:?}");
            assert_eq!((flags.get("ca"), flags.get("ca-key")), (Some("a.pem"), None), "{words:?}");
            assert_eq!(flags.arguments, ["x.json"], "{words:?}");
        }
        assert_eq!(parse(&["-"]).unwrap().arguments, ["-"]);
        assert!(!parse(&["-bare=false"]).unwrap().has("bare"));
        assert!(parse(&["-help"]).unwrap().help);
    }

    #[test]
    fn what_is_not_known_is_refused_by_name() {
        assert!(parse(&["-remote", "x"]).unwrap_err().contains("-remote"));
        assert!(parse(&["-ca"]).unwrap_err().contains("-ca needs a value"));
        assert!(parse(&["-bare=maybe"]).unwrap_err().contains("`maybe`"));
    }
}
