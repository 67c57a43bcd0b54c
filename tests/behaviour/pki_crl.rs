//! CRLs grow: each has a higher number, the entries of the one before, and the format of its file.

use fleetgate_tests::skip;
use fleetgate_tests::workbench::Workbench;
use serde_json::Value;

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn bench() -> Workbench {
    let bench = Workbench::new();
    bench.must("fleetgate pki ca new CA && fleetgate pki device new one && fleetgate pki device new two");
    bench
}

#[test]
fn a_list_is_added_to_in_the_format_that_it_has() {
    for (format, starts) in [("der", &b"\x30"[..]), ("pem", b"-----BEGIN X509 CRL-----"), ("base64", b"MII")]
    {
        let bench = bench();
        let new = json(&bench.must(&format!("fleetgate pki crl new --format {format} --days 30 --json")));
        assert_eq!((&new["entries"], &new["added"]), (&0.into(), &0.into()));
        let add = |more: &str| json(&bench.must(&format!("fleetgate pki crl add ca.crl {more} --json")));
        let first = add("--revoke one.pem --reason keyCompromise");
        assert_eq!((&first["entries"], &first["added"]), (&1.into(), &1.into()));
        let second = add("--revoke one.pem --revoke two.pem --serial 0A:1B");
        assert_eq!((&second["entries"], &second["added"]), (&3.into(), &2.into()));
        let number = |said: &Value| said["number"].as_str().unwrap().parse::<u64>().unwrap();
        assert!(number(&new) < number(&first) && number(&first) < number(&second), "{format}");
        assert!(bench.bytes("ca.crl").starts_with(starts), "{format}");
        let shown = json(&bench.must("fleetgate pki crl show ca.crl --ca ca.pem --json"))[0].clone();
        assert_eq!(
            (&shown["signature"]["result"], &shown["entries"]),
            (&"good".into(), &3.into()),
            "{format}"
        );
        assert_eq!(
            (&shown["first"][0]["reason"], &shown["first"][2]["hex"]),
            (&"keyCompromise".into(), &"0A1B".into())
        );
        let said = bench.run("fleetgate pki verify one.pem two.pem --crl ca.crl");
        assert_eq!((said.code, said.stdout.matches("revoked").count()), (1, 2), "{format}: {said:?}");
    }
}

#[test]
fn nobody_who_is_added_is_lost_however_many_add_at_once() {
    let bench = bench();
    bench.must("fleetgate pki crl new");
    bench.must(
        "for n in 1 2 3 4 5 6 7 8 9 A B C; do fleetgate pki crl add ca.crl --serial A$n & all+=($!); done; \
         for one in ${all[@]}; do wait $one; done",
    );
    let shown = json(&bench.must("fleetgate pki crl show ca.crl --ca ca.pem --json"))[0].clone();
    assert_eq!((&shown["entries"], &shown["signature"]["result"]), (&12.into(), &"good".into()), "{shown}");
}

#[test]
fn a_list_behind_a_link_is_added_to_where_it_is() {
    let bench = bench();
    bench.must("mkdir lists && fleetgate pki crl new --out lists/ca.crl && ln -s lists/ca.crl current.crl");
    bench.must("fleetgate pki crl add current.crl --revoke one.pem");
    assert!(bench.path("current.crl").is_symlink());
    let said = bench.run("fleetgate pki verify one.pem --crl lists/ca.crl");
    assert!(said.stdout.contains("revoked"), "{said:?}");
}

#[test]
fn a_list_in_place_of_another_has_a_higher_number_also_where_the_clock_went_back() {
    if !skip::unless_installed("openssl") {
        return;
    }
    let bench = bench();
    // As other tools count, and whoever had a clock that was ahead.
    bench.write(
        "openssl.cnf",
        "[ca]\ndefault_ca=own\n[own]\ndatabase=index.txt\ncrlnumber=number\ndefault_md=sha256\n",
    );
    bench.write("index.txt", "");
    bench.write("number", "7FFFFFFFFFFFFFFFFF\n");
    bench.must(
        "openssl ca -gencrl -config openssl.cnf -cert ca.pem -keyfile ca-key.pem -crldays 7 -out ca.crl 2>/dev/null",
    );
    let said = json(&bench.must("fleetgate pki crl new --force --revoke one.pem --json"));
    let expected = 0x7f_ffff_ffff_ffff_ffff_u128 + 1;
    assert_eq!((&said["number"], &said["entries"]), (&expected.to_string().into(), &1.into()));
}

#[test]
fn the_list_of_another_ca_and_a_certificate_of_another_are_refused() {
    let bench = bench();
    bench.must("fleetgate pki ca new Other --out other");
    bench.must("fleetgate pki crl new --ca other.pem --ca-key other-key.pem --out other.crl");
    let said = bench.must_fail("fleetgate pki crl add other.crl --revoke one.pem");
    assert!(said.contains("other.crl: ") && said.contains("CN=Other"), "{said}");
    bench.must(
        "fleetgate pki device new stranger --ca other.pem --ca-key other-key.pem && fleetgate pki crl new",
    );
    let said = bench.must_fail("fleetgate pki crl add ca.crl --revoke stranger.pem");
    assert!(said.contains("stranger.pem: `CN=Other` issued it"), "{said}");
    let said = bench.run("fleetgate pki crl show ca.crl --ca other.pem");
    assert!(said.code == 1 && said.stdout.contains("BAD"), "{said:?}");
    assert_eq!(bench.run("fleetgate pki crl new --reason stolen --force").code, 2);
}

#[test]
fn reasons_are_those_of_the_standard_as_openssl_reads_them() {
    if !skip::unless_installed("openssl") {
        return;
    }
    let bench = bench();
    let reasons = [
        ("unspecified", ""),
        ("keyCompromise", "Key Compromise"),
        ("CACompromise", "CA Compromise"),
        ("affiliationChanged", "Affiliation Changed"),
        ("superseded", "Superseded"),
        ("cessationOfOperation", "Cessation Of Operation"),
        ("certificateHold", "Certificate Hold"),
        ("privilegeWithdrawn", "Privilege Withdrawn"),
        ("AACompromise", "AA Compromise"),
    ];
    for (reason, shown) in reasons {
        bench.must(&format!("fleetgate pki crl new --force --revoke one.pem --reason {reason}"));
        let text = bench.must("openssl crl -in ca.crl -noout -text");
        let (_, after) = text.split_once("Revocation Date").unwrap();
        let entry = after.split("Signature").next().unwrap();
        assert_eq!(entry.contains("CRL Reason Code"), !shown.is_empty(), "{reason}: {entry}");
        assert!(entry.contains(shown), "{reason}: {entry}");
    }
}
