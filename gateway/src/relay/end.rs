//! How streams end.

/// How a stream ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Both sides were done.
    Closed,
    /// The device broke off.
    DeviceLost,
    /// The origin broke off.
    OriginLost,
    /// Nothing moved for too long.
    IdleTimeout,
    /// It was open for too long.
    TotalTimeout,
    /// It lost what it was permitted, for this reason.
    Lost(&'static str),
    /// What the device sent was refused, for this reason.
    Refused(&'static str),
    /// Its origin could not be reached, for this reason.
    NoOrigin(&'static str),
    /// It was dropped while it was under way: a panic.
    Aborted,
}

impl End {
    /// Every end that has a reason of its own, for documentation.
    pub const ALL: [Self; 9] = [
        Self::Closed,
        Self::DeviceLost,
        Self::OriginLost,
        Self::IdleTimeout,
        Self::TotalTimeout,
        Self::Lost("not_served"),
        Self::Lost("mqtt_changed"),
        Self::Lost("banned"),
        Self::Aborted,
    ];

    /// The value of the metric label and the log field `reason`.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::DeviceLost => "device_lost",
            Self::OriginLost => "origin_lost",
            Self::IdleTimeout => "idle_timeout",
            Self::TotalTimeout => "total_timeout",
            Self::Lost(reason) | Self::Refused(reason) | Self::NoOrigin(reason) => reason,
            Self::Aborted => "aborted",
        }
    }
}
