//! The system's bounds beside the configuration's: files, and connections that wait.

use std::fs;
use std::path::Path;

use super::finding::{Check, Finding};
use super::subject::Subject;
use crate::config::Server;
use crate::listen::BACKLOG;

/// Files that are open beside connections: listening sockets, logs, maps, timers.
const OTHERS: u64 = 128;

/// Files against `server.max_connections`.
pub(super) fn open_files(server: &Server, subject: &Subject) -> Finding {
    let (connections, limit) = (u64::from(server.max_connections), subject.open_files);
    // A device's connection and its origin's are two.
    let needed = 2 * connections + OTHERS;
    let who = subject.name();
    let remedy = format!("LimitNOFILE={needed} in the unit, or lower server.max_connections");
    if limit < connections + OTHERS {
        let says = format!(
            "{who} may have {limit} files open: connections fail before server.max_connections ({connections}) is reached"
        );
        Finding::problem(Check::OpenFiles, says, remedy)
    } else if limit < needed {
        let says = format!(
            "{who} may have {limit} files open, and with an origin's connection for each of {connections} it takes {needed}"
        );
        Finding::warning(Check::OpenFiles, says, remedy)
    } else {
        let says = format!("{who} may have {limit} files open, and {connections} connections take {needed}");
        Finding::ok(Check::OpenFiles, says)
    }
}

/// Connections that wait to be accepted, and SYNs that wait to be connections.
pub(super) fn backlog() -> Vec<Finding> {
    let number = |name: &str| -> Option<u64> {
        let text = fs::read_to_string(Path::new("/proc/sys/net").join(name)).ok()?;
        text.trim().parse().ok()
    };
    let has_cookies = number("ipv4/tcp_syncookies").is_some_and(|setting| setting > 0);
    let accept = number("core/somaxconn").map(accept_queue);
    let syns = number("ipv4/tcp_max_syn_backlog").map(|limit| syn_queue(limit, has_cookies));
    accept.into_iter().chain(syns).collect()
}

fn accept_queue(limit: u64) -> Finding {
    let wanted = u64::from(BACKLOG.unsigned_abs());
    if limit < wanted {
        Finding::warning(
            Check::Backlog,
            format!(
                "net.core.somaxconn is {limit}: fewer connections wait for a worker than the {wanted} that it asks for"
            ),
            format!("sysctl -w net.core.somaxconn={wanted}"),
        )
    } else {
        Finding::ok(Check::Backlog, format!("net.core.somaxconn is {limit}, and a worker asks for {wanted}"))
    }
}

/// The kernel looks at this bound only while it gives no cookies.
fn syn_queue(limit: u64, has_cookies: bool) -> Finding {
    let wanted = u64::from(BACKLOG.unsigned_abs());
    let says = format!("net.ipv4.tcp_max_syn_backlog is {limit}");
    if limit < wanted && !has_cookies {
        let says = format!("{says}: without SYN cookies no more handshakes of TCP can be under way");
        Finding::warning(Check::Backlog, says, format!("sysctl -w net.ipv4.tcp_max_syn_backlog={wanted}"))
    } else if has_cookies {
        Finding::ok(Check::Backlog, format!("{says}, which counts only without SYN cookies"))
    } else {
        Finding::ok(Check::Backlog, says)
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::Level;
    use super::*;

    #[test]
    fn a_connection_takes_a_file_and_one_to_its_origin_another() {
        let server = Server { max_connections: 1000, ..Server::default() };
        let level = |open_files| open_files_level(&server, open_files);
        assert_eq!(level(1024), Level::Problem);
        assert_eq!(level(1000 + OTHERS), Level::Warning);
        assert_eq!(level(2000 + OTHERS), Level::Ok);
    }

    fn open_files_level(server: &Server, limit: u64) -> Level {
        open_files(server, &Subject { open_files: limit, ..Subject::default() }).level
    }

    #[test]
    fn queues_that_are_shorter_than_the_gateways_are_warned_of() {
        assert_eq!((accept_queue(128).level, accept_queue(4096).level), (Level::Warning, Level::Ok));
        assert_eq!(syn_queue(128, false).level, Level::Warning);
        assert_eq!((syn_queue(128, true).level, syn_queue(4096, false).level), (Level::Ok, Level::Ok));
    }
}
