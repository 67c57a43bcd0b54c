//! Whatever is sent to the API, the answer is what the `OpenAPI` document says, and never an error of the gateway.

use std::process::Command;

use fleetgate_tests::gateway::Gateway;
use fleetgate_tests::python;
use fleetgate_tests::site::Site;

/// Operations that end the gateway's work here: a successor takes over, an import takes the token, tokens are revoked,
/// rejected CRLs are waited for, and test messages go out.
const LEFT_OUT: [&str; 4] = [
    "/fleetgate/v1/upgrade",
    "/fleetgate/v1/state",
    "/fleetgate/v1/crls/{certificate}",
    "/fleetgate/v1/alerts/test",
];

#[test]
fn schemathesis_finds_no_answer_that_the_document_does_not_have() {
    let Some(python) = python::interpreter() else { return };
    let site = Site::new();
    let gateway = Gateway::start(site.setup().api().admin("rate = \"off\"\nfailures = \"off\""));
    let folder = tempfile::TempDir::new().unwrap();
    let status = gateway.status();
    let id = |key: &str| status[key].as_str().unwrap().to_owned();
    // Most paths are below this account and this zone.
    let config =
        format!("[parameters]\naccount_id = \"{}\"\nzone_id = \"{}\"\n", id("account_id"), id("zone_id"));
    let file = folder.path().join("schemathesis.toml");
    std::fs::write(&file, config).unwrap();
    let url = format!("http://{}", gateway.api_address());
    let mut command = Command::new(python);
    command.args(["-m", "schemathesis.cli"]).arg("--config-file").arg(&file);
    command.args(["run", &format!("{url}/fleetgate/v1/openapi.json"), "--url", &url]);
    command.args(["--header", &format!("Authorization: Bearer {}", gateway.api_token())]);
    command.args(["--checks", "not_a_server_error,status_code_conformance,content_type_conformance"]);
    command.args(["--checks", "response_schema_conformance", "--phases", "examples,coverage,fuzzing"]);
    command.args(["--max-examples", "10", "--seed", "7", "--no-color", "--suppress-health-check", "all"]);
    for path in LEFT_OUT {
        command.args(["--exclude-path", path]);
    }
    // It keeps what it tried beside the folder that it is in.
    command.current_dir(folder.path());
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(gateway.probe("/livez").unwrap().status(), 200);
}
