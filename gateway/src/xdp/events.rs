//! Rare things that the program tells of, for the log.

use std::net::{IpAddr, SocketAddr};

use aya::Ebpf;
use aya::maps::RingBuf;
use fleetgate_ebpf::abi::{EVENT_NAME, Event, map};
use fleetgate_ebpf::verdict::Verdict;

/// Events that are read at once: the kernel lets through one of a kind a second, and one a ban.
const AT_ONCE: usize = 256;

/// An event, read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Told {
    verdict: Verdict,
    source: SocketAddr,
    /// As the peer sent it.
    name: Option<String>,
}

/// Logs what the program has told since the last time.
pub(super) fn log(ebpf: &mut Ebpf) {
    let Some(Ok(mut events)) = ebpf.map_mut(map::EVENTS).map(RingBuf::try_from) else { return };
    for _ in 0..AT_ONCE {
        let Some(event) = events.next() else { return };
        if let Some(Told { verdict, source, name }) = parse(&event) {
            let (action, reason) = (verdict.action().label(), verdict.reason());
            tracing::warn!(reason, action, %source, name = name.map(tracing::field::debug), "XDP met this; others like it are only counted");
        }
    }
}

/// An [`Event`] as it comes from the kernel, field by field.
fn parse(bytes: &[u8]) -> Option<Told> {
    const { assert!(size_of::<Event>() == 16 + 4 + 2 + 2 + EVENT_NAME) }
    let (source, rest) = bytes.split_first_chunk::<16>()?;
    let (verdict, rest) = rest.split_first_chunk::<4>()?;
    let (port, rest) = rest.split_first_chunk::<2>()?;
    let (len, name) = rest.split_first_chunk::<2>()?;
    let len = usize::from(u16::from_ne_bytes(*len));
    let shown = name.get(..len.min(EVENT_NAME))?;
    Some(Told {
        verdict: *Verdict::ALL.get(usize::try_from(u32::from_ne_bytes(*verdict)).ok()?)?,
        source: SocketAddr::new(IpAddr::from(*source).to_canonical(), u16::from_be_bytes(*port)),
        name: (len > 0).then(|| String::from_utf8_lossy(shown).into_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(verdict: u32, name: &[u8]) -> Vec<u8> {
        let mut bytes = std::net::Ipv4Addr::new(192, 0, 2, 1).to_ipv6_mapped().octets().to_vec();
        bytes.extend(verdict.to_ne_bytes());
        bytes.extend(40_000u16.to_be_bytes());
        bytes.extend(u16::try_from(name.len()).unwrap().to_ne_bytes());
        bytes.extend(name);
        bytes.resize(size_of::<Event>(), 0);
        bytes
    }

    #[test]
    fn an_event_says_who_and_what_and_a_long_name_is_cut() {
        let told = parse(&event(Verdict::HelloUnknownReset as u32, b"other.example")).unwrap();
        let source = ([192, 0, 2, 1], 40_000).into();
        let expected =
            Told { verdict: Verdict::HelloUnknownReset, source, name: Some("other.example".into()) };
        assert_eq!(told, expected);
        let mut long = event(0, &[b'a'; EVENT_NAME]);
        long[22..24].copy_from_slice(&300u16.to_ne_bytes());
        assert_eq!(parse(&long).unwrap().name.unwrap().len(), EVENT_NAME);
    }

    #[test]
    fn what_is_no_event_is_nothing() {
        assert_eq!(parse(&event(0, b"")).unwrap().name, None);
        assert_eq!(parse(&event(Verdict::COUNT, b"a")), None);
        assert_eq!(parse(&[0; 10]), None);
    }
}
