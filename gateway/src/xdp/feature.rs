//! What this kernel has of what the programs need.

use aya::maps::MapType;
use aya::programs::ProgramType;
use aya::sys::{BpfHelper, is_helper_supported, is_map_supported, is_program_supported};
use serde::Serialize;

/// Something that a part needs of the kernel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Feature {
    /// What it is.
    pub feature: &'static str,
    /// What needs it.
    pub part: &'static str,
    /// The first Linux that has it.
    pub linux: &'static str,
    /// Whether this one has it; none where that cannot be found out, as without `CAP_BPF`.
    pub available: Option<bool>,
}

/// What is asked.
enum Question {
    Program(ProgramType),
    Map(MapType),
    Helper(ProgramType, BpfHelper),
}

/// Everything that is asked, by part. The minimum of `all` is what the program does not load without.
const QUESTIONS: [(&str, &str, &str, Question); 9] = [
    ("all", "XDP programs", "4.8", Question::Program(ProgramType::Xdp)),
    ("all", "ring buffers", "5.8", Question::Map(MapType::RingBuf)),
    (
        "all",
        "the coarse clock",
        "5.11",
        Question::Helper(ProgramType::Xdp, BpfHelper::BPF_FUNC_ktime_get_coarse_ns),
    ),
    (
        "all",
        "multi-buffer frames",
        "5.18",
        Question::Helper(ProgramType::Xdp, BpfHelper::BPF_FUNC_xdp_load_bytes),
    ),
    (
        "cookies",
        "SYN cookies for XDP",
        "6.0",
        Question::Helper(ProgramType::Xdp, BpfHelper::BPF_FUNC_tcp_raw_gen_syncookie_ipv4),
    ),
    ("steering", "CPU maps", "4.15", Question::Map(MapType::CpuMap)),
    ("reuseport", "sk_reuseport programs", "5.14", Question::Program(ProgramType::SkReuseport)),
    ("sk_lookup", "sk_lookup programs", "5.9", Question::Program(ProgramType::SkLookup)),
    ("sockets", "maps of listening sockets", "5.7", Question::Map(MapType::SockMap)),
];

/// Asks the kernel, by trying. Takes a few milliseconds.
pub fn probe() -> Vec<Feature> {
    let ask = |question: Question| match question {
        Question::Program(program) => is_program_supported(program).ok(),
        Question::Map(map) => is_map_supported(map).ok(),
        Question::Helper(program, helper) => is_helper_supported(program, helper).ok(),
    };
    let feature =
        |(part, feature, linux, question)| Feature { feature, part, linux, available: ask(question) };
    QUESTIONS.into_iter().map(feature).collect()
}

/// Why a part cannot be had, where that is known.
pub(super) fn lacking(features: &[Feature], part: &str) -> Option<String> {
    let is_lacking = |feature: &&Feature| {
        (feature.part == part || feature.part == "all") && feature.available == Some(false)
    };
    let feature = features.iter().find(is_lacking)?;
    Some(format!("this kernel has no {} (Linux {} has)", feature.feature, feature.linux))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_kernel_lacks_is_named_with_the_one_that_has_it() {
        let feature = |part, available| Feature { feature: "CPU maps", part, linux: "4.15", available };
        let features = [feature("sk_lookup", Some(true)), feature("steering", Some(false))];
        assert_eq!(lacking(&features, "sk_lookup"), None);
        let why = lacking(&features, "steering").unwrap();
        assert_eq!(why, "this kernel has no CPU maps (Linux 4.15 has)");
        assert_eq!(lacking(&[feature("steering", None)], "steering"), None, "nobody knows");
        assert!(lacking(&[feature("all", Some(false))], "sk_lookup").is_some());
    }
}
