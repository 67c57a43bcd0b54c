//! What a handshake that failed says about its source.

use fleetgate_ebpf::gcra::Rate;

use crate::config;
use crate::device::Device;
use crate::limit::Offence;
use crate::model::hostname::HostPattern;
use crate::tls::HandshakeError;

/// What a source did, and how often it may.
pub(super) struct Evidence<'a> {
    /// Towards which host; none means that no host was concerned.
    pub(super) host: Option<&'a HostPattern>,
    /// What.
    pub(super) offence: Offence,
    /// How often.
    pub(super) rate: &'a Rate,
}

impl<'a> Evidence<'a> {
    /// That of a failed handshake. A peer that just goes away, or that a limit stopped, says nothing.
    pub(super) fn of(error: &'a HandshakeError, borne: &'a config::Evidence) -> Option<Self> {
        match error {
            HandshakeError::NoSni | HandshakeError::UnknownSni => {
                Some(Self { host: None, offence: Offence::Names, rate: &borne.names })
            }
            HandshakeError::Handshake { host, device: Device::Refused(_), .. } => Some(Self {
                host: Some(&host.pattern),
                offence: Offence::Certificates,
                rate: &borne.certificates,
            }),
            HandshakeError::Handshake { host, error, .. }
                if error.kind() == std::io::ErrorKind::InvalidData =>
            {
                Some(Self {
                    host: Some(&host.pattern),
                    offence: Offence::Handshakes,
                    rate: &borne.handshakes,
                })
            }
            HandshakeError::Hello(_)
            | HandshakeError::Timeout
            | HandshakeError::Limited(_)
            | HandshakeError::Handshake { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_nobody_serves_is_evidence_against_no_host_in_particular() {
        let borne = config::Evidence::default();
        for error in [HandshakeError::NoSni, HandshakeError::UnknownSni] {
            let evidence = Evidence::of(&error, &borne).unwrap();
            assert_eq!((evidence.host, evidence.offence), (None, Offence::Names));
        }
    }

    #[test]
    fn who_goes_away_or_is_limited_offends_nobody() {
        let borne = config::Evidence::default();
        let gone = HandshakeError::Hello(std::io::ErrorKind::ConnectionReset.into());
        for error in [gone, HandshakeError::Timeout, HandshakeError::Limited("hello_per_source")] {
            assert!(Evidence::of(&error, &borne).is_none(), "{error}");
        }
    }
}
