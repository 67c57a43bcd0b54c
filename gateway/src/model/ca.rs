//! What is accepted of an uploaded CA.

/// The algorithms that may have signed an uploaded CA.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum CaAlgorithms {
    /// Those of Cloudflare's document, Ed25519 and RSA-PSS.
    #[default]
    All,
    /// Those of Cloudflare's document: RSA PKCS #1 and ECDSA, with SHA-1, SHA-256, SHA-384 or SHA-512.
    Cloudflare,
}

impl CaAlgorithms {
    /// RFC 3279, 4055 and 5758.
    const CLOUDFLARE: [&str; 8] = [
        "1.2.840.113549.1.1.5",
        "1.2.840.113549.1.1.11",
        "1.2.840.113549.1.1.12",
        "1.2.840.113549.1.1.13",
        "1.2.840.10045.4.1",
        "1.2.840.10045.4.3.2",
        "1.2.840.10045.4.3.3",
        "1.2.840.10045.4.3.4",
    ];
    /// Ed25519 (RFC 8410) and RSASSA-PSS (RFC 4055).
    const BEYOND: [&str; 2] = ["1.3.101.112", "1.2.840.113549.1.1.10"];

    /// Whether the algorithm with this dotted object identifier is one of them.
    pub fn allow(self, oid: &str) -> bool {
        Self::CLOUDFLARE.contains(&oid) || (self == Self::All && Self::BEYOND.contains(&oid))
    }
}
