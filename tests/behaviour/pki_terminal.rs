//! Passphrases are asked for at a terminal, without an echo; and Ctrl-C there leaves a terminal that echoes, and no files.

use fleetgate_tests::python;
use fleetgate_tests::workbench::Workbench;

/// Runs a line at a terminal where somebody types these lines; gives what the terminal shows, with what became of it last.
fn at_terminal(bench: &Workbench, typed: &[&str], line: &str) -> Option<String> {
    let interpreter = python::interpreter()?;
    let mut command = python::script(&interpreter, "terminal.py");
    command.arg(typed.join("\n")).args(["bash", "-c", line]);
    bench.place(&mut command);
    Some(python::output(&mut command))
}

#[test]
fn a_passphrase_is_typed_twice_for_a_new_key_and_once_for_an_old_one() {
    let bench = Workbench::new();
    let new = "fleetgate pki ca new CA --encrypt";
    let Some(shown) = at_terminal(&bench, &["s3cret", "other"], new) else { return };
    assert!(shown.contains("differ; nothing was made") && shown.ends_with("\necho 1\n"), "{shown}");
    assert_eq!(bench.must("ls"), "");
    let shown = at_terminal(&bench, &["s3cret", "s3cret"], new).unwrap();
    assert!(shown.starts_with("New passphrase: ") && shown.contains("The same again: "), "{shown}");
    assert!(shown.ends_with("\necho 0\n") && !shown.contains("s3cret"), "{shown}");

    let device = "fleetgate pki device new pump";
    let shown = at_terminal(&bench, &["wrong"], device).unwrap();
    assert!(
        shown.contains("ca-key.pem: the passphrase is wrong") && shown.ends_with("\necho 1\n"),
        "{shown}"
    );
    let shown = at_terminal(&bench, &["s3cret"], device).unwrap();
    assert!(shown.starts_with("Passphrase of ca-key.pem: ") && shown.ends_with("\necho 0\n"), "{shown}");
    bench.must("fleetgate pki verify pump.pem");
}

#[test]
fn ctrl_c_at_a_passphrase_leaves_a_terminal_that_echoes_and_no_files() {
    let bench = Workbench::new();
    for (typed, line) in [
        (&["^C"][..], "fleetgate pki ca new CA --encrypt"),
        (&["s3cret", "^C"], "fleetgate pki ca new CA --encrypt"),
    ] {
        let Some(shown) = at_terminal(&bench, typed, line) else { return };
        assert!(shown.contains("interrupted; nothing was made") && shown.ends_with("\necho 1\n"), "{shown}");
        assert_eq!(bench.must("ls"), "");
    }
}
