//! The gateway's own log, on standard error.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

/// Starts the log: lines of text, at level `info` unless `RUST_LOG` says otherwise. The journal and most collectors
/// add the time themselves, so that it is written only to a terminal.
pub fn start() {
    let filter = EnvFilter::builder().with_default_directive(LevelFilter::INFO.into()).from_env_lossy();
    let terminal = std::io::IsTerminal::is_terminal(&std::io::stderr());
    let builder =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(terminal);
    // A second start, in a test process, keeps the first log.
    let _ = if terminal { builder.try_init() } else { builder.without_time().try_init() };
}
