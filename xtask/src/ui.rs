//! What is printed, all of it.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "xtask talks to a person at a terminal")]

use std::io::{IsTerminal as _, Write as _};

/// A heading: something that takes a while begins.
pub(crate) fn stage(text: &str) {
    eprintln!("==> {text}");
}

/// Something worth knowing.
pub(crate) fn note(text: &str) {
    eprintln!("    {text}");
}

/// Something went wrong.
pub(crate) fn error(text: &str) {
    eprintln!("error: {text}");
}

/// A line of the result.
pub(crate) fn line(text: &str) {
    println!("{text}");
}

/// Whether somebody is looking.
pub(crate) fn is_terminal() -> bool {
    std::io::stdout().is_terminal()
}

/// Replaces the screen.
pub(crate) fn screen(text: &str) {
    // Home, the text with the rest of each line cleared, then the rest of the screen.
    let text = text.replace('\n', "\x1b[K\n");
    print!("\x1b[H{text}\x1b[J");
    // A terminal that is gone does not want to be flushed.
    let _ = std::io::stdout().flush();
}

/// Empties the screen.
pub(crate) fn clear() {
    print!("\x1b[2J");
}
