//! Where we say something else than x509-limbo.

/// Why, and in which cases.
pub(super) const ALL: &[(&str, &[&str])] = &[
    // We accept what limbo refuses.
    (
        "a CRL without a number, or with a critical one, is applied all the same: what it revokes is revoked",
        &["crl::crlnumber-critical", "crl::crlnumber-missing"],
    ),
    (
        "key ids only help to find a path, and the signature decides, so no rule about them is enforced",
        &[
            "rfc5280::aki::critical-aki",
            "rfc5280::aki::cross-signed-root-missing-aki",
            "rfc5280::aki::intermediate-missing-aki",
            "rfc5280::aki::leaf-missing-aki",
            "rfc5280::ski::critical-ski",
            "rfc5280::ski::intermediate-missing-ski",
            "rfc5280::ski::root-missing-ski",
            "webpki::aki::root-with-aki-all-fields",
            "webpki::aki::root-with-aki-authoritycertissuer",
            "webpki::aki::root-with-aki-authoritycertserialnumber",
            "webpki::aki::root-with-aki-missing-keyidentifier",
            "webpki::aki::root-with-aki-ski-mismatch",
        ],
    ),
    (
        "an extension that should be critical, or should not be, is honoured either way",
        &[
            "rfc5280::nc::permitted-dns-match-noncritical",
            "rfc5280::root-non-critical-basic-constraints",
            "rfc5280::san::noncritical-with-empty-subject",
            "webpki::eku::ee-critical-eku",
            "webpki::san::san-critical-with-nonempty-subject",
        ],
    ),
    (
        "certificate policies are not processed, so what constrains them is passed over where it is not critical",
        &["rfc5280::pc::ica-noncritical-pc"],
    ),
    (
        "an anchor is trusted because the operator uploaded it: its name, key, dates, path length and name constraints \
         count, and Basic Constraints, key usage and unknown critical extensions when it is uploaded; nothing else does",
        &["rfc5280::ca-empty-subject", "webpki::eku::root-has-eku"],
    ),
    (
        "what a leaf says of certificates below it is of no consequence: it is never used as a CA",
        &[
            "rfc5280::leaf-ku-keycertsign",
            "rfc5280::nc::not-allowed-in-ee-critical",
            "rfc5280::nc::not-allowed-in-ee-noncritical",
        ],
    ),
    (
        "a serial number is an integer to look up: zero is one, and so is a longer one than RFC 5280 has",
        &["rfc5280::serial::too-long", "rfc5280::serial::zero"],
    ),
    (
        "a name constraint with a leading period means the names below it, as OpenSSL has it",
        &["rfc5280::nc::invalid-dnsname-leading-period"],
    ),
    (
        "a name constraint without subtrees constrains nothing",
        &[
            "webpki::nc::intermediate-permitted-excluded-subtrees-both-empty-sequences",
            "webpki::nc::intermediate-permitted-excluded-subtrees-both-null",
        ],
    ),
    (
        "how a name is written is between a server and its clients: a device is not reached by its name",
        &[
            "rfc5280::san::underscore-dns",
            "webpki::cn::case-mismatch",
            "webpki::cn::ipv4-hex-mismatch",
            "webpki::cn::ipv4-leading-zeros-mismatch",
            "webpki::cn::ipv6-non-rfc5952-mismatch",
            "webpki::cn::ipv6-uncompressed-mismatch",
            "webpki::cn::ipv6-uppercase-mismatch",
            "webpki::cn::not-in-san",
            "webpki::cn::punycode-not-in-san",
            "webpki::cn::utf8-vs-punycode-mismatch",
            "webpki::san::public-suffix-multi-label-wildcard-san",
            "webpki::san::public-suffix-private-namespace-wildcard-san",
        ],
    ),
    (
        "a device's purpose may be absent, or stand beside others; a host can require it (`Rules::require_purpose`)",
        &["webpki::eku::ee-anyeku", "webpki::eku::ee-without-eku"],
    ),
    ("authorityInfoAccess is never read: nothing is fetched by it", &["webpki::malformed-aia"]),
    (
        "RSA with a modulus that is long enough, but no multiple of 8 bits, is odd and not weak",
        &["webpki::forbidden-rsa-key-not-divisible-by-8-in-leaf"],
    ),
    (
        "constraints on DNS names are not about subjects, so however many there are of both, nothing is compared",
        &["pathological::nc-dos-3"],
    ),
    // We refuse what limbo accepts.
    (
        "an anchor with an unknown critical extension is refused when it is uploaded, before there is a path to it or not",
        &["rfc5280::unknown-critical-extension-unrelated-root"],
    ),
    (
        "a CA that presents itself as a device is refused, whatever RFC 5280 leaves open",
        &["pathlen::validation-ignores-pathlen-in-leaf", "rfc5280::ca-as-leaf"],
    ),
    (
        "webpki makes no exception for self-issued intermediates: they count for path lengths and name constraints",
        &["pathlen::self-issued-certs-pathlen", "rfc5280::nc::permitted-self-issued"],
    ),
    (
        "webpki cannot compare e-mail addresses and directory names with name constraints, and refuses to guess",
        &[
            "rfc5280::nc::nc-permits-email-domain",
            "rfc5280::nc::nc-permits-email-exact",
            "rfc5280::nc::nc-permits-email-literal-asterisk-exact-match",
            "rfc5280::nc::nc-permits-email-literal-double-asterisk",
            "rfc5280::nc::nc-permits-email-literal-mid-asterisk",
            "rfc5280::nc::permitted-dn-match",
        ],
    ),
];
