//! `/cdn-cgi/access/get-identity`: who the token in the cookie speaks of, with the keys that Cloudflare documents.

use http::{Response, StatusCode};
use http_body_util::Full;
use hyper::body::Bytes;
use serde_json::{Value, json};

use super::{Visit, said};
use crate::access::token::{Holder, Subject, Tokens};

/// 401 unless the request brings a token that counts and, where the host asks for certificates, comes from the device that
/// the token speaks of. What was missing is not said.
pub(super) fn answer(tokens: &Tokens, visit: &Visit<'_>) -> Response<Full<Bytes>> {
    let holder = tokens.holder(visit.headers, visit.audiences, visit.now);
    let json = |status, body: &Value| said(status, body.to_string().into(), "application/json");
    match holder.filter(|holder| is_with_its_device(holder, visit)) {
        Some(holder) => json(StatusCode::OK, &describe(&holder, visit)),
        None => json(StatusCode::UNAUTHORIZED, &json!({ "err": "no valid application token" })),
    }
}

fn is_with_its_device(holder: &Holder, visit: &Visit<'_>) -> bool {
    !visit.asks_for_certificates
        || visit.device.verified().is_some() && Subject::of(visit.device).common_name == holder.common_name
}

fn describe(holder: &Holder, visit: &Visit<'_>) -> Value {
    let verified = visit.device.verified().map(|verified| &verified.identity);
    let presented = visit.device.identity().is_some();
    let status = if verified.is_some() { "SUCCESS" } else { "NONE" };
    json!({
        // Nobody logs in: there is no user, and no client on the device that tells more about it.
        "email": "",
        "idp": { "id": "", "type": "nonidentity" },
        "geo": visit.country.map_or_else(|| json!({}), |country| json!({ "country": country })),
        "user_uuid": "",
        "devicePosture": {},
        "account_id": "",
        "iat": holder.issued,
        "ip": visit.source.to_canonical().to_string(),
        "auth_status": status,
        "common_name": holder.common_name,
        "service_token_id": "",
        "service_token_status": false,
        "is_warp": false,
        "is_gateway": false,
        "gateway_account_id": "",
        "device_id": "",
        "version": 0,
        "device_sessions": {},
        "mtls_auth": {
            "auth_status": status,
            "cert_issuer_dn": verified.map_or("", |identity| &identity.issuer.rfc2253),
            "cert_issuer_ski": verified.and_then(|identity| identity.issuer_key_id.as_deref()).unwrap_or_default(),
            "cert_presented": presented,
            "cert_serial": verified.map_or("", |identity| &identity.serial),
        },
    })
}
