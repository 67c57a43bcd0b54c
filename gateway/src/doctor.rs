//! What a machine lacks, or has that it should not have, for a gateway with its configuration: looked at, never touched.
//!
//! Facts are gathered in one place of each file, and judged by functions of these facts alone.

mod certificates;
mod clock;
mod files;
mod finding;
mod interfaces;
mod kernel;
mod limits;
mod pins;
mod rights;
mod subject;

use std::path::Path;

pub use finding::{Check, Finding, Level, Report};

use crate::config::{Problems, Severity};
use crate::control::{self, Base};
use crate::xdp;
use subject::Subject;

/// The gateway that runs with the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Running {
    /// Its process id.
    pub process: u32,
    /// What it warns of itself.
    pub warnings: Vec<String>,
}

/// Looks at this machine, for the configuration at `path`. Rights and limits are those of the gateway that is running, or of
/// whoever asks.
pub fn examine(path: &Path, running: Option<&Running>) -> Report {
    let mut findings = gateway(running);
    let features = xdp::probe();
    match Base::load(path) {
        Err(problems) => {
            findings.extend(configuration(&problems));
            findings.push(clock::look(path));
        }
        Ok(base) => {
            let checked = control::look(&base);
            let Base { config, source, .. } = &base;
            findings.extend(configuration(&checked.problems));
            findings.extend(kernel::look(&config.xdp, &features));
            findings.extend(interfaces::look(&config.xdp));
            match Subject::read(running.map(|running| running.process)) {
                Ok(subject) => {
                    findings.extend(rights::look(config, &subject));
                    findings.push(pins::look(&config.xdp, &subject));
                    findings.push(limits::open_files(&config.server, &subject));
                    findings.extend(files::state_dir(config.server.state_dir(source).as_deref(), &subject));
                    findings.extend(files::keys(config, source, &subject));
                }
                Err(error) => findings.push(Finding::warning(
                    Check::Rights,
                    format!("cannot find out what the gateway may do: {error}"),
                    "run this as root",
                )),
            }
            findings.extend(limits::backlog());
            findings.push(clock::look(path));
            findings.extend(checked.snapshot.iter().flat_map(certificates::look));
        }
    }
    Report { findings }
}

fn gateway(running: Option<&Running>) -> Vec<Finding> {
    let Some(Running { process, warnings }) = running else {
        let says = "no gateway runs with this configuration: rights and limits are those of this user";
        return vec![Finding::ok(Check::Gateway, says)];
    };
    let warnings = warnings.iter().map(|warning| Finding::told(Check::Gateway, Level::Warning, warning));
    let says = format!("process {process} serves: rights and limits are its own");
    std::iter::once(Finding::ok(Check::Gateway, says)).chain(warnings).collect()
}

fn configuration(problems: &Problems) -> Vec<Finding> {
    if problems.is_empty() {
        return vec![Finding::ok(Check::Configuration, "it would load, and there is nothing to say of it")];
    }
    let finding = |(severity, says, remedy): (Severity, String, Option<&str>)| {
        let level = match severity {
            Severity::Error => Level::Problem,
            Severity::Warning => Level::Warning,
        };
        Finding { check: Check::Configuration, level, says, remedy: remedy.map(str::to_owned) }
    };
    problems.told().map(finding).collect()
}
