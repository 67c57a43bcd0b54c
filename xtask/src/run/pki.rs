//! The product document's PKI steps, with its own files and the real cfssl.

use super::lab::Lab;
use crate::process::{self, Error, Result};

/// The document's files, to the letter, and two for our own server.
const FILES: [(&str, &str); 5] = [
    ("ca-csr.json", include_str!("document/ca-csr.json")),
    ("ca-config.json", include_str!("document/ca-config.json")),
    ("client-csr.json", include_str!("document/client-csr.json")),
    ("server-ca-csr.json", include_str!("document/server-ca-csr.json")),
    ("server-csr.json", include_str!("document/server-csr.json")),
];

/// Writes the JSON files of the document.
pub(super) fn write_files(lab: &Lab) -> Result {
    for (name, content) in FILES {
        let path = lab.path(name);
        std::fs::write(&path, content).map_err(Error::file(path))?;
    }
    Ok(())
}

/// Makes a self-signed CA from `csr`, as `{name}.pem` and `{name}-key.pem`.
pub(super) fn ca(lab: &Lab, csr: &str, name: &str) -> Result {
    shell(lab, &format!("cfssl gencert -initca {csr} | cfssljson -bare {name}"))
}

/// Has `ca` issue a certificate for `csr`, as `{name}.pem` and `{name}-key.pem`.
pub(super) fn issue(lab: &Lab, ca: &str, profile: &str, csr: &str, name: &str) -> Result {
    shell(
        lab,
        &format!(
            "cfssl gencert -ca={ca}.pem -ca-key={ca}-key.pem -config=ca-config.json -profile={profile} {csr} \
             | cfssljson -bare {name}"
        ),
    )
}

/// A certificate's serial number in decimal.
pub(super) fn serial(lab: &Lab, name: &str) -> Result<String> {
    let path = lab.text(&format!("{name}.pem"));
    let said =
        process::capture(&mut process::command(["openssl", "x509", "-in", &path, "-noout", "-serial"]))?;
    decimal(said.trim().trim_start_matches("serial="))
        .ok_or_else(|| Error::message(format!("openssl says {said:?}")))
}

/// Has `ca` revoke the certificate with this serial number, in decimal.
pub(super) fn crl(lab: &Lab, ca: &str, serial: &str, name: &str) -> Result {
    let path = lab.path("serials.txt");
    std::fs::write(&path, format!("{serial}\n")).map_err(Error::file(path))?;
    shell(lab, &format!("cfssl gencrl serials.txt {ca}.pem {ca}-key.pem | base64 -d > {name}"))
}

/// A hexadecimal number in decimal: digit by digit, the most significant first.
fn decimal(hexadecimal: &str) -> Option<String> {
    let mut digits = vec![0];
    for character in hexadecimal.chars() {
        let mut carry = character.to_digit(16)?;
        for digit in &mut digits {
            let value = *digit * 16 + carry;
            (*digit, carry) = (value % 10, value / 10);
        }
        while carry > 0 {
            digits.push(carry % 10);
            carry /= 10;
        }
    }
    digits.into_iter().rev().map(|digit| char::from_digit(digit, 10)).collect()
}

/// A line as the document has it, in the run's folder.
fn shell(lab: &Lab, line: &str) -> Result {
    let mut shell = process::command(["bash", "-o", "pipefail", "-c", line]);
    process::capture(shell.current_dir(lab.path(""))).map(drop)
}

#[cfg(test)]
mod tests {
    use super::decimal;

    #[test]
    fn hexadecimal_becomes_decimal_however_long() {
        assert_eq!(decimal("FF").as_deref(), Some("255"));
        assert_eq!(decimal("10000000000000000").as_deref(), Some("18446744073709551616"));
        assert_eq!(decimal("0").as_deref(), Some("0"));
        assert_eq!(decimal("x"), None);
    }
}
