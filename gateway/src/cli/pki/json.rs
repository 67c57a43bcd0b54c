//! `fleetgate pki json`, as `cfssljson`

use std::path::PathBuf;
use std::process::ExitCode;

use serde::Deserialize;
use zeroize::Zeroizing;

use super::go_flags::{self, Flags, Known};
use super::said;
use crate::cli::print;
use crate::pki::write::{self, Output};

pub(super) const HELP: &str = "Usage, as of `cfssljson`:
  fleetgate pki json [-bare] [-f FILE] [-stdout] [-force] [NAME]

  NAME             the beginning of the files' names: NAME.pem, NAME-key.pem and NAME.csr; `cert` unless it is given
  -bare            the JSON is what gencert prints, and not the answer of a cfssl server
  -f               the JSON; standard input unless it is given
  -stdout          print, and write no files
  -force           replace files that exist; cfssljson does so always

Keys can be read by their owner alone.

Example:
  fleetgate pki gencert -initca ca-csr.json | fleetgate pki json -bare ca";

const KNOWN: Known = Known { values: &["f"], switches: &["bare", "stdout", "force"] };

/// What gencert prints.
#[derive(Default, Deserialize)]
struct Made {
    #[serde(alias = "certificate")]
    cert: Option<String>,
    #[serde(alias = "private_key")]
    key: Option<Zeroizing<String>>,
    #[serde(alias = "certificate_request")]
    csr: Option<String>,
}

/// The answer of a cfssl server.
#[derive(Deserialize)]
struct Response {
    success: bool,
    result: Option<Made>,
    #[serde(default)]
    errors: Vec<Message>,
}

#[derive(Deserialize)]
struct Message {
    message: String,
}

/// Runs the verb.
pub(super) fn run(arguments: &[String]) -> Result<ExitCode, String> {
    let flags = match Flags::parse(KNOWN, arguments) {
        Ok(flags) => flags,
        Err(error) => return Ok(go_flags::misused(&error)),
    };
    if flags.help {
        print(HELP);
        return Ok(ExitCode::SUCCESS);
    }
    let base = match flags.arguments.as_slice() {
        [] => "cert",
        [base] => base,
        _ => return Err("give one name for the files; -help says more".to_owned()),
    };
    let file = flags.get("f").unwrap_or("-");
    let made = read(file, flags.has("bare"))?;
    let files = outputs(&made, base);
    if files.is_empty() {
        return Err(format!("{}: there is no cert, key or csr in it", go_flags::name(file)));
    }
    if flags.has("stdout") {
        for file in &files {
            print(&String::from_utf8_lossy(file.content));
        }
    } else {
        write::write(&files, flags.has("force")).map_err(said)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn read(file: &str, bare: bool) -> Result<Made, String> {
    let text = go_flags::read(file)?;
    if text.iter().all(u8::is_ascii_whitespace) {
        return Err(format!("{} is empty: what was to fill it has failed", go_flags::name(file)));
    }
    // Without the parser's words: they could quote the key.
    let failed = |error: serde_json::Error| {
        let (line, column) = (error.line(), error.column());
        format!("{}: line {line}, column {column}: not the JSON that is expected here", go_flags::name(file))
    };
    if bare {
        return serde_json::from_slice(&text).map_err(failed);
    }
    let Response { success, result, errors } = serde_json::from_slice(&text).map_err(failed)?;
    if success {
        return Ok(result.unwrap_or_default());
    }
    let errors: Vec<_> = errors.into_iter().map(|error| error.message).collect();
    Err(format!("the request failed: {}", errors.join("; ")))
}

fn outputs<'a>(made: &'a Made, base: &str) -> Vec<Output<'a>> {
    let output = |name: &str, content: Option<&'a str>, secret| {
        let content = content.filter(|content| !content.is_empty())?;
        Some(Output { path: PathBuf::from(format!("{base}{name}")), content: content.as_bytes(), secret })
    };
    let key = made.key.as_ref().map(|key| key.as_str());
    let files = [
        output(".pem", made.cert.as_deref(), false),
        output("-key.pem", key, true),
        output(".csr", made.csr.as_deref(), false),
    ];
    files.into_iter().flatten().collect()
}
