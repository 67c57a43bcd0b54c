//! What origins are told about devices.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use http::HeaderName;

/// Which headers tell of the device's certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forwarding {
    /// `Cf-Client-Cert-Der-Base64` and `Cf-Client-Cert-Sha256`.
    pub cloudflare: Requests,
    /// `Client-Cert` and `Client-Cert-Chain` (RFC 9440).
    pub rfc9440: bool,
    /// `X-Forwarded-Client-Cert`, as Envoy writes it.
    pub xfcc: bool,
    /// Cloudflare's "Add TLS client auth headers": `cf-cert-*`.
    pub managed_transform: Transform,
    /// Whether a request without a `traceparent` (W3C Trace Context) gets one.
    pub start_trace: bool,
    /// Headers of the operator's own.
    pub headers: Arc<[(HeaderName, Template)]>,
}

impl Default for Forwarding {
    fn default() -> Self {
        Self {
            cloudflare: Requests::None,
            rfc9440: true,
            xfcc: false,
            managed_transform: Transform::Off,
            start_trace: false,
            headers: Arc::default(),
        }
    }
}

/// Which requests of a connection have a header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Requests {
    /// None.
    #[default]
    None,
    /// The first that is permitted.
    First,
    /// Every one.
    All,
}

/// Where the managed transform adds its headers. Cloudflare's reference says requests, its mTLS document responses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Transform {
    /// Nowhere.
    #[default]
    Off,
    /// To what the origin gets.
    Request,
    /// To what the device gets.
    Response,
    /// To both.
    Both,
}

impl Transform {
    /// Whether origins get the headers.
    pub const fn on_request(self) -> bool {
        matches!(self, Self::Request | Self::Both)
    }

    /// Whether devices get the headers.
    pub const fn on_response(self) -> bool {
        matches!(self, Self::Response | Self::Both)
    }
}

macro_rules! fields {
    ($($(#[doc = $doc:literal])+ $field:ident = $name:literal;)+) => {
        /// A fact about a device's certificate, by the names of Cloudflare's `request.cf.tlsClientAuth`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum CertField {
            $($(#[doc = $doc])+ $field,)+
        }

        impl CertField {
            /// Every fact.
            pub const ALL: &[Self] = &[$(Self::$field),+];

            /// Its name in a template.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$field => $name,)+ }
            }
        }
    };
}

fields! {
    /// `1` or `0`.
    Presented = "cert.presented";
    /// `SUCCESS`, `NONE`, or `FAILED:` and why.
    Verified = "cert.verified";
    /// `1` or `0`.
    Revoked = "cert.revoked";
    /// The issuer, most specific attribute first.
    IssuerDn = "cert.issuer_dn";
    /// The subject, most specific attribute first.
    SubjectDn = "cert.subject_dn";
    /// The issuer by RFC 2253.
    IssuerDnRfc2253 = "cert.issuer_dn_rfc2253";
    /// The subject by RFC 2253.
    SubjectDnRfc2253 = "cert.subject_dn_rfc2253";
    /// The issuer in OpenSSL's one line.
    IssuerDnLegacy = "cert.issuer_dn_legacy";
    /// The subject in OpenSSL's one line.
    SubjectDnLegacy = "cert.subject_dn_legacy";
    /// The common name, where there is exactly one.
    CommonName = "cert.common_name";
    /// The serial number in upper-case hexadecimal.
    Serial = "cert.serial";
    /// The serial number of the issuer's certificate.
    IssuerSerial = "cert.issuer_serial";
    /// SHA-256 of the certificate in lower-case hexadecimal.
    FingerprintSha256 = "cert.fingerprint_sha256";
    /// SHA-1 of the certificate in lower-case hexadecimal.
    FingerprintSha1 = "cert.fingerprint_sha1";
    /// Like `Mar 21 13:35:00 2022 GMT`.
    NotBefore = "cert.not_before";
    /// Like `Mar 21 13:35:00 2022 GMT`.
    NotAfter = "cert.not_after";
    /// The subject key identifier in upper-case hexadecimal.
    Ski = "cert.ski";
    /// The issuer's, as the certificate names it.
    IssuerSki = "cert.issuer_ski";
    /// The certificate as `Client-Cert` has it.
    Rfc9440 = "cert.rfc9440";
    /// The path above it as `Client-Cert-Chain` has it.
    ChainRfc9440 = "cert.chain_rfc9440";
}

/// A header's value: text with facts in braces, like `cn={cert.common_name}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(pub Box<[Part]>);

/// A part of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// As it stands there.
    Text(Box<str>),
    /// A fact.
    Field(CertField),
}

/// Why a text is no template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TemplateError {
    /// A character that no header's value may have.
    Character(char),
    /// An opening brace without its closing one, or the other way round.
    Brace,
    /// Not the name of a fact.
    Unknown(String),
}

impl std::error::Error for TemplateError {}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Character(character) => {
                write!(f, "{character:?} cannot stand in a header; use visible ASCII and spaces")
            }
            Self::Brace => f.write_str("a brace stands alone; write facts like {cert.subject_dn}"),
            Self::Unknown(name) => {
                let known: Vec<_> = CertField::ALL.iter().map(|field| field.name()).collect();
                write!(f, "there is no `{name}`; known here: {}", known.join(", "))
            }
        }
    }
}

impl FromStr for Template {
    type Err = TemplateError;

    fn from_str(text: &str) -> Result<Self, TemplateError> {
        if let Some(character) = text.chars().find(|character| !matches!(character, ' '..='~')) {
            return Err(TemplateError::Character(character));
        }
        let mut parts = Vec::new();
        let mut pieces = text.split('{');
        literal(pieces.next().unwrap_or_default(), &mut parts)?;
        for piece in pieces {
            let (name, text) = piece.split_once('}').ok_or(TemplateError::Brace)?;
            let field = CertField::ALL.iter().find(|field| field.name() == name);
            parts.push(Part::Field(*field.ok_or_else(|| TemplateError::Unknown(name.to_owned()))?));
            literal(text, &mut parts)?;
        }
        Ok(Self(parts.into()))
    }
}

fn literal(text: &str, parts: &mut Vec<Part>) -> Result<(), TemplateError> {
    if text.contains('}') {
        return Err(TemplateError::Brace);
    }
    if !text.is_empty() {
        parts.push(Part::Text(text.into()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_is_text_and_facts() {
        let template: Template = "cn={cert.common_name}; {cert.serial}".parse().unwrap();
        let parts = [
            Part::Text("cn=".into()),
            Part::Field(CertField::CommonName),
            Part::Text("; ".into()),
            Part::Field(CertField::Serial),
        ];
        assert_eq!(*template.0, parts);
        assert_eq!("".parse(), Ok(Template(Box::default())));
    }

    #[test]
    fn what_is_no_template_is_refused_by_name() {
        let cases = [
            ("{cert.serial", TemplateError::Brace),
            ("cert.serial}", TemplateError::Brace),
            ("{cert.serial}}", TemplateError::Brace),
            ("{{cert.serial}", TemplateError::Brace),
            ("{cert.verify}", TemplateError::Unknown("cert.verify".into())),
            ("{serial}", TemplateError::Unknown("serial".into())),
            ("a\r\nb", TemplateError::Character('\r')),
            ("ä", TemplateError::Character('ä')),
        ];
        for (text, expected) in cases {
            assert_eq!(text.parse::<Template>(), Err(expected), "{text}");
        }
        assert!("{x}".parse::<Template>().unwrap_err().to_string().contains("cert.subject_dn"));
    }
}
