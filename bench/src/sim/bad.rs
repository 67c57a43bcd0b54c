//! Why a device should be refused.

use serde::Deserialize;

/// Why a device should be refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bad {
    /// It has no certificate.
    NoCertificate,
    /// Its certificate is of another CA.
    WrongCa,
    /// Its certificate has expired.
    Expired,
    /// Its certificate is on the CRL.
    Revoked,
    /// Its certificate is good, and for nobody whom a policy permits.
    WrongName,
    /// It asks for a host that is not served, in its hello.
    WrongSni,
    /// Its requests are for another host than its hello.
    WrongHost,
    /// It sends its hello byte by byte.
    SlowHello,
    /// It connects and says nothing.
    HalfOpen,
    /// What it sends is not TLS.
    Garbage,
}

impl Bad {
    /// Those that take no more than the files that `fleetsim pki` writes, as devices take them by turns.
    pub const FROM_FILES: [Self; 3] = [Self::WrongCa, Self::NoCertificate, Self::WrongSni];

    /// What it is counted as.
    pub const fn label(self) -> &'static str {
        match self {
            Self::NoCertificate => "no_certificate",
            Self::WrongCa => "wrong_ca",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
            Self::WrongName => "wrong_name",
            Self::WrongSni => "wrong_sni",
            Self::WrongHost => "wrong_host",
            Self::SlowHello => "slow_hello",
            Self::HalfOpen => "half_open",
            Self::Garbage => "garbage",
        }
    }
}
