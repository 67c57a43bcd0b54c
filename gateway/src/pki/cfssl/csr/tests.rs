use super::*;

fn parse(text: &str) -> Result<CertificateRequest, CsrError> {
    CertificateRequest::parse(text.as_bytes(), None)
}

fn error(text: &str) -> String {
    parse(text).unwrap_err().to_string()
}

#[test]
fn the_documents_requests_are_read() {
    let ca = parse(include_str!("../../../../../xtask/src/run/document/ca-csr.json")).unwrap();
    assert_eq!(
        ca.subject.name.to_string(),
        "CN=Access Testing CA,OU=TX,O=Access Testing,L=Austin,ST=Texas,C=US"
    );
    assert_eq!((ca.key, ca.ca, ca.warnings.len()), (KeyKind::Rsa4096, None, 0));
    // A key of which nothing is said is none.
    assert_eq!(parse(r#"{ "CN": "x", "key": {} }"#).unwrap().key, KeyKind::P256);
    let client = parse(include_str!("../../../../../xtask/src/run/document/client-csr.json")).unwrap();
    assert_eq!((client.subject.hosts, client.warnings), (vec![], vec![]));
}

#[test]
fn everything_that_a_request_can_say_is_read() {
    let request = parse(
        r#"{ "cn": "x", "serialnumber": "7", "crl_url": "http://a/b",
             "names": [{ "O": "one", "OU": "u", "E": "a@b.c", "OID": { "2.5.4.15": "Private" } }, { "O": "two" }],
             "hosts": ["a.example", "", "192.0.2.1"], "key": { "algo": "ecdsa", "size": 384 },
             "ca": { "expiry": "87600h", "pathlen": 1, "backdate": "1h" } }"#,
    )
    .unwrap();
    let name = request.subject.name.to_string();
    assert_eq!(name, "emailAddress=a@b.c,2.5.4.15=Private,serialNumber=7,CN=x,OU=u,O=one+O=two");
    assert_eq!(request.subject.hosts.len(), 2);
    let ca = request.ca.unwrap();
    assert_eq!((ca.path_length, ca.expiry), (PathLength(Some(1)), Some(Duration::from_hours(87_600))));
    assert_eq!((request.key, request.crl_url.as_deref()), (KeyKind::P384, Some("http://a/b")));
    assert_eq!(
        CertificateRequest::parse(b"{\"CN\":\"a\"}", Some("b")).unwrap().subject.name.to_string(),
        "CN=b"
    );
}

#[test]
fn zero_is_a_path_length_only_where_it_is_said_twice() {
    let length =
        |text: &str| parse(&format!(r#"{{"CN":"x","ca":{{{text}}}}}"#)).unwrap().ca.unwrap().path_length;
    assert_eq!(length(r#""pathlen": 0"#), PathLength(None));
    assert_eq!(length(r#""pathlen": 0, "pathlenzero": true"#), PathLength(Some(0)));
    assert_eq!(length(r#""pathlen": 2, "pathlenzero": true"#), PathLength(Some(2)));
}

#[test]
fn errors_name_the_field() {
    assert_eq!(error("{\n  \"CN\": \"x\",,\n}"), "line 2, column 13: key must be a string");
    let cases = [
        (r#"{"CN": 7}"#, "CN: a string is expected, and this is a number"),
        (r#"{"names": [{"O": ["x"]}]}"#, "names[0].O: a string is expected"),
        (r#"{"key": {"algo": "dsa", "size": 2048}}"#, "key.algo: unknown algorithm `dsa`"),
        (r#"{"key": {"size": 256}}"#, "key.algo: unknown algorithm ``"),
        (r#"{"key": {"algo": "rsa", "size": 1024}}"#, "key.size: an RSA key of 1024 bits is too weak"),
        (r#"{"key": {"algo": "rsa", "size": 2500}}"#, "key.size: RSA with 2500 bits is not made here"),
        (r#"{"key": {"algo": "ecdsa", "size": 224}}"#, "key.size: ECDSA with 224 bits"),
        (r#"{"key": {"algo": "rsa", "size": "2048"}}"#, "key.size: a whole number is expected"),
        (r#"{"hosts": ["ok", "not ok"]}"#, "hosts[1]: `not ok`"),
        (r#"{"ca": {"expiry": "10y"}}"#, "ca.expiry: `10y` is not a length of time"),
        (r#"{"ca": {"pathlen": 256}}"#, "ca.pathlen: 256"),
        (r#"{"names": [{"OID": {"1": "x"}}]}"#, "names[0].OID.1 is not an object identifier"),
        ("[]", "the file: an object is expected"),
        ("", "line 1, column 0: "),
    ];
    for (text, expected) in cases {
        assert!(error(text).starts_with(expected), "{text}: {}", error(text));
    }
}

#[test]
fn what_is_written_to_no_effect_is_told() {
    let request = parse(
        r#"{"CN": "x", "key": {"algo": "ecdsa", "size": 256, "sise": 1}, "ttl": 1, "names": [{"C": "Germany"}]}"#,
    );
    let warnings = request.unwrap().warnings.join("\n");
    for part in ["ttl", "key.sise", "C: `Germany`"] {
        assert!(warnings.contains(part), "{part}: {warnings}");
    }
}
