//! Where packets begin in a stream of MQTT, and how long they are, however they are cut in pieces.

use super::connect::{CONNECT, Length, Malformed};

/// Follows the packets of one way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::stream) enum Framing {
    /// A packet begins here.
    Start,
    /// In the remaining length, of which this much is known.
    Length(Length),
    /// In a packet that goes on for so many octets.
    Body(usize),
}

/// Why a packet may not pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::stream) enum Offence {
    /// It is larger than is allowed.
    #[error("a packet is larger than mqtt.max_packet")]
    TooLarge,
    /// A second CONNECT: brokers differ in what they make of it.
    #[error("a second CONNECT")]
    SecondConnect,
    /// Its length is damaged.
    #[error(transparent)]
    Malformed(#[from] Malformed),
}

impl Framing {
    /// Follows the next piece. No packet may be a CONNECT, or have more than `most` octets.
    ///
    /// # Errors
    /// [`Offence`].
    pub(in crate::stream) fn follow(&mut self, mut piece: &[u8], most: usize) -> Result<(), Offence> {
        while let Some((first, rest)) = piece.split_first() {
            *self = match self {
                Self::Start if first & 0xf0 == CONNECT => return Err(Offence::SecondConnect),
                Self::Start => Self::Length(Length::default()),
                Self::Length(length) => match length.push(*first)? {
                    None => Self::Length(*length),
                    Some(body) if 1 + length.octets() + body > most => return Err(Offence::TooLarge),
                    Some(0) => Self::Start,
                    Some(body) => Self::Body(body),
                },
                Self::Body(left) => {
                    let passed = piece.len().min(*left);
                    piece = piece.get(passed..).unwrap_or_default();
                    *self = if passed == *left { Self::Start } else { Self::Body(*left - passed) };
                    continue;
                }
            };
            piece = rest;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A body of 997 octets has a header of three.
    const MOST: usize = 1000;

    fn follow(pieces: &[&[u8]]) -> Result<Framing, Offence> {
        let mut framing = Framing::Start;
        pieces.iter().try_for_each(|piece| framing.follow(piece, MOST)).map(|()| framing)
    }

    #[test]
    fn packets_end_where_their_length_says() {
        let ping = [0xc0, 0];
        assert_eq!(follow(&[&ping, &ping]), Ok(Framing::Start));
        let publish = [&[0x30, 0x80, 1][..], &[0x10; 128]].concat();
        assert_eq!(follow(&[&publish, &ping]), Ok(Framing::Start), "what is in it is no packet");
        assert_eq!(follow(&[&publish[..100]]), Ok(Framing::Body(31)));
    }

    #[test]
    fn what_may_not_pass_is_found_behind_anything() {
        let ping = [0xc0, 0];
        assert_eq!(follow(&[&ping, &[0x10, 0]]), Err(Offence::SecondConnect));
        assert_eq!(follow(&[&ping, &[0x30, 0xe6], &[0x07]]), Err(Offence::TooLarge));
        assert_eq!(follow(&[&[0x30, 0xe5, 0x07]]), Ok(Framing::Body(997)));
        for damaged in [&[0x30, 0x80, 0x80, 0x80, 0x80, 1][..], &[0x30, 0x85, 0x00]] {
            assert!(matches!(follow(&[damaged]), Err(Offence::Malformed(_))), "{damaged:x?}");
        }
    }

    proptest! {
        #[test]
        fn it_does_not_matter_how_a_stream_is_cut(octets: Vec<u8>, cuts: [prop::sample::Index; 3]) {
            let mut cuts = cuts.map(|cut| cut.index(octets.len() + 1));
            cuts.sort_unstable();
            let pieces = [&octets[..cuts[0]], &octets[cuts[0]..cuts[1]], &octets[cuts[1]..cuts[2]], &octets[cuts[2]..]];
            prop_assert_eq!(follow(&pieces), follow(&[&octets]));
        }
    }
}
