//! Shell completions and manual pages are those of the whole command line.

use fleetgate_tests::workbench::Workbench;

const VERBS: [&str; 6] = ["run", "reload", "status", "crl", "pki", "completions"];

#[test]
fn every_shell_gets_completions_of_every_verb() {
    let bench = Workbench::new();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = bench.must(&format!("fleetgate completions {shell}"));
        for word in VERBS.into_iter().chain(["gencert", "--ca-key"]) {
            // In fish options have no dashes.
            assert!(script.contains(word.trim_start_matches('-')), "{shell}: {word}");
        }
    }
    // bash takes it, and knows it.
    let completed = bench.must(
        "fleetgate completions bash > c && source ./c && COMP_WORDS=(fleetgate pk) COMP_CWORD=1 && _fleetgate fleetgate pk fleetgate && \
         echo ${COMPREPLY[@]}",
    );
    assert_eq!(completed.trim(), "pki");
}

#[test]
fn every_verb_has_a_manual_page() {
    let bench = Workbench::new();
    bench.must("fleetgate man pages");
    for page in VERBS.map(|verb| format!("fleetgate-{verb}.1")).into_iter().chain([
        "fleetgate.1".to_owned(),
        "fleetgate-pki-device-new.1".to_owned(),
        "fleetgate-pki-gencert.1".to_owned(),
        "fleetgate-crl-inspect.1".to_owned(),
    ]) {
        let text = bench.read(&format!("pages/{page}"));
        assert!(text.contains(".TH") && text.contains(".SH NAME"), "{page}");
    }
    assert!(bench.read("pages/fleetgate-pki-gencert.1").contains("initca"));
}
