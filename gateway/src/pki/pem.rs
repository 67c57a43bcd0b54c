//! PEM, as it is written.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

/// Octets in a line of 64 characters.
const LINE: usize = 48;

/// A section with this label. What becomes of a private key is overwritten when it goes.
pub fn encode(label: &str, der: &[u8]) -> Zeroizing<String> {
    // Enough from the beginning: what a string outgrows would be left in memory.
    let size = der.len().div_ceil(LINE) * 65 + 2 * label.len() + 40;
    let mut text = Zeroizing::new(String::with_capacity(size));
    for part in ["-----BEGIN ", label, "-----\n"] {
        text.push_str(part);
    }
    for line in der.chunks(LINE) {
        STANDARD.encode_string(line, &mut text);
        text.push('\n');
    }
    for part in ["-----END ", label, "-----\n"] {
        text.push_str(part);
    }
    text
}

/// A certificate.
pub fn certificate(der: &[u8]) -> String {
    encode("CERTIFICATE", der).to_string()
}
