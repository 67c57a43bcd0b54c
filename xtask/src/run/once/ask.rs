//! Requests of the fleet, by the real curl.

use super::super::lab::Lab;
use crate::process::{self, Error, Result};

/// What curl got.
#[derive(Debug)]
pub(super) struct Asked {
    status: u16,
    body: String,
    /// What curl said of a connection that failed.
    error: String,
}

/// Asks for `https://host/`, with the certificate of that name if there is one.
pub(super) fn ask(lab: &Lab, host: &str, certificate: Option<&str>, more: &[&str]) -> Result<Asked> {
    ask_for(lab, host, "/", certificate, more)
}

/// The same for another path.
pub(super) fn ask_for(
    lab: &Lab,
    host: &str,
    path: &str,
    certificate: Option<&str>,
    more: &[&str],
) -> Result<Asked> {
    let port = lab.listener.port();
    let url = format!("https://{host}:{port}{path}");
    let resolve = format!("{host}:{port}:{}", lab.listener.ip());
    let ca = lab.text("server-ca.pem");
    let mut words =
        vec!["curl", "--silent", "--show-error", "--max-time", "10", "--resolve", &resolve, "--cacert", &ca];
    words.extend(["--write-out", "\n%{http_code}", &url]);
    let (cert, key) = match certificate {
        Some(name) => (lab.text(&format!("{name}.pem")), lab.text(&format!("{name}-key.pem"))),
        None => Default::default(),
    };
    if certificate.is_some() {
        words.extend(["--cert", &cert, "--key", &key]);
    }
    words.extend(more);
    let mut curl = lab.in_fleet(&words);
    let output = curl.output().map_err(|error| process::start_error(&curl, error))?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let (body, status) = said.rsplit_once('\n').unwrap_or(("", &said));
    let error = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Ok(Asked { status: status.parse().unwrap_or(0), body: body.to_owned(), error })
}

/// Opens `count` connections at once, and does not care what becomes of them.
pub(super) fn ask_many(lab: &Lab, count: u32) -> Result {
    let port = lab.listener.port();
    let host = super::HOST;
    let resolve = format!("{host}:{port}:{}", lab.listener.ip());
    let mut words = vec!["curl", "--silent", "--insecure", "--max-time", "2", "--resolve", &resolve];
    words.extend(["--parallel", "--parallel-immediate", "--parallel-max", "50", "--output", "/dev/null"]);
    let url = format!("https://{host}:{port}/[1-{count}]");
    words.push(&url);
    // Some are refused: that is what they are for.
    let mut curl = lab.in_fleet(&words);
    curl.output().map(drop).map_err(|error| process::start_error(&curl, error))
}

impl Asked {
    pub(super) fn expect_status(&self, status: u16) -> Result<String> {
        if self.status == status {
            return Ok(String::new());
        }
        Err(Error::message(format!("got {} {}{}", self.status, self.error, self.body)))
    }

    /// A 403 for a program: JSON, with an id that the log has too.
    pub(super) fn expect_json_denial(&self) -> Result<String> {
        self.expect_status(403)?;
        let json = self.json()?;
        match json.get("ray_id").and_then(serde_json::Value::as_str) {
            Some(ray) if json.get("status_code").is_some_and(|status| status == 403) => {
                Ok(format!("ray id {ray}"))
            }
            _ => Err(Error::message(format!("not the denial that was expected: {json}"))),
        }
    }

    /// What was answered, headers included where curl was told to show them.
    pub(super) fn body(&self) -> &str {
        &self.body
    }

    /// The connection was ended with this alert.
    pub(super) fn expect_alert(&self, alert: &str) -> Result<String> {
        if self.error.contains(alert) {
            Ok(String::new())
        } else {
            Err(Error::message(format!("curl says: {} {}", self.status, self.error)))
        }
    }

    /// The origin, which echoes what it gets, did not get `text`.
    pub(super) fn expect_without(&self, text: &str) -> Result<String> {
        if self.body.contains(text) {
            Err(Error::message(format!("the origin got it: {}", self.body)))
        } else {
            Ok(String::new())
        }
    }

    /// The origin got the certificate in its two headers, as OpenSSL sees it.
    pub(super) fn expect_forwarded(&self, lab: &Lab, certificate: &str) -> Result<String> {
        let json = self.json()?;
        let path = lab.text(&format!("{certificate}.pem"));
        let fingerprint = process::capture(&mut process::command([
            "openssl",
            "x509",
            "-in",
            &path,
            "-noout",
            "-fingerprint",
            "-sha256",
        ]))?;
        let fingerprint =
            fingerprint.split('=').nth(1).unwrap_or_default().trim().replace(':', "").to_lowercase();
        let pem = std::fs::read_to_string(&path).map_err(Error::file(&path))?;
        let base64: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
        for (name, expected) in
            [("cf-client-cert-sha256", &fingerprint), ("cf-client-cert-der-base64", &base64)]
        {
            if header(&json, name) != Some(expected.as_str()) {
                return Err(Error::message(format!(
                    "{name} is not the certificate's: {:?}",
                    header(&json, name)
                )));
            }
        }
        Ok(format!("Cf-Client-Cert-Sha256: {fingerprint}"))
    }

    /// The answer as JSON.
    pub(super) fn json(&self) -> Result<serde_json::Value> {
        serde_json::from_str(&self.body)
            .map_err(|error| Error::message(format!("not JSON ({error}): {}", self.body)))
    }
}

/// A header as the origin echoed it, by its name in lower case. One that came twice is none.
fn header<'a>(echo: &'a serde_json::Value, name: &str) -> Option<&'a str> {
    echo.get("headers")?.get(name)?.as_str()
}
