//! The end of every packet: one verdict, which is also its reason.

/// What the kernel does with a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// On to the kernel's stack, untouched.
    Pass,
    /// Gone. A client that meant well sends it again.
    Drop,
    /// On to the stack, rewritten into a RST. Dropping a hello would leave the server's socket established
    /// and waiting; this frees it at once.
    Reset,
    /// Back to the client, rewritten into a RST of its connection or into a SYN-ACK.
    Answer,
}

impl Action {
    /// The value of the metric label `action`.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Drop => "drop",
            Self::Reset => "reset",
            Self::Answer => "answer",
        }
    }
}

macro_rules! verdicts {
    ($($(#[doc = $doc:literal])+ $variant:ident => $action:ident, $label:literal;)+) => {
        /// Why a packet was passed, dropped or reset. Each value has its own per-CPU counter.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u32)]
        pub enum Verdict { $($(#[doc = $doc])+ $variant,)+ }

        impl Verdict {
            /// Every verdict, in the order of its counter.
            pub const ALL: [Self; [$(Self::$variant),+].len()] = [$(Self::$variant),+];

            /// What the kernel does: the one place that decides it.
            #[inline(always)]
            pub const fn action(self) -> Action {
                match self { $(Self::$variant => Action::$action,)+ }
            }

            /// The value of the metric label `reason`.
            pub const fn reason(self) -> &'static str {
                match self { $(Self::$variant => $label,)+ }
            }
        }
    };
}

verdicts! {
    /// Neither IPv4 nor IPv6: ARP, for example.
    NotIp => Pass, "not_ip";
    /// IP, but not TCP.
    NotTcp => Pass, "not_tcp";
    /// A fragment without ports. The stack puts it together.
    Fragment => Pass, "fragment";
    /// A first fragment for what is protected, of a SYN, or that ends within the TCP header: no honest stack cuts there.
    FragmentedHeader => Drop, "fragmented_header";
    /// The frame ends before its headers do, or the headers contradict each other. The stack judges it.
    Truncated => Pass, "truncated";
    /// Not addressed to what is protected.
    NotProtected => Pass, "not_protected";
    /// From a prefix in `xdp.deny`.
    Denied => Drop, "denied";
    /// Payload of an open connection from a prefix in `xdp.deny`: it ends.
    DeniedReset => Reset, "denied_reset";
    /// From a banned source.
    Banned => Drop, "banned";
    /// Payload of an open connection of a banned source: it ends.
    BannedReset => Reset, "banned_reset";
    /// A SYN within the limits; the flow is remembered.
    Syn => Pass, "syn";
    /// A SYN of a source with verified devices, within their own limit; the flow is remembered.
    SynVerified => Pass, "syn_verified";
    /// A SYN of an unknown source beyond `xdp.limit.new_flows`: it passes, and nothing is remembered.
    SynUntracked => Pass, "syn_untracked";
    /// A SYN of an unknown source beyond `xdp.limit.new_flows`, answered with a cookie; `xdp.syn_cookies = "xdp"`.
    SynCookie => Answer, "syn_cookie";
    /// An ACK that brings a valid cookie back: its source is real, and its flow is remembered.
    CookieValid => Pass, "cookie_valid";
    /// An ACK with neither a valid cookie nor a connection, while cookies are given.
    CookieInvalid => Drop, "cookie_invalid";
    /// A SYN beyond `xdp.limit.syn_per_source`.
    SynLimited => Drop, "syn_limited";
    /// A SYN beyond `xdp.limit.syn_total`.
    SynTotalLimited => Drop, "syn_total_limited";
    /// No payload: an ACK, FIN or RST of a protected port.
    Control => Pass, "control";
    /// A packet of a flow whose first data segment has been judged.
    Established => Pass, "established";
    /// Payload of a flow whose SYN was not seen: attached later, or evicted from the table.
    UnknownFlow => Pass, "unknown_flow";
    /// Payload ahead of the first data segment, which is still to come.
    OutOfOrder => Pass, "out_of_order";
    /// A first data segment beyond `xdp.limit.hello_per_source`.
    HelloSourceLimited => Drop, "hello_source_limited";
    /// A first data segment beyond `xdp.limit.hello_total`.
    HelloTotalLimited => Drop, "hello_total_limited";
    /// A hello beyond `xdp.limit.hello_per_host`.
    HelloHostLimited => Drop, "hello_host_limited";
    /// An incomplete hello beyond `xdp.limit.incomplete_per_source`.
    HelloIncompleteLimited => Drop, "hello_incomplete_limited";
    /// A hello of a source that is banned from the host that it names. The connection ends.
    HelloBanned => Reset, "hello_banned";
    /// A hello whose name is a served host.
    HelloMatched => Pass, "hello_matched";
    /// A complete hello with a name that no host has, or with none; `xdp.unknown_sni = "pass"`.
    HelloUnknownPassed => Pass, "hello_unknown_passed";
    /// The same with `xdp.unknown_sni = "drop"`. The connection ends, and the client is told when it sends the hello again.
    HelloUnknownDropped => Reset, "hello_unknown_dropped";
    /// The same with `xdp.unknown_sni = "reset"`. The connection ends, and the client is told as soon as it sends anything.
    HelloUnknownReset => Reset, "hello_unknown_reset";
    /// A hello whose name is not in the first segment; userspace reassembles it.
    HelloIncomplete => Pass, "hello_incomplete";
    /// A hello that contradicts itself; userspace answers it with an alert.
    HelloMalformed => Pass, "hello_malformed";
    /// A first data segment that is not TLS; userspace answers it with an alert.
    NotTls => Pass, "not_tls";
    /// One of the last two beyond `xdp.limit.not_tls_per_source`. The connection ends.
    NotTlsLimited => Reset, "not_tls_limited";
    /// What comes on a connection that has ended.
    Ended => Drop, "ended";
    /// A refused hello that was sent again, or whatever comes first on a connection that was reset: the client is told.
    EndedAnswered => Answer, "ended_answered";
    /// Userspace has not filled the settings: the program is attached but not yet configured.
    Unconfigured => Pass, "unconfigured";
}

impl Verdict {
    /// How many verdicts there are: the number of counters.
    #[expect(clippy::cast_possible_truncation, reason = "a few dozen")]
    pub const COUNT: u32 = Self::ALL.len() as u32;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_indexed_by_position() {
        for (index, verdict) in Verdict::ALL.iter().enumerate() {
            assert_eq!(*verdict as usize, index, "{verdict:?}");
        }
    }

    #[test]
    fn reasons_are_unique_metric_labels() {
        for (index, verdict) in Verdict::ALL.iter().enumerate() {
            let reason = verdict.reason();
            assert!(reason.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{reason}");
            assert!(Verdict::ALL[index + 1..].iter().all(|other| other.reason() != reason), "{reason} twice");
        }
    }
}
