//! What a refused client gets to see: enough for a person to report, nothing for an attacker to learn.

use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Bytes;

const AUD: HeaderName = HeaderName::from_static("cf-access-aud");
const DOMAIN: HeaderName = HeaderName::from_static("cf-access-domain");
const REQUESTED_WITH: HeaderName = HeaderName::from_static("x-requested-with");

/// A page may show its own style and nothing else, and nobody may frame it.
const POLICY: HeaderValue =
    HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'");

/// 401 needs a challenge (RFC 9110, 11.6.1). There is no registered scheme for certificates.
const CHALLENGE: HeaderValue = HeaderValue::from_static("ClientCertificate realm=\"Access\"");

/// A refusal to be shown.
#[derive(Clone, Copy, Debug)]
pub struct Refusal<'a> {
    /// The status of the response.
    pub status: StatusCode,
    /// A sentence for the person in front of the device.
    pub message: &'a str,
    /// The id under which the log has the request.
    pub ray_id: &'a str,
    /// The application that refused, if one did.
    pub application: Option<Named<'a>>,
    /// Where people are sent instead. Programs get the refusal itself: they would take the other page for the answer.
    pub instead: Option<&'a HeaderValue>,
}

/// What may be told of an application.
#[derive(Clone, Copy, Debug)]
pub struct Named<'a> {
    /// Its audience tag.
    pub aud: &'a str,
    /// The host that was asked for.
    pub domain: &'a str,
}

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    /// Somebody with a browser, or curl.
    Person,
    /// `Accept` names `application/json` and not `text/html`, or a script in a page asks.
    Program,
}

impl Reader {
    /// By a request's headers.
    pub fn of(headers: &HeaderMap) -> Self {
        let accept = |media: &str| {
            let values = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
            values.into_iter().any(|value| value.contains(media))
        };
        let scripted = headers
            .get(REQUESTED_WITH)
            .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"XMLHttpRequest"));
        if scripted || (accept("application/json") && !accept("text/html")) {
            Self::Program
        } else {
            Self::Person
        }
    }
}

/// The response: JSON for programs, a page without external resources for people, or the way to the operator's page.
pub fn respond(refusal: &Refusal<'_>, reader: Reader) -> Response<Full<Bytes>> {
    let (status, content_type, body) = match (reader, refusal.instead) {
        (Reader::Program, _) => (refusal.status, "application/json", as_json(refusal)),
        (Reader::Person, None) => (refusal.status, "text/html; charset=utf-8", as_html(refusal)),
        (Reader::Person, Some(_)) => (StatusCode::FOUND, "text/html; charset=utf-8", String::new()),
    };
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CONTENT_SECURITY_POLICY, POLICY);
    if status == StatusCode::UNAUTHORIZED {
        headers.insert(header::WWW_AUTHENTICATE, CHALLENGE);
    }
    if let (StatusCode::FOUND, Some(instead)) = (status, refusal.instead) {
        headers.insert(header::LOCATION, instead.clone());
    }
    for (name, value) in
        refusal.application.iter().flat_map(|named| [(AUD, named.aud), (DOMAIN, named.domain)])
    {
        // Both were checked when they were configured.
        headers.extend(HeaderValue::from_str(value).ok().map(|value| (name, value)));
    }
    response
}

fn as_json(refusal: &Refusal<'_>) -> String {
    #[derive(serde::Serialize)]
    struct Body<'a> {
        message: &'a str,
        status_code: u16,
        ray_id: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        aud: Option<&'a str>,
    }
    let Refusal { status, message, ray_id, application, .. } = *refusal;
    let aud = application.map(|named| named.aud);
    // Nothing in it can fail to be JSON.
    serde_json::to_string(&Body { message, status_code: status.as_u16(), ray_id, aud }).unwrap_or_default()
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
        // An operator may have written it.
        message = html_escape::encode_text(refusal.message),
        ray = refusal.ray_id,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const REFUSAL: Refusal<'_> = Refusal {
        status: StatusCode::FORBIDDEN,
        message: "Please ask <Bob>.",
        ray_id: "0123456789abcdef",
        application: Some(Named { aud: "d0c5", domain: "iot.example.com" }),
        instead: None,
    };
    const ELSEWHERE: HeaderValue = HeaderValue::from_static("https://help.example.com/denied");

    async fn text(refusal: &Refusal<'_>, reader: Reader) -> (http::response::Parts, String) {
        use http_body_util::BodyExt as _;
        let (head, body) = respond(refusal, reader).into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        (head, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn people_get_a_page_with_the_ray_id_and_without_anything_from_elsewhere() {
        let (head, page) = text(&REFUSAL, Reader::Person).await;
        assert_eq!(
            (head.status, head.headers["content-type"].as_bytes()),
            (StatusCode::FORBIDDEN, &b"text/html; charset=utf-8"[..])
        );
        for part in ["403 Forbidden", "Please ask &lt;Bob&gt;.", "0123456789abcdef"] {
            assert!(page.contains(part), "{part}");
        }
        for part in ["src=", "href=", "http:", "https:", "<script"] {
            assert!(!page.contains(part), "{part}");
        }
    }

    #[tokio::test]
    async fn programs_get_json() {
        let (head, body) = text(&REFUSAL, Reader::Program).await;
        assert_eq!(head.headers["content-type"], "application/json");
        let body: serde_json::Value = serde_json::from_str(&body).unwrap();
        let expected = serde_json::json!({
            "message": "Please ask <Bob>.", "status_code": 403, "ray_id": "0123456789abcdef", "aud": "d0c5",
        });
        assert_eq!(body, expected);
    }

    #[tokio::test]
    async fn the_application_is_named_where_there_is_one() {
        let (head, _) = text(&REFUSAL, Reader::Person).await;
        assert_eq!(
            ["cf-access-aud", "cf-access-domain"].map(|name| head.headers[name].to_str().unwrap()),
            ["d0c5", "iot.example.com"]
        );
        let (head, body) = text(&Refusal { application: None, ..REFUSAL }, Reader::Program).await;
        assert!(!head.headers.contains_key("cf-access-aud") && !body.contains("aud"), "{body}");
    }

    #[tokio::test]
    async fn people_are_sent_to_the_operators_page_and_programs_are_not() {
        let refusal = Refusal { instead: Some(&ELSEWHERE), ..REFUSAL };
        let (head, _) = text(&refusal, Reader::Person).await;
        assert_eq!((head.status, &head.headers["location"]), (StatusCode::FOUND, &ELSEWHERE));
        let (head, _) = text(&refusal, Reader::Program).await;
        assert!(head.status == StatusCode::FORBIDDEN && !head.headers.contains_key("location"));
    }

    #[tokio::test]
    async fn a_401_has_a_challenge() {
        let refusal = Refusal { status: StatusCode::UNAUTHORIZED, ..REFUSAL };
        assert!(text(&refusal, Reader::Person).await.0.headers.contains_key("www-authenticate"));
        assert!(!text(&REFUSAL, Reader::Person).await.0.headers.contains_key("www-authenticate"));
    }

    #[tokio::test]
    async fn a_refusal_is_neither_stored_nor_framed_nor_sniffed() {
        let sent_elsewhere = Refusal { instead: Some(&ELSEWHERE), ..REFUSAL };
        for (refusal, reader) in
            [(&REFUSAL, Reader::Person), (&REFUSAL, Reader::Program), (&sent_elsewhere, Reader::Person)]
        {
            let (head, _) = text(refusal, reader).await;
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
    fn json_is_for_who_asks_for_it_and_for_scripts_and_not_for_a_browser() {
        let reader = |name: HeaderName, value| {
            Reader::of(&HeaderMap::from_iter([(name, HeaderValue::from_static(value))]))
        };
        assert_eq!(reader(header::ACCEPT, "application/json"), Reader::Program);
        assert_eq!(reader(REQUESTED_WITH, "xmlhttprequest"), Reader::Program);
        assert_eq!(reader(header::ACCEPT, "text/html,application/json;q=0.9,*/*;q=0.8"), Reader::Person);
        assert_eq!(reader(header::ACCEPT, "*/*"), Reader::Person);
        assert_eq!(Reader::of(&HeaderMap::new()), Reader::Person);
    }
}
