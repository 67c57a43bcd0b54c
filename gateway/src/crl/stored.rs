//! The last good list of each URL, kept in `state_dir` over restarts.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::{fs, io};

use aws_lc_rs::digest;

use super::file;
use super::url::CrlUrl;
use crate::device::identity::Fingerprint;
use crate::state;

/// The folder in `state_dir`.
const FOLDER: &str = "crl";

/// The list of `url` as it was when it was kept. What is in it is checked like anything that was fetched.
pub(super) fn read(state_dir: &Path, url: &CrlUrl, max: usize) -> io::Result<Vec<u8>> {
    file::read(&path(state_dir, url), max)
}

/// Keeps the list of `url`.
pub(super) fn write(state_dir: &Path, url: &CrlUrl, body: &[u8]) -> io::Result<()> {
    state::make_folder(&state_dir.join(FOLDER))?;
    state::replace(&path(state_dir, url), body)
}

/// Removes the lists of all URLs but these, and nothing else that is in the folder.
pub(super) fn tidy<'a>(state_dir: &Path, urls: impl Iterator<Item = &'a CrlUrl>) -> io::Result<()> {
    let wanted: HashSet<_> = urls.map(|url| digest_of(url.as_str().as_bytes())).collect();
    let entries = match fs::read_dir(state_dir.join(FOLDER)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        if name.to_str().and_then(digest_in).is_some_and(|digest| !wanted.contains(digest)) {
            fs::remove_file(entry.path())?;
            tracing::info!(file = %entry.path().display(), "removed the CRL of a URL that is not configured");
        }
    }
    Ok(())
}

/// The digest of a URL in the name of a file with its list, or with what a crash left of that.
fn digest_in(name: &str) -> Option<&str> {
    let digest = name.strip_suffix(".new").unwrap_or(name).strip_suffix(".crl")?;
    let is_digest =
        digest.len() == 64 && digest.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    is_digest.then_some(digest)
}

/// A name that any URL can have.
fn path(state_dir: &Path, url: &CrlUrl) -> PathBuf {
    state_dir.join(FOLDER).join(digest_of(url.as_str().as_bytes())).with_extension("crl")
}

/// SHA-256, in hexadecimal.
pub(super) fn digest_of(bytes: &[u8]) -> String {
    let mut octets = [0; 32];
    octets.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    Fingerprint(octets).hex()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_url_has_its_own_list() {
        let folder = tempfile::TempDir::new().unwrap();
        let urls = ["https://ca.example.com/a.crl", "https://ca.example.com/../a.crl"]
            .map(|text| CrlUrl::configured(text).unwrap());
        for (url, body) in urls.iter().zip([b"one", b"two"]) {
            write(folder.path(), url, body).unwrap();
        }
        assert_eq!(read(folder.path(), &urls[0], 3).unwrap(), b"one");
        assert_eq!(read(folder.path(), &urls[1], 3).unwrap(), b"two");
        assert_eq!(read(folder.path(), &urls[1], 2).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        assert_eq!(fs::read_dir(folder.path().join("crl")).unwrap().count(), 2);
    }

    #[test]
    fn only_the_lists_of_other_urls_are_removed() {
        let folder = tempfile::TempDir::new().unwrap();
        let urls = ["https://ca.example.com/a.crl", "https://ca.example.com/b.crl"]
            .map(|text| CrlUrl::configured(text).unwrap());
        tidy(folder.path(), urls.iter()).unwrap();
        for url in &urls {
            write(folder.path(), url, b"a list").unwrap();
        }
        let name = |url| path(folder.path(), url);
        let left_by_a_crash = name(&urls[1]).with_extension("crl.new");
        let others = ["notes.crl", "notes.txt", &"A".repeat(64), &("0".repeat(63) + ".crl")];
        let others = others.map(|name| folder.path().join("crl").join(name));
        others.iter().chain([&left_by_a_crash]).for_each(|path| fs::write(path, "precious").unwrap());
        tidy(folder.path(), urls[..1].iter()).unwrap();
        assert!(name(&urls[0]).exists() && others.iter().all(|path| path.exists()));
        assert!(!name(&urls[1]).exists() && !left_by_a_crash.exists());
    }
}
