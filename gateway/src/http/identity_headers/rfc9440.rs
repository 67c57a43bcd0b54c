//! `Client-Cert` and `Client-Cert-Chain` (RFC 9440): byte sequences of structured fields (RFC 8941, 3.3.5).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::device::trust::Verified;

/// Octets of `Client-Cert` at most, as Cloudflare has it.
const MAX_CERTIFICATE: usize = 10 << 10;

/// Octets of `Client-Cert-Chain` at most, as Cloudflare has it.
const MAX_CHAIN: usize = 16 << 10;

/// The certificate; nothing where it is too large for a header.
pub(super) fn certificate(verified: &Verified) -> Option<String> {
    let base64 = verified.identity.der_base64.to_str().ok()?;
    Some(format!(":{base64}:")).filter(|value| value.len() <= MAX_CERTIFICATE)
}

/// The CAs of the validated path between the certificate and its anchor, the issuer first; nothing where there is none, or
/// they are too large for a header.
pub(super) fn chain(verified: &Verified) -> Option<String> {
    let encoded = verified.intermediates.iter().map(|der| format!(":{}:", STANDARD.encode(der.as_ref())));
    let chain = encoded.collect::<Vec<_>>().join(", ");
    (1..=MAX_CHAIN).contains(&chain.len()).then_some(chain)
}
