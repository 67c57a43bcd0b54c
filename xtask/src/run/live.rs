//! The live demo: a few devices, what a person can paste, and a status that moves. Ctrl-C ends it.

use std::process::Command;
use std::time::{Duration, Instant};

use super::config;
use super::console::{Console, Look};
use super::interrupt::Interrupt;
use super::lab::{HOST, Lab, NAMESPACE, binary};
use super::sdk;
use super::service::Service;
use crate::privilege::Privilege;
use crate::process::{self, Error, Result};
use crate::ui;

/// How often the status moves: at a terminal, and in a log.
const SCREEN: Duration = Duration::from_secs(1);
const LOG: Duration = Duration::from_secs(10);
/// How soon a Ctrl-C is seen.
const LOOK: Duration = Duration::from_millis(50);

/// Runs the demo until it is interrupted.
pub(super) fn run(lab: &Lab, devices: u32, interrupt: &Interrupt) -> Result {
    make_pki(lab, devices)?;
    let _origin = lab.start_origin()?;
    // Ten a second for each device is more than the demo's do.
    config::write(lab, "ca.pem", "200/s burst 400", &[])?;
    let _gateway = lab.start_gateway()?;
    let _fleet = start_fleet(lab, devices)?;
    let result = show(lab, interrupt);
    ui::stage("taking everything down");
    result
}

fn make_pki(lab: &Lab, devices: u32) -> Result {
    let mut fleetsim = Command::new(binary("fleetsim"));
    fleetsim.args([
        "pki",
        "--out",
        &lab.text("."),
        "--devices",
        &devices.to_string(),
        "--host",
        HOST,
        "--force",
    ]);
    process::capture(&mut fleetsim).map(drop)
}

/// Starts the devices, where the fleet is, as the caller.
fn start_fleet(lab: &Lab, devices: u32) -> Result<Service> {
    let binary = binary("fleetsim").display().to_string();
    let (user, group) = (nix::unistd::getuid(), nix::unistd::getgid());
    let (as_user, with_group) = (format!("--reuid={user}"), format!("--regid={group}"));
    let (devices, connect, pki) = (devices.to_string(), lab.listener.to_string(), lab.text("."));
    let ca = lab.text("server-ca.pem");
    let mut words = if lab.xdp { vec!["setpriv", &as_user, &with_group, "--clear-groups"] } else { vec![] };
    words.extend([
        &binary,
        "run",
        "--connect",
        &connect,
        "--host",
        HOST,
        "--ca",
        &ca,
        "--pki",
        &pki,
        "--quiet",
    ]);
    words.extend([
        "--devices",
        &devices,
        "--interval",
        "1s",
        "--requests-per-connection",
        "5",
        "--bad",
        "0.1",
    ]);
    let privilege = if lab.xdp { lab.privilege } else { Privilege::None };
    lab.start("fleet", &mut lab.in_fleet(&words), privilege)
}

fn show(lab: &Lab, interrupt: &Interrupt) -> Result {
    let hints = format!("{}\n\n{}", hints(lab), sdk::snippet(lab)?);
    let console = Console::new(&hints, lab.xdp);
    let mut before = Look::now(lab.metrics)?;
    let mut due = Instant::now();
    if ui::is_terminal() {
        ui::clear();
    } else {
        ui::line(&hints);
    }
    while !interrupt.came() {
        if Instant::now() >= due {
            let look = Look::now(lab.metrics).map_err(|error| {
                Error::message(format!("the gateway is gone ({error}); see {}", lab.text("gateway.log")))
            })?;
            if ui::is_terminal() {
                ui::screen(&console.screen(&before, &look));
                due += SCREEN;
            } else {
                ui::line(&Console::line(&before, &look));
                due += LOG;
            }
            before = look;
        }
        std::thread::sleep(LOOK);
    }
    Ok(())
}

/// What a person can paste.
fn hints(lab: &Lab) -> String {
    let port = lab.listener.port();
    let curl = format!(
        "curl --cacert {} --resolve {HOST}:{port}:{} https://{HOST}:{port}/",
        lab.text("server-ca.pem"),
        lab.listener.ip()
    );
    let device =
        format!("--cert {} --key {}", lab.text("device-00000.pem"), lab.text("device-00000-key.pem"));
    let inside = if lab.xdp {
        let root = if lab.privilege == Privilege::Sudo { "sudo " } else { "" };
        format!("\n  from the fleet's side, through XDP:   {root}ip netns exec {NAMESPACE} curl …")
    } else {
        String::new()
    };
    format!(
        "  without a certificate, 403:\n    {curl}\n  with one, the origin answers and shows what it was told:\n    {curl} \\\n      \
         {device}{inside}\n\n  metrics   http://{metrics}/metrics\n  status    {gateway} status --config {config}\n  log       {log}",
        metrics = lab.metrics,
        gateway = binary("fleetgate").display(),
        config = lab.text("fleetgate.toml"),
        log = lab.text("gateway.log"),
    )
}
