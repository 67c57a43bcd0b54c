//! How far the gateway's end has come.

/// What connections have to know of the gateway's end. Each phase follows the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// It is not in sight.
    Serving,
    /// Nothing more is accepted, and each connection's next request is its last: a peer that sends one at this moment does
    /// not find its connection closed. HTTP/2 has words for that, and its connections finish.
    Leaving,
    /// Whoever has no request under way is closed.
    Draining,
}
