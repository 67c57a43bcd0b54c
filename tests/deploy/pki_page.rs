//! `docs/pki.md`: its commands are run, in its order, and say what it shows.

use fleetgate_tests::skip;
use fleetgate_tests::workbench::Workbench;

use crate::repository;

/// A command and what it says, as the page has it.
struct Shown<'a> {
    command: String,
    output: Vec<&'a str>,
}

/// What the page shows of a terminal.
fn blocks(page: &str) -> Vec<&str> {
    let blocks = page.split("\n```console\n").skip(1);
    blocks.map(|rest| rest.split("\n```").next().unwrap()).collect()
}

fn commands(block: &str) -> Vec<Shown<'_>> {
    let mut shown: Vec<Shown<'_>> = Vec::new();
    for line in block.lines() {
        match (line.strip_prefix("$ "), line.strip_prefix('>'), shown.last_mut()) {
            (Some(command), ..) => shown.push(Shown { command: command.to_owned(), output: Vec::new() }),
            (None, Some(more), Some(last)) => {
                last.command.push('\n');
                last.command.push_str(more.strip_prefix(' ').unwrap_or(more));
            }
            (None, _, Some(last)) => last.output.push(line),
            (None, _, None) => panic!("what says {line:?}?"),
        }
    }
    shown
}

/// The text without what is another one each time: numbers and digests from ten digits on, dates and times.
fn stable(text: &str) -> String {
    let is_word = |c: char| c.is_ascii_alphanumeric() || "-:/+=".contains(c);
    let mut stable = String::new();
    for word in text.split_inclusive(|c| !is_word(c)) {
        let (body, end) = word.split_at(word.trim_end_matches(|c| !is_word(c)).len());
        let digits = body.chars().filter(char::is_ascii_digit).count();
        let hex = body.chars().all(|c| c.is_ascii_hexdigit() || c == ':');
        let date = digits >= 6 && body.chars().all(|c| c.is_ascii_digit() || "-:/TZ".contains(c));
        let changes = date || (hex && body.len() >= 10) || body.len() > 60;
        stable.push_str(if changes { "…" } else { body });
        stable.push_str(end);
    }
    stable
}

#[test]
fn the_pages_commands_say_what_it_shows() {
    if !skip::unless_installed("openssl") {
        return;
    }
    let (page, bench) = (repository::read("docs/pki.md"), Workbench::new());
    let document = "xtask/src/run/document";
    for name in ["ca-csr.json", "ca-config.json", "client-csr.json"] {
        bench.write(name, repository::read(&format!("{document}/{name}")));
    }
    let blocks = blocks(&page);
    assert!(blocks.len() > 5);
    for shown in blocks.into_iter().flat_map(commands) {
        let said = bench.run(&shown.command);
        let output = said.stderr + &said.stdout;
        let output: Vec<_> = output.lines().map(str::trim_end).collect();
        let expected = shown.output.join("\n");
        assert_eq!(stable(&output.join("\n")), stable(&expected), "{}", shown.command);
    }
}

#[test]
fn every_verb_of_the_tool_is_on_the_page() {
    let (page, bench) = (repository::read("docs/pki.md"), Workbench::new());
    let help = bench.must("fleetgate pki --help");
    let (_, verbs) = help.split_once("Commands:\n").unwrap();
    let verbs = verbs.lines().take_while(|line| !line.is_empty()).filter_map(|line| line.strip_prefix("  "));
    let verbs: Vec<_> = verbs.filter(|line| !line.starts_with(' ') && !line.starts_with("help")).collect();
    assert!(verbs.len() > 8, "{verbs:?}");
    for verb in verbs.iter().filter_map(|line| line.split_whitespace().next()) {
        assert!(page.contains(&format!("pki {verb}")), "{verb}");
    }
}
