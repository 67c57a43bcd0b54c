//! Chromium, as a person has it: with CAs and certificates in a home of its own. It touches nothing of the machine's.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::skip;

/// A person's browser, which sends what certificate it has without asking.
#[derive(Debug)]
pub struct Browser {
    home: TempDir,
}

impl Browser {
    /// One that is used for this host alone. Where Chromium or NSS' tools are missing, the test is listed as skipped.
    pub fn of(host: &str) -> Option<Self> {
        if !["chromium", "certutil", "pk12util"].into_iter().all(skip::unless_installed) {
            return None;
        }
        let browser = Self { home: TempDir::with_prefix("fleetgate-browser-").expect("a folder") };
        fs::create_dir_all(browser.store()).expect("a folder for certificates");
        browser.nss("certutil", &["-N", "--empty-password"], None);
        // What the policy AutoSelectCertificateForUrls sets for a company: nobody is there to click.
        let choose = serde_json::json!({ "profile": { "content_settings": { "exceptions": { "auto_select_certificate": {
            format!("https://{host}:443,*"): { "setting": { "filters": [{}] } },
        } } } } });
        let profile = browser.profile().join("Default");
        fs::create_dir_all(&profile).expect("a folder for the profile");
        fs::write(profile.join("Preferences"), choose.to_string()).expect("write preferences");
        Some(browser)
    }

    /// Trusts a CA of servers.
    pub fn trust(&self, ca: &Path) {
        self.nss("certutil", &["-A", "-n", "servers", "-t", "C,,", "-i"], Some(ca));
    }

    /// Imports a PKCS #12 file.
    pub fn import(&self, file: &Path, passphrase: &str) {
        self.nss("pk12util", &["-W", passphrase, "-i"], Some(file));
    }

    /// The page at `https://HOST/PATH`, whose connection goes to `address`: as HTML, after scripts.
    pub fn open(&self, address: SocketAddr, host: &str, path: &str) -> String {
        let mut command = Command::new("timeout");
        command.args(["--signal=KILL", "100", "chromium", "--headless", "--disable-gpu", "--no-first-run"]);
        // The sandbox is against pages of strangers, and does not start for root.
        command.args(["--no-sandbox", "--timeout=90000", "--dump-dom"]);
        command.arg(format!("--user-data-dir={}", self.profile().display()));
        command.arg(format!("--host-resolver-rules=MAP {host} {address}"));
        command.arg(format!("https://{host}{path}")).env("HOME", self.home.path());
        for variable in ["XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME"] {
            command.env_remove(variable);
        }
        let output = command.output().expect("run chromium");
        assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn profile(&self) -> PathBuf {
        self.home.path().join("profile")
    }

    /// Where Chromium looks for certificates.
    fn store(&self) -> PathBuf {
        self.home.path().join(".pki/nssdb")
    }

    fn nss(&self, program: &str, arguments: &[&str], file: Option<&Path>) {
        let mut command = Command::new(program);
        command.arg("-d").arg(format!("sql:{}", self.store().display())).args(arguments).args(file);
        let output = command.output().expect("run NSS' tool");
        assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
}
