//! What is stored while something changes: 10,000 policies, 1,000 certificates, and what they belong to.

use serde_json::{Value, json};

use super::admin::write;
use crate::pki::{Authority, IssueError, KeyKind};
use crate::server::HOST;

pub(super) const POLICIES: usize = 10_000;
pub(super) const CERTIFICATES: usize = 1_000;
/// As many as there may be, and one of them is the one that changes.
const APPLICATIONS: usize = 499;
/// Where requests go whose permit changes.
pub(super) const PATH: &str = "/bytes/1";
/// Changes that are made at a time, so that the gateway takes their body.
pub(super) const AT_A_TIME: usize = 1_000;

const APPLICATION: &str = "application";
const POLICY: &str = "application_policy";

/// Everything that is stored, as changes.
pub(super) fn everything() -> Result<Vec<Value>, IssueError> {
    let certificates = (0..CERTIFICATES).map(certificate).collect::<Result<Vec<_>, _>>()?;
    let applications = (0..APPLICATIONS).map(|number| application(number, &format!("{HOST}/area-{number}")));
    let policies = (0..POLICIES).map(policy);
    let probe = [application(APPLICATIONS, &format!("{HOST}{PATH}")), permit(true)];
    Ok(certificates.into_iter().chain(applications).chain(policies).chain(probe).collect())
}

/// The policy that changes: everybody with a certificate may ask for [`PATH`], or nobody.
pub(super) fn permit(permitted: bool) -> Value {
    let rule = if permitted {
        json!({ "certificate": {} })
    } else {
        json!({ "common_name": { "common_name": "nobody" } })
    };
    let document = json!({
        "name": "probe", "decision": "non_identity", "app_id": id(APPLICATION, APPLICATIONS), "precedence": 1,
        "include": [rule],
    });
    write(POLICY, &id(POLICY, POLICIES), &document)
}

fn certificate(number: usize) -> Result<Value, IssueError> {
    let name = format!("ca-{number}");
    let authority = Authority::new(&name, KeyKind::P256)?;
    let document = json!({ "name": name, "certificate": authority.pem(), "associated_hostnames": [HOST] });
    Ok(write("mtls_certificate", &id("mtls_certificate", number), &document))
}

fn application(number: usize, domain: &str) -> Value {
    write(APPLICATION, &id(APPLICATION, number), &json!({ "domain": domain, "name": number.to_string() }))
}

fn policy(number: usize) -> Value {
    let document = json!({
        "name": format!("policy {number}"),
        "decision": "non_identity",
        "app_id": id(APPLICATION, number % APPLICATIONS),
        "precedence": number / APPLICATIONS + 1,
        "include": [
            { "common_name": { "common_name": format!("pump-{number}") } },
            { "cert_ou": { "ou": format!("Unit {number}") } },
        ],
        "require": [{ "certificate": {} }],
        "exclude": [{ "ip": { "ip": format!("10.{}.{}.0/24", number / 256 % 256, number % 256) } }],
    });
    write(POLICY, &id(POLICY, number), &document)
}

/// The id of the `number`th of a kind.
fn id(kind: &str, number: usize) -> String {
    format!("{:08x}-0000-4000-8000-{number:012x}", kind.len())
}
