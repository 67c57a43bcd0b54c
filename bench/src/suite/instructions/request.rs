//! A request, counted at the whole gateway: what it has counted is taken before some of them and after.
//!
//! Two runs of different length would not do: a start makes keys, and how long that takes is chance.

use std::io;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use http::Uri;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};

use super::InstructionsError;
use crate::client::{Session, Target};
use crate::server::{self, Kind};
use crate::suite::ProgramError;
use crate::suite::callgrind;
use crate::suite::program::run;
use crate::suite::stage::Stage;

/// Requests that are not counted: the first ones open a connection to the origin, and fill caches.
const WARM_UP: usize = 200;
/// Requests that are.
const COUNTED: usize = 1_000;
/// Under valgrind everything takes fifty times as long.
const PATIENCE: Duration = Duration::from_mins(2);

/// Instructions of the gateway's process a request.
pub(super) async fn instructions(stage: &Stage) -> Result<f64, InstructionsError> {
    let listen = server::free_address()?;
    let output = stage.folder().join("callgrind.out");
    let gateway = stage.command(Kind::Fleetgate, listen)?;
    let mut command = callgrind::command(Path::new(gateway.get_program()), &[], &output);
    command.args(gateway.get_args()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut process = command.kill_on_drop(true).spawn()?;
    let target = Target { address: listen, source: None };
    let mut session = connect(stage, target, &mut process).await?;
    ask(&mut session, WARM_UP).await?;
    dump(&process).await?;
    ask(&mut session, COUNTED).await?;
    dump(&process).await?;
    // Each dump has what came since the one before.
    let counted = callgrind::instructions(&output.with_extension("out.2"));
    let counted = counted.ok_or_else(|| ProgramError::NoFigure { what: "requests".to_owned() })?;
    #[expect(clippy::cast_precision_loss, reason = "nobody waits for 2^53 instructions here")]
    Ok(counted as f64 / COUNTED as f64)
}

async fn ask(session: &mut Session, requests: usize) -> Result<(), InstructionsError> {
    let path = Uri::from_static("/bytes/2048");
    for _ in 0..requests {
        let answer = session.get(&path).await.map_err(io::Error::other)?;
        if !answer.status.is_success() {
            return Err(io::Error::other(format!("the answer was {}", answer.status)).into());
        }
    }
    Ok(())
}

/// Has valgrind write what it has counted, and begin anew.
async fn dump(process: &Child) -> Result<(), InstructionsError> {
    let id = process.id().ok_or_else(|| io::Error::other("the gateway has ended under valgrind"))?;
    let mut command = Command::new(callgrind::CONTROL);
    command.arg("--dump").arg(id.to_string());
    Ok(run("a dump of counts", command).await.map(drop)?)
}

async fn connect(stage: &Stage, target: Target, process: &mut Child) -> Result<Session, InstructionsError> {
    let device = stage.devices.first().and_then(|devices| devices.connectors.first());
    let device = device.ok_or_else(|| io::Error::other("no device"))?;
    let deadline = Instant::now() + PATIENCE;
    loop {
        let failure = match device.connect(target).await {
            Ok(session) => return Ok(session),
            Err(failure) => failure,
        };
        if process.try_wait()?.is_some() || Instant::now() > deadline {
            return Err(
                io::Error::other(format!("the gateway does not serve under valgrind: {failure}")).into()
            );
        }
        sleep(Duration::from_millis(200)).await;
    }
}
