//! What is said on connections.

use super::{FloodError, Kind, Plan};
use crate::client::{Connector, Group, Identity, Trust};
use crate::pki;

/// Names and messages that are made beforehand.
const VARIANTS: usize = 64;
/// Bytes of a message that is no TLS.
const GARBAGE: usize = 256;

/// What one connection says.
pub(super) enum Visit {
    /// These bytes, and no more.
    Bytes(Vec<u8>),
    /// All that a handshake takes.
    Handshake(Connector),
}

/// What connections say, by turns.
pub(super) fn visits(plan: &Plan) -> Result<Vec<Visit>, FloodError> {
    let trust = Trust::load(&plan.pki.join(pki::certificate_file(pki::SERVER_CA)))?;
    let hello = |host: &str| -> Result<Visit, FloodError> {
        let connector = Connector::new(&trust, None, host, Group::X25519)?;
        Ok(Visit::Bytes(connector.hello()?))
    };
    match plan.kind {
        Kind::Syn => Ok(Vec::new()),
        Kind::UnknownNames => {
            (0..VARIANTS).map(|number| hello(&format!("unknown-{number}.example.net"))).collect()
        }
        Kind::KnownName => (0..VARIANTS).map(|_| hello(&plan.host)).collect(),
        Kind::BadCertificates => {
            let stranger = Identity::load(&plan.pki, pki::STRANGER)?;
            let connector = Connector::new(&trust, Some(&stranger), &plan.host, Group::X25519)?;
            Ok(vec![Visit::Handshake(connector)])
        }
        Kind::Garbage => Ok((0..VARIANTS).map(|_| Visit::Bytes(garbage())).collect()),
    }
}

fn garbage() -> Vec<u8> {
    // 22 would begin a record of TLS.
    let first = std::iter::once(fastrand::u8(128..));
    first.chain(std::iter::repeat_with(|| fastrand::u8(..))).take(GARBAGE).collect()
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, SocketAddrV4};
    use std::time::Duration;

    use super::*;

    /// The first bytes of what each kind says, for a PKI that was written for it.
    fn first(kind: Kind) -> Vec<Vec<u8>> {
        let folder = tempfile::tempdir().unwrap();
        let host = "iot.example.com".to_owned();
        let key = pki::KeyKind::P256;
        let wanted = pki::Plan { devices: 0, hosts: vec![host.clone()], key, intermediate: false };
        pki::write(folder.path(), &pki::issue(&wanted).unwrap(), false).unwrap();
        let (pki, target) = (folder.path().to_owned(), SocketAddrV4::new(Ipv4Addr::LOCALHOST, 1));
        let plan = Plan { kind, target, pki, host, rate: 1, time: Duration::ZERO };
        let bytes = |visit| match visit {
            Visit::Bytes(bytes) => bytes,
            Visit::Handshake(_) => Vec::new(),
        };
        visits(&plan).unwrap().into_iter().map(bytes).collect()
    }

    #[test]
    fn hellos_are_whole_and_name_what_they_should_and_garbage_is_no_hello() {
        let names = |hello: &[u8], name: &str| hello.windows(name.len()).any(|part| part == name.as_bytes());
        let whole = |hello: &[u8]| {
            hello[0] == 22 && usize::from(u16::from_be_bytes([hello[3], hello[4]])) + 5 == hello.len()
        };
        let unknown = first(Kind::UnknownNames);
        assert!(unknown.iter().all(|hello| whole(hello) && names(hello, ".example.net")));
        assert!(names(&unknown[7], "unknown-7."));
        assert!(first(Kind::KnownName).iter().all(|hello| whole(hello) && names(hello, "iot.example.com")));
        assert!(first(Kind::Garbage).iter().all(|bytes| bytes.len() == GARBAGE && bytes[0] != 22));
        assert_eq!(first(Kind::BadCertificates).len(), 1);
    }
}
