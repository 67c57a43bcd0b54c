//! What the driver of an interface can do of XDP, as the kernel tells it by generic netlink (`netdev`, Linux 6.3).

use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};

use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, send, socket};

/// The octets in front of a message's attributes: a `struct nlmsghdr` and a `struct genlmsghdr`.
const HEADERS: usize = 20;
/// Of these, a `struct nlmsghdr`.
const HEADER: usize = 16;
/// What one answer takes at most: a family tells of all its operations.
const ANSWER: usize = 1 << 15;

const REQUEST: u16 = 1;
const ERROR: u16 = 2;

/// `GENL_ID_CTRL`, `CTRL_CMD_GETFAMILY` and its attributes.
const CONTROL: u16 = 16;
const GET_FAMILY: u8 = 3;
const FAMILY_ID: u16 = 1;
const FAMILY_NAME: u16 = 2;

/// `NETDEV_CMD_DEV_GET` and its attributes.
const GET_DEVICE: u8 = 1;
const DEVICE_INDEX: u16 = 1;
const DEVICE_XDP: u16 = 3;
/// `NETDEV_XDP_ACT_BASIC`: it runs programs.
const XDP_BASIC: u64 = 1;

/// Whether the driver of the interface with this index runs XDP programs itself. None where the kernel does not say: before
/// Linux 6.3.
///
/// # Errors
/// When there is no such interface, or the kernel answers oddly.
pub fn takes_native(index: u32) -> io::Result<Option<bool>> {
    let socket =
        socket(AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::NetlinkGeneric)?;
    let family = match ask(&socket, CONTROL, GET_FAMILY, FAMILY_NAME, b"netdev\0") {
        Err(error) if error.raw_os_error() == Some(libc::ENOENT) => return Ok(None),
        answer => number(&answer?, FAMILY_ID)?,
    };
    let family = u16::try_from(family).map_err(|_| odd())?;
    let device = ask(&socket, family, GET_DEVICE, DEVICE_INDEX, &index.to_ne_bytes())?;
    Ok(Some(number(&device, DEVICE_XDP)? & XDP_BASIC != 0))
}

/// Sends a command with one attribute, and gives the attributes of the answer.
fn ask(socket: &OwnedFd, family: u16, command: u8, attribute: u16, value: &[u8]) -> io::Result<Vec<u8>> {
    send(socket.as_raw_fd(), &message(family, command, attribute, value), MsgFlags::empty())?;
    let mut answer = vec![0; ANSWER];
    let len = recv(socket.as_raw_fd(), &mut answer, MsgFlags::empty())?;
    answer.truncate(len);
    match u16_at(&answer, 4) {
        Some(ERROR) => {
            let code = bytes_at::<4>(&answer, HEADER).map(i32::from_ne_bytes).ok_or_else(odd)?;
            Err(io::Error::from_raw_os_error(-code))
        }
        Some(kind) if kind == family => Ok(answer.split_off(HEADERS.min(len))),
        _ => Err(odd()),
    }
}

fn message(family: u16, command: u8, attribute: u16, value: &[u8]) -> Vec<u8> {
    // A name or a number.
    let attribute_len = u16::try_from(4 + value.len()).unwrap_or(u16::MAX);
    let len = HEADERS + usize::from(attribute_len).next_multiple_of(4);
    let mut message = Vec::with_capacity(len);
    message.extend(u32::try_from(len).unwrap_or(u32::MAX).to_ne_bytes());
    message.extend(family.to_ne_bytes());
    message.extend(REQUEST.to_ne_bytes());
    // Sequence number and port: nobody else is asked meanwhile.
    message.extend([0; 8]);
    // The command, and version 1.
    message.extend([command, 1, 0, 0]);
    message.extend(attribute_len.to_ne_bytes());
    message.extend(attribute.to_ne_bytes());
    message.extend(value);
    message.resize(len, 0);
    message
}

/// The number in an attribute, of whichever size.
fn number(mut attributes: &[u8], wanted: u16) -> io::Result<u64> {
    while let (Some(len), Some(kind)) = (u16_at(attributes, 0), u16_at(attributes, 2)) {
        let len = usize::from(len);
        let value = attributes.get(4..len).ok_or_else(odd)?;
        if kind == wanted {
            let number = match value.len() {
                2 => bytes_at(value, 0).map(|bytes| u16::from_ne_bytes(bytes).into()),
                4 => bytes_at(value, 0).map(|bytes| u32::from_ne_bytes(bytes).into()),
                8 => bytes_at(value, 0).map(u64::from_ne_bytes),
                _ => None,
            };
            return number.ok_or_else(odd);
        }
        attributes = attributes.get(len.next_multiple_of(4)..).unwrap_or_default();
    }
    Err(odd())
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes_at(bytes, at).map(u16::from_ne_bytes)
}

fn bytes_at<const LEN: usize>(bytes: &[u8], at: usize) -> Option<[u8; LEN]> {
    bytes.get(at..)?.first_chunk().copied()
}

fn odd() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the kernel answered oddly")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_as_long_as_it_says_and_its_attribute_is_padded() {
        let message = message(CONTROL, GET_FAMILY, FAMILY_NAME, b"netdev\0");
        assert_eq!(message.len(), 20 + 12);
        assert_eq!(bytes_at(&message, 0).map(u32::from_ne_bytes), Some(32));
        assert_eq!((u16_at(&message, 20), u16_at(&message, 22)), (Some(11), Some(FAMILY_NAME)));
        assert_eq!(message.get(24..), Some(&b"netdev\0\0"[..]));
    }

    #[test]
    fn a_number_is_found_behind_other_attributes_and_what_is_cut_off_is_odd() {
        let attribute = |kind: u16, value: &[u8]| {
            let len = u16::try_from(4 + value.len()).unwrap();
            let mut bytes = [len.to_ne_bytes(), kind.to_ne_bytes()].concat();
            bytes.extend(value);
            bytes.resize(bytes.len().next_multiple_of(4), 0);
            bytes
        };
        let both = [attribute(FAMILY_NAME, b"netdev\0"), attribute(FAMILY_ID, &7_u16.to_ne_bytes())].concat();
        assert_eq!(number(&both, FAMILY_ID).unwrap(), 7);
        assert_eq!(number(&attribute(DEVICE_XDP, &5_u64.to_ne_bytes()), DEVICE_XDP).unwrap(), 5);
        for bytes in [&both[..], &both[..both.len() - 4], &[], &[0, 0, 0, 0]] {
            assert!(number(bytes, 9).is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn loopback_has_no_driver_that_runs_programs() {
        let index = nix::net::if_::if_nametoindex("lo").unwrap();
        // Older kernels do not say.
        assert_ne!(takes_native(index).unwrap(), Some(true));
        assert!(matches!(takes_native(u32::MAX / 2), Err(_) | Ok(None)));
    }
}
