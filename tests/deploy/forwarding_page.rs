//! `docs/forwarding.md` has blocks that work.

use std::path::Path;
use std::sync::Arc;

use fleetgate::config::{Config, Source};

use crate::repository;

#[test]
fn every_block_parses() {
    let page = repository::read("docs/forwarding.md");
    let blocks: Vec<_> =
        page.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert!(!blocks.is_empty());
    for block in blocks {
        let source = Source::new(Path::new("fleetgate.toml"), block.to_owned());
        Config::parse(&Arc::new(source)).unwrap_or_else(|problems| panic!("{block}\n{problems}"));
    }
}
