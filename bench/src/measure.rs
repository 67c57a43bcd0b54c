//! Measuring: CPU time and memory of processes, rounds that alternate, and what they come to.

mod cpu;
mod family;
mod lines;
mod memory;
mod plot;
mod report;
mod round;
mod spread;
mod svg;
mod table;

pub use cpu::{CpuError, Tree, used};
pub(crate) use lines::{Chart, Line, Scale};
pub use memory::{MemoryError, resident};
pub use plot::plot;
pub(crate) use plot::{Bar, Group, draw_all};
pub use report::{Comparison, Report, Row};
pub use round::{NotInterleaved, Ratio, Round, Run, Series};
pub use spread::Spread;
pub(crate) use svg::Escaped;
pub(crate) use table::short;
