//! What a packet costs in the XDP program, for `cargo xtask bench xdp`: `ROUNDS` and `PACKETS` in, a line a round and path
//! out: name, target above bare, nanoseconds, beside what, its nanoseconds. The same without a target beside xdp-filter, where
//! that is installed and does the same.
#![expect(clippy::print_stdout, reason = "this is what it is for")]

use fleetgate_tests::xdp::path;

fn main() {
    let mut numbers = std::env::args().skip(1).map(|number| number.parse::<u32>().ok());
    let (rounds, packets) =
        (numbers.next().flatten().unwrap_or(5), numbers.next().flatten().unwrap_or(500_000));
    let mut paths: Vec<_> = path::all().into_iter().map(|path| (path, path.kernel())).collect();
    let mut filter = path::filter();
    for _ in 0..rounds {
        for (path, kernel) in &mut paths {
            let path::Cost { program, bare } = path.measure(kernel, packets);
            let target = path.target.map_or_else(|| "-".to_owned(), |target| target.to_string());
            println!("{}\t{target}\t{program}\tbare XDP_PASS\t{bare}", path.label());
            if let Some(theirs) = filter.as_mut().and_then(|filter| path.beside(filter, packets)) {
                println!("{}\t-\t{program}\txdp-filter\t{theirs}", path.label());
            }
        }
    }
}
