//! A fleet's certificates: as many as asked for, each listed, taken up where a killed run stopped, and good at the gateway.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use fleetgate_tests::gateway::{Gateway, quoted};
use fleetgate_tests::site::{HOST, Site};
use fleetgate_tests::skip;
use fleetgate_tests::workbench::Workbench;
use serde_json::Value;

fn bench() -> Workbench {
    let bench = Workbench::new();
    bench.must("fleetgate pki ca new 'Device CA'");
    bench
}

fn manifest(bench: &Workbench) -> Vec<Value> {
    bench.read("fleet/manifest.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn text<'a>(line: &'a Value, field: &str) -> &'a str {
    line[field].as_str().unwrap_or_else(|| panic!("{field} in {line}"))
}

#[test]
fn every_device_is_listed_as_openssl_reads_it() {
    if !skip::unless_installed("openssl") {
        return;
    }
    let bench = bench();
    let fleet = "fleetgate pki fleet --out fleet --name 'pump-{n:05}' --subject O=Example,OU=Pumps --days 90";
    let said: Value = serde_json::from_str(&bench.must(&format!("{fleet} --count 1200 --json"))).unwrap();
    assert_eq!((&said["made"], &said["kept"]), (&1200.into(), &0.into()), "{said}");
    assert!(said["per_second"].as_f64().unwrap() > 0.0);
    let lines = manifest(&bench);
    let distinct = |field| lines.iter().map(|line| text(line, field)).collect::<HashSet<_>>().len();
    for field in ["name", "serial", "fingerprint", "file"] {
        assert_eq!(distinct(field), 1200, "{field}");
    }
    for number in [1, 999, 1000, 1001, 1200] {
        let name = format!("pump-{number:05}");
        let line = lines.iter().find(|line| line["name"] == name.as_str()).unwrap();
        let file = text(line, "file");
        assert_eq!(file, format!("{:03}/{name}.pem", (number - 1) / 1000));
        bench.must(&format!("openssl verify -x509_strict -CAfile ca.pem fleet/{file}"));
        let facts = bench.must(&format!(
            "openssl x509 -in fleet/{file} -noout -serial -fingerprint -sha256 -subject -nameopt RFC2253"
        ));
        let digest = text(line, "fingerprint").to_uppercase();
        let facts = facts.replace(':', "");
        assert!(facts.contains(&format!("serial={}\n", text(line, "serial"))), "{facts}");
        assert!(facts.contains(&format!("={digest}\n")), "{facts}");
        assert!(facts.contains(&format!("CN={name},OU=Pumps,O=Example")), "{facts}");
        let key = format!("fleet/{}-key.pem", file.strip_suffix(".pem").unwrap());
        bench.must(&format!(
            "cmp <(openssl pkey -in {key} -pubout) <(openssl x509 -in fleet/{file} -noout -pubkey)"
        ));
        assert_eq!(fs::metadata(bench.path(&key)).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let said = bench.must(&format!("{fleet} --count 1200"));
    assert_eq!(said, "0 devices made, 1200 kept; fleet/manifest.jsonl lists them\n");
}

#[test]
fn a_killed_run_is_taken_up_and_what_it_made_stays() {
    const COUNT: usize = 4000;
    let bench = bench();
    let fleet = format!("fleetgate pki fleet --count {COUNT} --out fleet");
    bench.must(&format!(
        "{fleet} & until [ \"$(wc -l 2>/dev/null < fleet/manifest.jsonl || echo 0)\" -ge 100 ]; do sleep 0.01; done; \
         kill -KILL $!; wait $! || true"
    ));
    let text_before = bench.read("fleet/manifest.jsonl");
    let before: Vec<_> = text_before.lines().filter(|line| line.ends_with('}')).collect();
    assert!((100..COUNT).contains(&before.len()), "killed in between: {}", before.len());
    // As if it had been killed in the middle of a line; and a file that was made, but not listed.
    let half = &before[0][..60];
    bench.write("fleet/manifest.jsonl", before.join("\n") + "\n" + half);
    let contents: HashMap<_, _> = before
        .iter()
        .map(|line| {
            let line: Value = serde_json::from_str(line).unwrap();
            let file = format!("fleet/{}", text(&line, "file"));
            let content = bench.bytes(&file);
            (file, content)
        })
        .collect();

    let said: Value = serde_json::from_str(&bench.must(&format!("{fleet} --json"))).unwrap();
    assert_eq!((&said["kept"], &said["made"]), (&before.len().into(), &(COUNT - before.len()).into()));
    let lines = manifest(&bench);
    assert_eq!(lines.len(), COUNT);
    assert!(bench.read("fleet/manifest.jsonl").starts_with(&before.join("\n")));
    let names: HashSet<_> = lines.iter().map(|line| text(line, "name")).collect();
    assert_eq!(names.len(), COUNT);
    for (file, content) in contents {
        assert_eq!(bench.bytes(&file), content, "{file}");
    }
    let files = bench.must("ls fleet/*/*.pem | wc -l; find fleet -empty");
    assert_eq!(files.trim(), (2 * COUNT).to_string(), "a certificate and a key each, none of them empty");
}

#[test]
fn who_presses_ctrl_c_has_what_was_made_listed_and_goes_on() {
    const COUNT: usize = 20_000;
    let bench = bench();
    let fleet = format!("fleetgate pki fleet --count {COUNT} --out fleet --key p384");
    let said = bench.run(&format!(
        "{fleet} & until [ \"$(wc -l 2>/dev/null < fleet/manifest.jsonl || echo 0)\" -ge 100 ]; do sleep 0.01; done; \
         kill -INT $!; wait $!"
    ));
    assert!(said.code == 1 && said.stderr.contains("run it again to go on"), "{said:?}");
    let lines = manifest(&bench);
    assert!((100..COUNT).contains(&lines.len()), "{}", lines.len());
    let files = bench.must("ls fleet/*/*.pem | wc -l; find fleet -type f -empty");
    assert_eq!(files.trim(), (2 * lines.len()).to_string(), "every certificate and key is listed");
    // A thread may have been further than another.
    let count = lines.len();
    let said = bench.must(&format!("fleetgate pki fleet --count {count} --out fleet --key p384 --json"));
    let said: Value = serde_json::from_str(&said).unwrap();
    let number = |field: &str| said[field].as_u64().unwrap();
    assert_eq!((number("kept") + number("made"), number("made_again")), (count as u64, 0), "{said}");
    let lines = manifest(&bench);
    let distinct = |field| lines.iter().map(|line| text(line, field)).collect::<HashSet<_>>().len();
    assert_eq!((distinct("name"), distinct("serial")), (lines.len(), lines.len()));
}

#[test]
fn what_makes_no_fleet_is_told_before_anything_is_made() {
    let bench = bench();
    for (arguments, why) in [
        ("--name device", "has no number in it"),
        ("--name 'a/{n}'", "makes no file name"),
        ("--encrypt-file secret.txt", "add --pkcs12"),
        ("--subject C=Germany", "not a country code"),
        (&format!("--name '{}-{{n}}'", "x".repeat(64)), "64 are allowed"),
        ("--ca-key none.pem", "none.pem"),
    ] {
        let said = bench.run(&format!("fleetgate pki fleet --count 10 --out fleet {arguments}"));
        assert!(said.code != 0 && said.stderr.contains(why), "{arguments}: {said:?}");
        assert!(!bench.path("fleet").exists(), "{arguments}");
    }
    bench.must("fleetgate pki fleet --count 10 --out fleet && fleetgate pki ca new Other --out other");
    let said =
        bench.must_fail("fleetgate pki fleet --count 11 --out fleet --ca other.pem --ca-key other-key.pem");
    assert!(said.contains("was not issued by this CA"), "{said}");
}

#[test]
fn devices_of_a_fleet_pass_the_gateway_until_one_is_revoked_by_its_manifest() {
    let (site, bench) = (Site::new(), bench());
    bench.must("fleetgate pki fleet --count 2 --out fleet");
    let lines = manifest(&bench);
    let serial =
        lines.iter().find(|line| line["name"] == "device-1").map(|line| text(line, "serial")).unwrap();
    bench.must(&format!("fleetgate pki crl new --out ca.crl --serial {serial}"));
    let (ca, crl) = (quoted(&bench.path("ca.pem")), quoted(&bench.path("ca.crl")));
    let trust =
        format!("name = \"fleet\"\ncertificate = {ca}\nassociated_hostnames = [{HOST:?}]\ncrl = [{crl}]");
    let gateway = Gateway::start(site.untrusting().array("mtls_certificate", trust));
    for (name, status) in [("device-1", 403), ("device-2", 200)] {
        let [certificate, key] = ["", "-key"].map(|part| bench.path(&format!("fleet/{name}{part}.pem")));
        let arguments = ["--cert", certificate.to_str().unwrap(), "--key", key.to_str().unwrap()];
        let request = site.curl(gateway.address(), "/").args(&arguments);
        assert_eq!(request.response().status(), status, "{name}");
    }
}
