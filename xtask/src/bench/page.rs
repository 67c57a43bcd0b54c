//! What was measured, on the page of the documentation: between markers, with the command above it.

use std::path::{Path, PathBuf};

use crate::process::{Error, Result};
use crate::{ui, workspace};

/// The page of a suite.
fn page(name: &str) -> PathBuf {
    workspace::root().join(if name == "scale" { "docs/scaling.md" } else { "docs/performance.md" })
}

/// Puts what a suite wrote into its place on the page. One that was skipped wrote nothing, and leaves what is there.
pub(super) fn update(name: &str, command: &str, measured: &Path) -> Result {
    let Ok(measured) = std::fs::read_to_string(measured) else { return Ok(()) };
    let page = page(name);
    let failed = |error: std::io::Error| Error::message(format!("{}: {error}", page.display()));
    let text = std::fs::read_to_string(&page).map_err(failed)?;
    let Some(text) = replaced(&text, name, &format!("```\n{command}\n```\n\n{measured}")) else {
        return Err(Error::message(format!(
            "{}: no place for the result; add <!-- bench:{name} --> and <!-- /bench:{name} --> on lines of their own",
            page.display()
        )));
    };
    std::fs::write(&page, text).map_err(failed)?;
    ui::note(&format!("{} has it", page.display()));
    Ok(())
}

/// The page with other text between the markers of a suite; `None` when it has none.
fn replaced(page: &str, name: &str, text: &str) -> Option<String> {
    let (begin, end) = (format!("<!-- bench:{name} -->\n"), format!("<!-- /bench:{name} -->"));
    let (before, rest) = page.split_once(&begin)?;
    let (_, after) = rest.split_once(&end)?;
    Some([before, &begin, text, &end, after].concat())
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum as _;

    use super::super::{Suite, fleet, word};
    use super::*;

    #[test]
    fn what_is_between_the_markers_is_replaced_and_nothing_else() {
        let page = "a\n<!-- bench:x -->\nold\n<!-- /bench:x -->\nb\n<!-- bench:y -->\n<!-- /bench:y -->\n";
        let new = "a\n<!-- bench:x -->\nnew\n<!-- /bench:x -->\nb\n<!-- bench:y -->\n<!-- /bench:y -->\n";
        assert_eq!(replaced(page, "x", "new\n").as_deref(), Some(new));
        assert_eq!(replaced(new, "x", "new\n").as_deref(), Some(new));
        assert_eq!(replaced(page, "z", "new\n"), None);
    }

    #[test]
    fn every_suite_and_every_scenario_has_its_place() {
        let suites =
            Suite::value_variants().iter().filter(|suite| !matches!(suite, Suite::Fleet | Suite::All));
        let scenarios = fleet::shipped().unwrap().into_iter().map(|name| format!("fleet-{name}"));
        for name in suites.map(word).chain(scenarios).chain(["scale".to_owned()]) {
            let page = std::fs::read_to_string(page(&name)).unwrap();
            assert!(replaced(&page, &name, "").is_some(), "{name}");
        }
    }
}
