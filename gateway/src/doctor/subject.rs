//! Whose rights and limits count: the running gateway's, or those of whoever asks.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;

/// What the kernel lets a process do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Subject {
    /// The running gateway's id; none for whoever asks.
    pub(super) process: Option<u32>,
    pub(super) user: u32,
    pub(super) groups: Vec<u32>,
    /// Bits by [`Capability`].
    pub(super) capabilities: u64,
    /// Files that may be open at once.
    pub(super) open_files: u64,
}

/// A right, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Capability {
    DacOverride = 1,
    NetBindService = 10,
    NetAdmin = 12,
    SysAdmin = 21,
    Perfmon = 38,
    Bpf = 39,
}

/// What may be done to a file, as in its mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    Read = 0o4,
    /// Making files in a folder.
    WriteFolder = 0o3,
}

impl Subject {
    /// That of a process, or of this one.
    ///
    /// # Errors
    /// When the system does not say.
    pub(super) fn read(process: Option<u32>) -> io::Result<Self> {
        let name = process.map_or_else(|| "self".to_owned(), |process| process.to_string());
        let file = |file: &str| fs::read_to_string(format!("/proc/{name}/{file}"));
        let subject = Self::parse(&file("status")?, &file("limits")?);
        let subject = subject.ok_or_else(|| io::Error::other("/proc has another form than is known"))?;
        Ok(Self { process, ..subject })
    }

    fn parse(status: &str, limits: &str) -> Option<Self> {
        let line = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        let numbers = |name| -> Option<Vec<u32>> {
            line(name)?.split_whitespace().map(str::parse).collect::<Result<_, _>>().ok()
        };
        // Real, effective, saved, of the file system: the last one counts for files.
        let (user, group) = (*numbers("Uid")?.last()?, *numbers("Gid")?.last()?);
        let mut groups = numbers("Groups")?;
        groups.push(group);
        let soft = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
        let open_files = match soft.split_whitespace().next()? {
            "unlimited" => u64::MAX,
            number => number.parse().ok()?,
        };
        let capabilities = u64::from_str_radix(line("CapEff")?.trim(), 16).ok()?;
        Some(Self { process: None, user, groups, capabilities, open_files })
    }

    pub(super) fn has(&self, capability: Capability) -> bool {
        self.capabilities & (1 << capability as u64) != 0
    }

    /// Whether the mode of a file or folder lets it do that.
    pub(super) fn may(&self, access: Access, file: &Metadata) -> bool {
        self.may_by(access, file.uid(), file.gid(), file.mode())
    }

    fn may_by(&self, access: Access, user: u32, group: u32, mode: u32) -> bool {
        let shift = match (user == self.user, self.groups.contains(&group)) {
            (true, _) => 6,
            (false, true) => 3,
            (false, false) => 0,
        };
        self.has(Capability::DacOverride) || (mode >> shift) & access as u32 == access as u32
    }

    /// Who it is, in words.
    pub(super) fn name(&self) -> String {
        match self.process {
            Some(process) => format!("the gateway (process {process}, user {})", self.user),
            None => format!("this user ({})", self.user),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUS: &str = "Name:\tfleetgate\nUid:\t998\t998\t998\t998\nGid:\t997\t997\t997\t997\nGroups:\t4 104 \n\
                          CapEff:\t000000c000001400\n";
    const LIMITS: &str = "Limit                     Soft Limit           Hard Limit           Units     \n\
                          Max open files            65536                524288               files     \n";

    #[test]
    fn rights_and_limits_are_read() {
        use Capability::{Bpf, DacOverride, NetAdmin, NetBindService, Perfmon, SysAdmin};
        let subject = Subject::parse(STATUS, LIMITS).unwrap();
        assert_eq!(
            (subject.user, &subject.groups[..], subject.open_files),
            (998, &[4, 104, 997][..], 65_536)
        );
        assert!([Bpf, NetAdmin, NetBindService, Perfmon].iter().all(|right| subject.has(*right)));
        assert!(!subject.has(DacOverride) && !subject.has(SysAdmin));
        let unlimited = LIMITS.replace("65536", "unlimited");
        assert_eq!(Subject::parse(STATUS, &unlimited).unwrap().open_files, u64::MAX);
        assert_eq!(Subject::parse("", LIMITS), None);
        assert!(Subject::read(None).is_ok());
    }

    #[test]
    fn of_owner_group_and_others_the_first_that_fits_counts() {
        let subject = Subject { user: 998, groups: vec![997], ..Subject::default() };
        let may = |user, group, mode| subject.may_by(Access::Read, user, group, mode);
        assert!(may(998, 0, 0o400) && may(0, 997, 0o040) && may(0, 0, 0o004));
        assert!(!may(998, 0, 0o044) && !may(0, 997, 0o404) && !may(0, 0, 0o440));
        assert!(!subject.may_by(Access::WriteFolder, 998, 0, 0o600), "a folder has to be entered");
        let root = Subject { capabilities: 1 << Capability::DacOverride as u64, ..Subject::default() };
        assert!(root.may_by(Access::Read, 998, 997, 0));
    }
}
