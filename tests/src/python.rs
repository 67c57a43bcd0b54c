//! Python, for protocols of which somebody else's reading is wanted.

use std::io::Write as _;
use std::process::{Command, Stdio};

/// Runs a script with `input` on its standard input. Returns what it printed.
///
/// # Panics
/// When it fails, with what it said.
#[track_caller]
pub fn run(script: &str, arguments: &[&str], input: &[u8]) -> String {
    // It ends, whatever it does: a script that waits for an answer must not hang the test.
    let mut child = Command::new("timeout")
        .args(["--signal=KILL", "60", "python3", "-c", script])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("run python3");
    let mut stdin = child.stdin.take().expect("its input");
    // It may end without reading everything.
    let _ = stdin.write_all(input);
    drop(stdin);
    let output = child.wait_with_output().expect("its output");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    String::from_utf8(output.stdout).expect("text")
}
