//! The last good list of each URL, kept in `state_dir` over restarts.

use std::io;
use std::path::{Path, PathBuf};

use aws_lc_rs::digest;

use super::url::CrlUrl;
use super::{atomic, file};
use crate::device::identity::Fingerprint;

/// The folder in `state_dir`.
const FOLDER: &str = "crl";

/// The list of `url` as it was when it was kept. What is in it is checked like anything that was fetched.
pub(super) fn read(state_dir: &Path, url: &CrlUrl, max: usize) -> io::Result<Vec<u8>> {
    file::read(&path(state_dir, url), max)
}

/// Keeps the list of `url`.
pub(super) fn write(state_dir: &Path, url: &CrlUrl, body: &[u8]) -> io::Result<()> {
    atomic::make_folder(&state_dir.join(FOLDER))?;
    atomic::replace(&path(state_dir, url), body)
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
        assert_eq!(std::fs::read_dir(folder.path().join("crl")).unwrap().count(), 2);
    }
}
