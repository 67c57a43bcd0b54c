//! Each block of `docs/forwarding.md` is a configuration that is understood.

use std::path::Path;
use std::sync::Arc;

use fleetgate::config::{Config, Source};

use crate::repository;

const PAGE: &str = "docs/forwarding.md";

#[test]
fn every_block_is_understood() {
    let page = repository::read(PAGE);
    let blocks: Vec<_> =
        page.split("```toml\n").skip(1).map(|rest| rest.split_once("```").unwrap().0).collect();
    assert!(!blocks.is_empty());
    for block in blocks {
        let host = "[[host]]\nname = \"a.example\"\ncertificate = \"c\"\nkey = \"k\"\norigin = \"http://a\"";
        // Some say what a host does, others something for all.
        let host = if block.contains("[[host]]") { "" } else { host };
        let text = format!("[[listener]]\naddress = \"[::]:443\"\n{host}\n{block}");
        let parsed = Config::parse(&Arc::new(Source::new(Path::new(PAGE), text)));
        assert!(parsed.is_ok(), "{block}\n{:?}", parsed.map(drop).unwrap_err().lines());
    }
}
