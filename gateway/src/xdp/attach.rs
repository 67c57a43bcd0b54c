//! Attaching: native where the driver can, else generic, and never silently.

use std::io;

use aya::programs::links::FdLink;
use aya::programs::xdp::{XdpLink, XdpLinkId};
use aya::programs::{ProgramError, Xdp, XdpMode};

use super::pin::Folder;
use crate::config::Mode;

/// The program on an interface.
#[derive(Debug)]
pub struct Attached {
    /// The interface's index at that time: a re-created interface has another.
    pub index: u32,
    /// `native` or `generic`.
    pub mode: &'static str,
    pub(super) link: XdpLinkId,
}

/// Why the program is not on an interface.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AttachError {
    /// Somebody else's program is there.
    #[error(
        "XDP on {0} is taken by another program (`bpftool net show dev {0}` names it); detach that with `ip link set \
         dev {0} xdp off`, or take {0} out of xdp.interfaces"
    )]
    Busy(String),
    /// There is no such interface.
    #[error(
        "there is no interface {0}; `ip link` lists those that exist, and xdp.interfaces names those to protect"
    )]
    Missing(String),
    /// The driver cannot.
    #[error(
        "the driver of {0} does not take a native XDP program (or its MTU is too large); set xdp.mode to \"auto\" or \
         \"generic\""
    )]
    NotNative(String),
    /// Anything else.
    #[error("cannot attach XDP to {interface}: {error}")]
    Other {
        /// Where.
        interface: String,
        /// What the system said.
        error: String,
    },
}

/// The interface's index, if it exists.
pub fn interface_index(name: &str) -> Option<u32> {
    nix::net::if_::if_nametoindex(name).ok()
}

/// Attaches `program` to `interface` in `mode`, or has it follow the one that a gateway before this one left there.
pub(super) fn attach(
    program: &mut Xdp,
    interface: &str,
    mode: Mode,
    pins: Option<&Folder>,
) -> Result<Attached, AttachError> {
    let index = interface_index(interface).ok_or_else(|| AttachError::Missing(interface.to_owned()))?;
    let Some(pins) = pins else { return attach_anew(program, interface, index, mode) };
    if let Some(attached) = follow(program, interface, index, mode, pins) {
        return Ok(attached);
    }
    pins.forget_link(interface);
    let Attached { index, mode, link } = attach_anew(program, interface, index, mode)?;
    let failed = |error: &dyn std::fmt::Display| AttachError::Other {
        interface: interface.to_owned(),
        error: error.to_string(),
    };
    let taken = program.take_link(link).map_err(|error| failed(&error))?;
    let link = FdLink::try_from(taken).map_err(|error| failed(&error))?;
    let pinned = link.pin(pins.link_path(interface, mode)).map_err(|error| failed(&error))?;
    // Back under the program's care, like every other.
    let link = XdpLink::try_from(FdLink::from(pinned)).map_err(|error| failed(&error))?;
    let link = program.attach_to_link(link).map_err(|error| failed(&error))?;
    Ok(Attached { index, mode, link })
}

/// Puts `program` in the place of the one before, without a packet in between. `None` where there is none to follow: another
/// mode is wanted, or the interface was created again.
fn follow(program: &mut Xdp, interface: &str, index: u32, mode: Mode, pins: &Folder) -> Option<Attached> {
    let (link, label) = pins.link(interface)?;
    let wanted = match mode {
        Mode::Native => label == "native",
        Mode::Generic => label == "generic",
        Mode::Auto | Mode::Off => true,
    };
    let link = program.attach_to_link(XdpLink::try_from(link).ok().filter(|_| wanted)?).ok()?;
    Some(Attached { index, mode: label, link })
}

fn attach_anew(program: &mut Xdp, interface: &str, index: u32, mode: Mode) -> Result<Attached, AttachError> {
    let mut attach = |xdp_mode, label| {
        let link = program.attach_to_if_index(index, xdp_mode).map_err(|error| explain(interface, &error))?;
        Ok(Attached { index, mode: label, link })
    };
    match mode {
        Mode::Native => attach(XdpMode::Driver, "native"),
        Mode::Generic => attach(XdpMode::Skb, "generic"),
        Mode::Auto | Mode::Off => match attach(XdpMode::Driver, "native") {
            Err(AttachError::NotNative(_)) => {
                let attached = attach(XdpMode::Skb, "generic")?;
                tracing::warn!(
                    interface,
                    "XDP runs in generic mode: it protects, at a higher cost than in the driver"
                );
                Ok(attached)
            }
            result => result,
        },
    }
}

fn explain(interface: &str, error: &ProgramError) -> AttachError {
    let interface = interface.to_owned();
    let system = match error {
        ProgramError::SyscallError(error) => error.io_error.raw_os_error(),
        _ => None,
    };
    match system {
        Some(libc::EBUSY | libc::EEXIST) => AttachError::Busy(interface),
        Some(libc::ENODEV) => AttachError::Missing(interface),
        Some(libc::EOPNOTSUPP | libc::ERANGE) => AttachError::NotNative(interface),
        Some(code) => AttachError::Other { interface, error: io::Error::from_raw_os_error(code).to_string() },
        None => AttachError::Other { interface, error: error.to_string() },
    }
}
