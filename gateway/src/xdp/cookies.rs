//! Who gives SYN cookies: the kernel, or XDP where it was asked to and the stack takes what it gave.

use std::path::Path;

use crate::config::SynCookies;

/// `net.ipv4.tcp_syncookies` of the gateway's own network namespace.
const SETTING: &str = "/proc/sys/net/ipv4/tcp_syncookies";

/// Who gives SYN cookies, and what is wrong with that.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cookies {
    /// Who gives them, whatever was asked for.
    pub by: SynCookies,
    /// What to do about it, for an operator.
    pub problem: Option<String>,
}

impl Cookies {
    /// As it stands with the kernel now, which has what XDP needs for them, or has not.
    pub fn now(wanted: SynCookies, xdp_can: bool) -> Self {
        let setting = std::fs::read_to_string(Path::new(SETTING)).ok();
        let setting = setting.as_deref().map_or("absent", str::trim);
        if wanted == SynCookies::Kernel || xdp_can {
            return Self::decide(wanted, setting);
        }
        let problem = "xdp.syn_cookies = \"xdp\" needs Linux 6.0 with CONFIG_SYN_COOKIES: XDP gives none";
        Self { by: SynCookies::Kernel, problem: Some(problem.to_owned()) }
    }

    /// Below 2 the stack takes a cookie only where its own queue has overflowed lately, which XDP's cookies prevent.
    fn decide(wanted: SynCookies, setting: &str) -> Self {
        let problem = match (wanted, setting) {
            (SynCookies::Xdp, "2") | (SynCookies::Kernel, "1" | "2") => {
                return Self { by: wanted, problem: None };
            }
            (SynCookies::Xdp, _) => format!(
                "xdp.syn_cookies = \"xdp\" needs net.ipv4.tcp_syncookies = 2, and it is {setting}: the stack would refuse \
                 XDP's cookies, so XDP gives none; sysctl -w net.ipv4.tcp_syncookies=2"
            ),
            (SynCookies::Kernel, _) => format!(
                "net.ipv4.tcp_syncookies is {setting}: without SYN cookies a flood of SYNs keeps everybody out; \
                 sysctl -w net.ipv4.tcp_syncookies=1"
            ),
        };
        Self { by: SynCookies::Kernel, problem: Some(problem) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn xdp_gives_them_only_where_the_stack_takes_them() {
        assert_eq!(Cookies::decide(SynCookies::Xdp, "2"), Cookies { by: SynCookies::Xdp, problem: None });
        for setting in ["0", "1", "absent"] {
            let Cookies { by, problem } = Cookies::decide(SynCookies::Xdp, setting);
            assert_eq!(by, SynCookies::Kernel);
            assert!(problem.unwrap().contains("tcp_syncookies=2"));
        }
    }

    #[test]
    fn an_old_kernel_is_named() {
        let Cookies { by, problem } = Cookies::now(SynCookies::Xdp, false);
        assert_eq!(by, SynCookies::Kernel);
        assert!(problem.unwrap().contains("Linux 6.0"));
    }

    #[test]
    fn the_kernel_gives_them_unless_it_is_told_not_to() {
        assert_eq!(Cookies::decide(SynCookies::Kernel, "1"), Cookies::default());
        assert_eq!(Cookies::decide(SynCookies::Kernel, "2"), Cookies::default());
        let off = Cookies::decide(SynCookies::Kernel, "0");
        assert!(off.problem.unwrap().contains("tcp_syncookies=1"));
    }
}
