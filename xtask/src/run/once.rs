//! `cargo xtask run --once`: the product document's steps, unattended, on real parts.

mod ask;
mod token;

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::lab::{HOST, LINK, Lab};
use super::metrics::Metrics;
use super::service::Service;
use super::walk::Walk;
use super::{config, leftovers, pki};
use crate::process::{Error, Result};
use crate::ui;
use ask::{ask, ask_for, ask_many};

/// How soon traffic must flow after the gateway was killed and started again.
const RESTART: Duration = Duration::from_secs(2);
/// How long the kernel may take to free what nobody holds any more.
const KERNEL: Duration = Duration::from_secs(10);
/// The limit of one source: ample for the walk, and tight for the step that runs into it.
const AMPLE: &str = "200/s burst 400";
const TIGHT: &str = "1/s burst 5";

/// Walks all steps.
///
/// # Errors
/// When a step failed; each has said so in its line.
pub(super) fn walk(lab: &Lab) -> Result {
    let mut walk = Walk::default();
    make_pki(&mut walk, lab);
    let mut parts = None;
    walk.step("the gateway starts, in front of an origin", || {
        let origin = lab.start_origin()?;
        config::write(lab, "ca.pem", AMPLE, &[])?;
        parts = Some((lab.start_gateway()?, origin));
        Ok(format!("https://{HOST} at {}", lab.listener))
    });
    if let Some((mut gateway, origin)) = parts {
        if lab.xdp {
            walk.step("XDP is attached in native mode", || attached(lab));
        } else {
            walk.skip("XDP is attached in native mode", "no rights, or --no-xdp");
        }
        authenticate(&mut walk, lab);
        limit(&mut walk, lab);
        walk.step("killed and started again, the gateway serves at once", || restart(lab, &mut gateway));
        walk.step("a CRL by cfssl revokes the client certificate: 403", || revoke(lab));
        walk.step("SIGTERM drains and ends it", || end(gateway));
        drop(origin);
    }
    lab.take_down();
    if lab.xdp {
        walk.step("nothing is left: no process, namespace, link or program", || nothing_left(lab));
    }
    ui::line(&walk.summary());
    if walk.is_good() {
        Ok(())
    } else {
        Err(Error::message(format!("see {} for the logs", lab.path("").display())))
    }
}

fn make_pki(walk: &mut Walk, lab: &Lab) {
    walk.step("cfssl makes the document's root CA (RSA 4096)", || {
        pki::write_files(lab)?;
        pki::ca(lab, "ca-csr.json", "ca").map(|()| "ca.pem".into())
    });
    walk.step("cfssl issues the document's client certificate (RSA 4096)", || {
        pki::issue(lab, "ca", "client", "client-csr.json", "client")
            .map(|()| "client.pem, CN=James Royal".into())
    });
    walk.step("cfssl makes our server's identity, and a CA of strangers", || {
        pki::ca(lab, "server-ca-csr.json", "server-ca")?;
        pki::issue(lab, "server-ca", "server", "server-csr.json", "server")?;
        // The same name as the document's CA, and another key.
        pki::ca(lab, "ca-csr.json", "strangers")?;
        pki::issue(lab, "strangers", "client", "client-csr.json", "stranger").map(|()| String::new())
    });
}

fn authenticate(walk: &mut Walk, lab: &Lab) {
    walk.step("without a certificate: 403", || {
        ask(lab, HOST, None, &[])?.expect_status(403)?;
        ask(lab, HOST, None, &["-H", "Accept: application/json"])?.expect_json_denial()
    });
    walk.step(
        "with the client certificate: 200 from the origin, with the certificate in its headers",
        || {
            let asked = ask(lab, HOST, Some("client"), &[])?;
            asked.expect_status(200)?;
            asked.expect_forwarded(lab, "client")
        },
    );
    walk.step("a policy for another common name: 403", || {
        ask_for(lab, HOST, "/others", Some("client"), &[])?.expect_status(403)
    });
    let mut cookie = None;
    walk.step("a policy for its common name: 200, with a CF_Authorization cookie", || {
        let asked = ask_for(lab, HOST, "/james", Some("client"), &["--include"])?;
        asked.expect_status(200)?;
        cookie = Some(token::in_cookie(&asked)?);
        Ok(String::new())
    });
    if let Some(cookie) = cookie {
        walk.step("OpenSSL verifies the token in it by the host's own key set", || {
            token::verify(lab, &cookie)
        });
        walk.step("the cookie without the certificate: 403", || {
            let cookie = format!("Cookie: CF_Authorization={cookie}");
            ask_for(lab, HOST, "/james", None, &["-H", &cookie])?.expect_status(403)
        });
    }
    walk.step("the same certificate again: known by its fingerprint", || {
        let before = cache_hits(lab)?;
        ask(lab, HOST, Some("client"), &[])?.expect_status(200)?;
        expect_growth("verdict cache hits", before, cache_hits(lab)?)
    });
    walk.step("headers that a client forges do not reach the origin", || {
        let asked = ask(
            lab,
            HOST,
            Some("client"),
            &["-H", "Cf-Client-Cert-Sha256: forged", "-H", "Cf_Client_Cert_Sha256: forged"],
        )?;
        asked.expect_status(200)?;
        asked.expect_without("forged")
    });
    walk.step("a certificate of another CA: 403", || {
        ask(lab, HOST, Some("stranger"), &[])?.expect_status(403)
    });
    walk.step("an unknown name: the handshake ends with unrecognized_name", || {
        ask(lab, "unknown.example.com", Some("client"), &[])?.expect_alert("unrecognized name")
    });
    if lab.xdp {
        walk.step("XDP matched the name of each hello", || {
            let metrics = Metrics::scrape(lab.metrics)?;
            let matched = metrics.sum("fleetgate_xdp_hellos_total", &[&format!("host=\"{HOST}\"")]);
            let unknown = metrics.sum("fleetgate_xdp_packets_total", &["reason=\"hello_unknown_passed\""]);
            // At least six requests above name the host, and one does not.
            if matched >= 6.0 && unknown >= 1.0 {
                return Ok(format!("{matched} matched, {unknown} unknown"));
            }
            Err(Error::message(format!(
                "{matched} matched and {unknown} unknown; at least 6 and 1 were sent"
            )))
        });
    } else {
        walk.skip("XDP matched the name of each hello", "no XDP");
    }
}

fn limit(walk: &mut Walk, lab: &Lab) {
    let name = "a tighter limit for one source takes hold with a reload, and acts";
    let (metric, labels): (_, &[_]) = if lab.xdp {
        ("fleetgate_xdp_packets_total", &["reason=\"hello_source_limited\""])
    } else {
        ("fleetgate_limited_connections_total", &["limit=\"hello_per_source\""])
    };
    walk.step(name, || {
        let before = Metrics::scrape(lab.metrics)?.sum(metric, labels);
        reload(lab, TIGHT)?;
        ask_many(lab, 12)?;
        let after = Metrics::scrape(lab.metrics)?.sum(metric, labels);
        reload(lab, AMPLE)?;
        expect_growth("hellos refused", before, after)
    });
}

fn reload(lab: &Lab, limit: &str) -> Result {
    config::write(lab, "ca.pem", limit, &[])?;
    fleetgate(lab, "reload").map(drop)
}

/// Runs a command of the gateway's own command line.
fn fleetgate(lab: &Lab, verb: &str) -> Result<String> {
    let binary = super::lab::binary("fleetgate").display().to_string();
    crate::process::capture(&mut crate::process::command([
        &binary,
        verb,
        "--json",
        "--config",
        &lab.text("fleetgate.toml"),
    ]))
}

fn attached(lab: &Lab) -> Result<String> {
    let status = fleetgate(lab, "status")?;
    let status: serde_json::Value = serde_json::from_str(&status)
        .map_err(|error| Error::message(format!("status is not JSON: {error}")))?;
    let at = |pointer| status.pointer(pointer).and_then(serde_json::Value::as_str);
    match (at("/xdp/0/interface"), at("/xdp/0/mode")) {
        (Some(LINK), Some("native")) => Ok(LINK.into()),
        _ => Err(Error::message(format!("status says {}", status.get("xdp").unwrap_or(&status)))),
    }
}

fn cache_hits(lab: &Lab) -> Result<f64> {
    Metrics::scrape(lab.metrics).map(|metrics| metrics.sum("fleetgate_verdict_cache_hits_total", &[]))
}

fn expect_growth(what: &str, before: f64, after: f64) -> Result<String> {
    if after > before {
        Ok(format!("{} {what}", after - before))
    } else {
        Err(Error::message(format!("no {what}")))
    }
}

fn restart(lab: &Lab, gateway: &mut Service) -> Result<String> {
    let killed = Instant::now();
    gateway.stop(Signal::SIGKILL);
    *gateway = lab.start_gateway()?;
    ask(lab, HOST, Some("client"), &[])?.expect_status(200)?;
    let took = killed.elapsed();
    if took <= RESTART {
        return Ok(format!("200 after {:.2} s", took.as_secs_f64()));
    }
    Err(Error::message(format!("it took {:.2} s, more than {} s", took.as_secs_f64(), RESTART.as_secs())))
}

/// The document's last steps. cfssl reads serial numbers in decimal, whatever the document says.
fn revoke(lab: &Lab) -> Result<String> {
    let serial = pki::serial(lab, "client")?;
    pki::crl(lab, "ca", &serial, "ca.crl")?;
    config::write(lab, "ca.pem", AMPLE, &["ca.crl"])?;
    fleetgate(lab, "reload")?;
    ask(lab, HOST, Some("client"), &[])?.expect_status(403)?;
    Ok(format!("serial {serial}"))
}

fn end(mut gateway: Service) -> Result<String> {
    match gateway.stop(Signal::SIGTERM) {
        Some(status) if status.success() => Ok(String::new()),
        Some(status) => Err(Error::message(format!("it ended with {status}"))),
        None => Err(Error::message("it did not end in time")),
    }
}

/// The kernel frees programs in its own time, after the last reader.
fn nothing_left(lab: &Lab) -> Result<String> {
    let deadline = Instant::now() + KERNEL;
    loop {
        let left = leftovers::list(lab.privilege)?;
        if left.is_empty() {
            return Ok(String::new());
        }
        if Instant::now() > deadline {
            return Err(Error::message(left.join("; ")));
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}
