//! What a refused client gets to see: enough for a person to report, nothing for an attacker to learn.

use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Bytes;

/// A refusal to be shown.
#[derive(Clone, Copy, Debug)]
pub struct Refusal<'a> {
    /// The status of the response.
    pub status: StatusCode,
    /// A sentence for the person in front of the device.
    pub message: &'a str,
    /// The id under which the log has the request.
    pub ray_id: &'a str,
}

/// Whether the client would rather have JSON: `Accept` names `application/json` and not `text/html`.
pub fn wants_json(headers: &HeaderMap) -> bool {
    let accept = |media: &str| {
        headers
            .get_all(header::ACCEPT)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .any(|value| value.contains(media))
    };
    accept("application/json") && !accept("text/html")
}

/// The response: JSON for programs, a page without external resources for people.
pub fn respond(refusal: &Refusal<'_>, json: bool) -> Response<Full<Bytes>> {
    let (content_type, body) = if json {
        ("application/json", as_json(refusal))
    } else {
        ("text/html; charset=utf-8", as_html(refusal))
    };
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = refusal.status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let policy =
        HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'");
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    response
}

fn as_json(refusal: &Refusal<'_>) -> String {
    serde_json::json!({
        "message": refusal.message,
        "status_code": refusal.status.as_u16(),
        "ray_id": refusal.ray_id,
    })
    .to_string()
}

fn as_html(refusal: &Refusal<'_>) -> String {
    let title = refusal.status.canonical_reason().unwrap_or("Error");
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{title}</title>\n\
         <style>body{{font:16px/1.5 system-ui,sans-serif;max-width:34em;margin:15vh auto;padding:0 1em;color:#222}}\
         h1{{font-size:1.6em}}code{{background:#eee;padding:.1em .3em}}</style>\n</head>\n<body>\n\
         <h1>{status} {title}</h1>\n<p>{message}</p>\n<p>Ray ID: <code>{ray}</code></p>\n</body>\n</html>\n",
        status = refusal.status.as_u16(),
        message = refusal.message,
        ray = refusal.ray_id,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn text(json: bool) -> (http::response::Parts, String) {
        use http_body_util::BodyExt as _;
        let refusal =
            Refusal { status: StatusCode::FORBIDDEN, message: "Please ask.", ray_id: "0123456789abcdef" };
        let (head, body) = respond(&refusal, json).into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        (head, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn people_get_a_page_with_the_ray_id_and_without_anything_from_elsewhere() {
        let (head, page) = text(false).await;
        assert_eq!(
            (head.status, &head.headers["content-type"]),
            (StatusCode::FORBIDDEN, &HeaderValue::from_static("text/html; charset=utf-8"))
        );
        for part in ["403 Forbidden", "Please ask.", "0123456789abcdef"] {
            assert!(page.contains(part), "{part}");
        }
        for part in ["src=", "href=", "http:", "https:", "<script"] {
            assert!(!page.contains(part), "{part}");
        }
    }

    #[tokio::test]
    async fn programs_get_json() {
        let (head, body) = text(true).await;
        assert_eq!(head.headers["content-type"], "application/json");
        let body: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!(
            body,
            serde_json::json!({ "message": "Please ask.", "status_code": 403, "ray_id": "0123456789abcdef" })
        );
    }

    #[tokio::test]
    async fn a_refusal_is_neither_stored_nor_framed_nor_sniffed() {
        for json in [false, true] {
            let (head, _) = text(json).await;
            assert_eq!(head.headers["cache-control"], "no-store");
            assert_eq!(head.headers["x-content-type-options"], "nosniff");
            let policy = head.headers["content-security-policy"].to_str().unwrap();
            assert!(
                policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
                "{policy}"
            );
        }
    }

    #[test]
    fn json_only_for_who_asks_for_it_and_not_for_a_browser() {
        let headers = |accept| HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static(accept))]);
        assert!(wants_json(&headers("application/json")));
        assert!(!wants_json(&headers("text/html,application/json;q=0.9,*/*;q=0.8")));
        assert!(!wants_json(&headers("*/*")));
        assert!(!wants_json(&HeaderMap::new()));
    }
}
