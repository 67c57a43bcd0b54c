//! Files of serial numbers: hexadecimal and decimal ones are told apart, and what could be both is refused.

use fleetgate_tests::skip;
use fleetgate_tests::workbench::Workbench;

fn bench() -> Workbench {
    let bench = Workbench::new();
    bench.must("fleetgate pki ca new CA");
    bench
}

/// The serial numbers that OpenSSL finds in the CRL.
fn listed(bench: &Workbench, serials: &str, options: &str) -> Vec<String> {
    bench.write("serials.txt", serials);
    bench.must(&format!(
        "fleetgate pki gencrl {options} serials.txt ca.pem ca-key.pem | base64 -d > ca.crl && \
         openssl crl -in ca.crl -CAfile ca.pem -noout 2>&1"
    ));
    let text = bench.must("openssl crl -in ca.crl -noout -text");
    let numbers = text.lines().filter_map(|line| line.trim().strip_prefix("Serial Number: "));
    numbers.map(str::to_owned).collect()
}

#[test]
fn every_spelling_reaches_the_list_as_the_number_that_it_is() {
    if !skip::unless_installed("openssl") {
        return;
    }
    let bench = bench();
    let long = "111111111111111111111111111111111111111111111111";
    let long_hex = "13764DD0CAA3DC01F4E6D4B23BF1C71C71C71C71";
    assert_eq!(listed(&bench, "0a1b\nAC:DC\n0x17\nserial=18\n19\n", ""), ["0A1B", "ACDC", "17", "18", "19"]);
    let found = listed(&bench, &format!("{long}\n16\n"), "");
    assert_eq!((found.len(), found[1].as_str()), (2, "10"));
    assert_ne!(found[0], long_hex, "read by its own digits");
    assert_eq!(listed(&bench, "4711\n", "-serials hex"), ["4711"]);
    assert_eq!(listed(&bench, "4711\n", "--serials=decimal"), ["1267"]);
    assert_eq!(listed(&bench, "", ""), [] as [&str; 0]);
}

#[test]
fn digits_that_could_be_both_are_refused_with_both_readings() {
    let bench = bench();
    bench.write("serials.txt", "# revoked today\n4711\n");
    let said = bench.must_fail("fleetgate pki gencrl serials.txt ca.pem ca-key.pem");
    for part in
        ["serials.txt: line 2", "`4711`", "decimal 18193", "hexadecimal 1267", "--serials hex", "decimal"]
    {
        assert!(said.contains(part), "{part}: {said}");
    }
    let said = bench.must_fail("fleetgate pki crl new --serials-file serials.txt");
    assert!(said.contains("`4711`"), "{said}");
    assert!(!bench.path("ca.crl").exists());
    bench.must("fleetgate pki crl new --serials-file serials.txt --serials decimal");
    let shown = bench.must("fleetgate pki crl show ca.crl --ca ca.pem");
    assert!(shown.contains("1267 (decimal 4711)"), "{shown}");
}

#[test]
fn the_time_until_the_next_list_is_cfssls() {
    let bench = bench();
    bench.write("serials.txt", "AB\n");
    let due = |time: &str| {
        bench.must(&format!("fleetgate pki gencrl serials.txt ca.pem ca-key.pem {time} > ca.crl"));
        let shown: serde_json::Value =
            serde_json::from_str(&bench.must("fleetgate pki crl show ca.crl --json")).unwrap();
        let [made, due] = ["this_update", "next_update"].map(|field| shown[0][field].as_u64().unwrap());
        due - made
    };
    assert_eq!([due(""), due("0"), due("3600"), due("0x10")], [604_800, 604_800, 3600, 16]);
    let said = bench.must_fail("fleetgate pki gencrl serials.txt ca.pem ca-key.pem 1h");
    assert!(said.contains("`1h`"), "{said}");
}
