//! What CRLs and the revocation index guarantee. `data/make.sh` says how OpenSSL and cfssl made the files there.

mod delegate;
mod envelope;
mod hostile;
mod index;
mod oracle;
mod parse;
mod radix;
mod serial;
mod serial_set;
mod support;
mod verify;
mod wycheproof;

pub(super) use support::uri;
