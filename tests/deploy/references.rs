//! What pages name in the repository is there: files, and tests as the proof of a claim.

use std::path::{Path, PathBuf};

use crate::repository;

/// Every page that is written for people.
fn pages() -> Vec<PathBuf> {
    let mut pages: Vec<_> = ["CONTRIBUTING.md", "deploy/README.md"].map(repository::path).into();
    for folder in ["docs", "docs/adr"] {
        let entries = std::fs::read_dir(repository::path(folder)).unwrap().map(|entry| entry.unwrap().path());
        pages.extend(entries.filter(|path| path.extension().is_some_and(|extension| extension == "md")));
    }
    pages
}

/// Files named as `folder/file.extension`, and what is named behind `::`.
fn named(text: &str) -> impl Iterator<Item = (&str, Option<&str>)> {
    let code = text.split('`').skip(1).step_by(2);
    let code =
        code.map(|code| code.split_once("::").map_or((code, None), |(path, proof)| (path, Some(proof))));
    let roots = ["gateway/", "gateway-ebpf/", "tests/", "deploy/", "docs/", "xtask/", "bench/"];
    code.filter(move |(path, _)| {
        roots.iter().any(|root| path.starts_with(root)) && !path.contains(['*', ' ', '…'])
    })
}

#[test]
fn every_file_and_every_test_that_a_page_names_exists() {
    for page in pages() {
        let text = std::fs::read_to_string(&page).unwrap();
        for (path, proof) in named(&text) {
            let file = repository::path(path);
            assert!(file.exists(), "{}: there is no {path}", page.display());
            let Some(proof) = proof else { continue };
            let source = std::fs::read_to_string(&file).unwrap();
            assert!(source.contains(&format!("fn {proof}(")), "{}: {path} has no {proof}", page.display());
        }
    }
}

#[test]
fn every_link_to_another_page_leads_there() {
    for page in pages() {
        let text = std::fs::read_to_string(&page).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let target = link.split('#').next().unwrap();
            let is_page = !target.is_empty() && !target.contains("://");
            let folder = page.parent().unwrap_or(Path::new(""));
            assert!(!is_page || folder.join(target).exists(), "{}: {link} leads nowhere", page.display());
        }
    }
}
