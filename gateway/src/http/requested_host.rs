//! The host that a request is for.

use http::Request;
use http::header::{self, HeaderMap};

use crate::model::hostname::Hostname;

/// The host that a request is for: the authority of its target, else its one Host header; where there are both, they
/// must agree (RFC 9112, 3.2).
pub(super) fn requested_host<B>(request: &Request<B>) -> Option<Hostname> {
    let header = host_header(request.headers()).ok()?;
    let target = match request.uri().authority() {
        // A name and password in it are for nobody (RFC 9113, 8.3.1).
        Some(authority) if authority.as_str().contains('@') => return None,
        Some(authority) => Some(Hostname::from_wire(authority.host()).ok()?),
        None => None,
    };
    match (target, header) {
        (Some(target), Some(header)) if target != header => None,
        (target, header) => target.or(header),
    }
}

fn host_header(headers: &HeaderMap) -> Result<Option<Hostname>, ()> {
    let mut hosts = headers.get_all(header::HOST).iter();
    match (hosts.next(), hosts.next()) {
        (None, _) => Ok(None),
        (Some(_), Some(_)) => Err(()),
        (Some(host), None) => {
            let text = host.to_str().map_err(|_| ())?;
            let (name, port) = text.split_once(':').unwrap_or((text, "443"));
            if port.is_empty() || !port.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(());
            }
            Hostname::from_wire(name).map(Some).map_err(|_| ())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(uri: &str, hosts: &[&str]) -> Request<()> {
        let mut request = Request::builder().uri(uri);
        for host in hosts {
            request = request.header("host", *host);
        }
        request.body(()).unwrap()
    }

    fn host(uri: &str, hosts: &[&str]) -> Option<String> {
        requested_host(&request(uri, hosts)).map(|name| name.to_string())
    }

    #[test]
    fn case_dot_and_port_of_the_host_do_not_count() {
        let expected = Some("iot.example.com".to_owned());
        for text in ["iot.example.com", "IOT.example.com:8443", "iot.example.com.", "iot.example.com.:443"] {
            assert_eq!(host("/", &[text]), expected, "{text}");
        }
        assert_eq!(host("https://IoT.example.com/x", &["iot.example.com"]), expected);
    }

    #[test]
    fn an_ambiguous_or_damaged_host_is_no_host() {
        let cases: [(&str, &[&str]); 7] = [
            ("/", &[]),
            ("/", &["a.example", "b.example"]),
            ("/", &["a.example", "a.example"]),
            ("/", &[""]),
            ("/", &["a.example:x"]),
            ("/", &["a.example:"]),
            ("https://a.example/", &["b.example"]),
        ];
        for (uri, hosts) in cases {
            assert_eq!(host(uri, hosts), None, "{uri} {hosts:?}");
        }
    }

    #[test]
    fn what_no_certificate_can_name_is_no_host() {
        for text in [
            "192.0.2.1",
            "[::1]",
            "[::1]:443",
            "under_score.example",
            "a example",
            "a.example:443:443",
            "*.example.com",
            "a.example/x",
        ] {
            assert_eq!(host("/", &[text]), None, "{text}");
        }
        assert_eq!(host("https://192.0.2.1/", &[]), None);
    }

    #[test]
    fn the_target_counts_where_it_names_the_host() {
        assert_eq!(host("https://a.example:8443/x", &[]), Some("a.example".into()));
        assert_eq!(host("https://b.example/", &["a.example"]), None);
        assert_eq!(host("https://user@a.example/", &[]), None);
        assert_eq!(
            host("https://a.example/", &["a.example:x"]),
            None,
            "a damaged header is not excused by it"
        );
    }
}
