//! `fleetgate pki gencert`, as `cfssl gencert`

use std::process::ExitCode;
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use serde::Serialize;
use time::OffsetDateTime;
use zeroize::Zeroizing;

use super::cfssl_ca;
use super::go_flags::{self, Flags, Known};
use super::log::Log;
use super::said;
use crate::cli::print;
use crate::device::revocation::Serial;
use crate::pki::cfssl::{CertificateRequest, SigningConfig, csr};
use crate::pki::profile::{BACKDATE, PathLength, Validity};
use crate::pki::{Authority, Host, Key, Profile, Signer, Subject, pem, request};

pub(super) const HELP: &str = "Usage, as of `cfssl gencert`:
  fleetgate pki gencert -initca CSRJSON
  fleetgate pki gencert -initca -ca-key KEY CSRJSON
  fleetgate pki gencert -renewca -ca CERT -ca-key KEY
  fleetgate pki gencert -ca CERT -ca-key KEY [-config CONFIG] [-profile PROFILE] [-hostname HOSTS] CSRJSON

  CSRJSON          the request; `-` reads it from standard input
  -initca          make a self-signed CA
  -renewca         make a CA's certificate anew, from the old one and its key
  -ca              the CA's certificate: a file, `file:NAME`, or `env:VARIABLE`
  -ca-key          its key, as -ca, or a PKCS #11 URI; a passphrase or PIN is read from CFSSL_CA_PK_PASSWORD
  -config          signing profiles
  -profile         the profile to sign with; one that is not there is an error
  -hostname        names in place of the request's, with commas between them
  -cn              the common name in place of the request's
  -crl             the URL of the CRL, in place of the profile's
  -loglevel        0 to 5; lines below are not written to standard error

Prints JSON with `cert`, `csr` and `key`; `fleetgate pki json -bare NAME` writes them to files.

Example:
  fleetgate pki gencert -initca ca-csr.json | fleetgate pki json -bare ca";

const KNOWN: Known = Known {
    values: &["ca", "ca-key", "config", "profile", "hostname", "cn", "crl", "loglevel"],
    switches: &["initca", "renewca"],
};

/// What cfssl says of a certificate that no website could use.
const NO_HOSTS: &str = "This certificate lacks a \"hosts\" field. This makes it unsuitable for websites.";

/// What is printed: JSON in cfssl's order.
#[derive(Serialize)]
struct Made<'a> {
    cert: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    csr: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a str>,
}

/// Runs the verb.
pub(super) fn run(arguments: &[String]) -> Result<ExitCode, String> {
    let flags = match Flags::parse(KNOWN, arguments) {
        Ok(flags) => flags,
        Err(error) => return Ok(go_flags::misused(&error)),
    };
    if flags.help {
        print(HELP);
        return Ok(ExitCode::SUCCESS);
    }
    let log = Log::new(flags.get("loglevel"))?;
    if flags.has("renewca") {
        return renew(&flags, log);
    }
    let [file] = flags.arguments.as_slice() else {
        return Err("give one file with the request, or `-` for standard input; -help says more".to_owned());
    };
    let text = go_flags::read(file)?;
    let of_file = |error: &dyn std::fmt::Display| format!("{}: {error}", go_flags::name(file));
    let mut request = CertificateRequest::parse(&text, flags.get("cn")).map_err(|error| of_file(&error))?;
    for warning in &request.warnings {
        log.warning(&of_file(warning));
    }
    if flags.has("initca") {
        if request.subject.name.is_empty() {
            return Err(of_file(&"CN and names are missing: a CA has a name"));
        }
        return new_ca(&flags, &request, log);
    }
    if request.ca.is_some() {
        return Err(of_file(&"ca: this section is for -initca only"));
    }
    if let Some(hosts) = flags.get("hostname") {
        request.subject.hosts = host_list(hosts)?;
    }
    sign(&flags, &request, log)
}

/// A self-signed CA, with a new key or the one of `-ca-key`.
fn new_ca(flags: &Flags, request: &CertificateRequest, log: Log) -> Result<ExitCode, String> {
    let given = flags.get("ca-key").map(cfssl_ca::ca_key).transpose()?;
    log.info(if given.is_none() {
        "generating a new CA key and certificate from CSR"
    } else {
        "re-generate a CA certificate from CSR and CA key"
    });
    let (key, key_pem): (Box<dyn Signer>, _) = if let Some(key) = given {
        (key, None)
    } else {
        let key = generate(request, log)?;
        let key_pem = key.traditional_pem().map_err(said)?;
        (Box::new(key), Some(key_pem))
    };
    let section = request.ca;
    let validity = Validity::from(
        OffsetDateTime::now_utc(),
        section.and_then(|section| section.backdate).unwrap_or(BACKDATE),
        section.and_then(|section| section.expiry).unwrap_or(CA_LIFE),
    );
    let path_length = section.map_or(PathLength(None), |section| section.path_length);
    let mut profile = Profile::ca(path_length, validity);
    profile.crl_url.clone_from(&request.crl_url);
    let request_pem = encode_request(request, section.map(|section| section.path_length), &*key, log)?;
    // As cfssl has it, a CA's host names are in the request alone.
    let subject = Subject { name: request.subject.name.clone(), hosts: Vec::new() };
    let ca = Authority::root(&subject, &profile, key).map_err(said)?;
    log_serial(log, ca.certificate());
    output(ca.certificate(), Some(&request_pem), key_pem.as_ref())
}

/// What cfssl gives a CA: five years.
const CA_LIFE: Duration = Duration::from_hours(43_800);

/// The CA's certificate once more, for as long as before.
fn renew(flags: &Flags, log: Log) -> Result<ExitCode, String> {
    log.info("re-generate a CA certificate from CA cert and key");
    let ca = authority(flags)?;
    let renewed = ca.renewed(OffsetDateTime::now_utc()).map_err(said)?;
    log_serial(log, renewed.certificate());
    output(renewed.certificate(), None, None)
}

/// A certificate by the CA of `-ca` and `-ca-key`.
fn sign(flags: &Flags, request: &CertificateRequest, log: Log) -> Result<ExitCode, String> {
    let config = match flags.get("config") {
        None => SigningConfig::usual(),
        Some(file) => {
            let text = go_flags::read(file)?;
            SigningConfig::parse(&text).map_err(|error| format!("{file}: {error}"))?
        }
    };
    let (name, now) = (flags.get("profile").unwrap_or_default(), OffsetDateTime::now_utc());
    let of_config =
        |error: &dyn std::fmt::Display| format!("{}: {error}", flags.get("config").unwrap_or("-config"));
    let (mut profile, warnings) = config.profile(name, now).map_err(|error| of_config(&error))?;
    for warning in warnings {
        log.warning(&of_config(warning));
    }
    if let Some(url) = flags.get("crl") {
        profile.crl_url = Some(url.to_owned());
    }
    let ca = authority(flags)?;
    let key = generate(request, log)?;
    let request_pem = encode_request(request, None, &key, log)?;
    let mut subject = request.subject.clone();
    if profile.ca.is_some() {
        subject.hosts.clear();
    }
    let certificate = ca.issue(&subject, &key, &profile).map_err(said)?;
    log_serial(log, &certificate);
    if request.subject.hosts.is_empty() {
        log.warning(NO_HOSTS);
    }
    output(&certificate, Some(&request_pem), Some(&key.traditional_pem().map_err(said)?))
}

fn generate(request: &CertificateRequest, log: Log) -> Result<Key, String> {
    log.info("generate received request");
    log.info("received CSR");
    log.info(&format!("generating key: {}", request.key.cfssl_label()));
    Key::generate(request.key).map_err(said)
}

fn encode_request(
    request: &CertificateRequest,
    ca: Option<PathLength>,
    key: &dyn Signer,
    log: Log,
) -> Result<String, String> {
    let der = request::request(&request.subject, ca, key).map_err(said)?;
    log.info("encoded CSR");
    Ok(pem::encode("CERTIFICATE REQUEST", &der).to_string())
}

fn host_list(hosts: &str) -> Result<Vec<Host>, String> {
    let hosts = hosts.split(',').filter(|host| !host.is_empty()).map(Host::parse);
    let hosts = hosts.collect::<Result<_, _>>().map_err(|error| format!("-hostname: {error}"))?;
    Ok(csr::in_go_order(hosts))
}

fn authority(flags: &Flags) -> Result<Authority, String> {
    let file =
        |name: &str, what: &str| flags.get(name).ok_or_else(|| format!("give the CA's {what} with -{name}"));
    cfssl_ca::authority(file("ca", "certificate")?, file("ca-key", "key")?)
}

fn log_serial(log: Log, certificate: &[u8]) {
    let serial = super::issued::serial(certificate).as_ref().and_then(Serial::decimal);
    log.info(&format!("signed certificate with serial number {}", serial.unwrap_or_default()));
}

fn output(
    certificate: &CertificateDer<'_>,
    csr: Option<&String>,
    key: Option<&Zeroizing<String>>,
) -> Result<ExitCode, String> {
    let cert = pem::certificate(certificate);
    let made = Made { cert: &cert, csr: csr.map(String::as_str), key: key.map(|key| key.as_str()) };
    let size = cert.len() + csr.map_or(0, String::len) + key.map_or(0, |key| key.len());
    // Enough from the beginning, and for every escaped line end: a key would be left behind where it grew.
    let mut json = Zeroizing::new(Vec::with_capacity(size + size / 32 + 64));
    serde_json::to_writer(&mut *json, &made).map_err(said)?;
    print(&String::from_utf8_lossy(&json));
    Ok(ExitCode::SUCCESS)
}
