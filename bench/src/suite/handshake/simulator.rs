//! What the device simulator itself takes, beside a client that is rustls on a socket and nothing else.

use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use rustls::Stream;
use tokio::time::sleep;

use crate::client::{Connector, Failure};
use crate::load::{AT_ONCE, LoadError};
use crate::measure::{Comparison, NotInterleaved, Round, Row, Series, used};
use crate::server::HOST;
use crate::sim::{Ledger, Member, Orders, Role, Share, Squad, Wire};
use crate::suite::stage::{Devices, Server};
use crate::suite::turn::MeasureError;

/// What both ask for.
const PATH: &str = "/bytes/2048";
/// The agreed bound.
const BOUND: f64 = 1.2;

/// CPU time of the client's side.
#[derive(Default)]
pub(super) struct Simulator {
    ours: Series,
    bare: Series,
}

impl Simulator {
    pub(super) async fn measure(
        &mut self,
        round: Round<'_>,
        server: &Server,
        devices: &Devices,
        count: usize,
    ) -> Result<(), MeasureError> {
        round.record(&mut self.ours, simulated(server, devices, count).await?);
        round.record(&mut self.bare, bare(server, devices, count)?);
        Ok(())
    }

    pub(super) fn row(&self) -> Result<Row, NotInterleaved> {
        Comparison {
            name: "the simulator: handshake + request, the device's side".to_owned(),
            unit: super::UNIT,
            ours: &self.ours,
            reference: "bare rustls",
            theirs: &self.bare,
            target: Some(BOUND),
        }
        .row()
    }
}

/// Microseconds a connection of simulated devices.
async fn simulated(server: &Server, devices: &Devices, count: usize) -> Result<f64, MeasureError> {
    let wire = Arc::new(Wire::get(HOST, PATH));
    let members = devices.connectors.iter().take(AT_ONCE).enumerate().map(|(number, connector)| Member {
        number,
        bad: None,
        connector: connector.clone(),
        next: None,
        wire: Arc::clone(&wire),
        target: server.target,
        start: Duration::ZERO,
    });
    let ledger = Arc::new(Ledger::default());
    let squad = Squad {
        role: Role { every: Duration::ZERO, reports: Some(1), backoff: None },
        members: members.collect(),
        share: Share::Any,
        orders: Arc::new(Orders::default()),
        ledger: Arc::clone(&ledger),
    };
    let before = cpu(server)?;
    let _devices = squad.start();
    while ledger.counts().requests < count as u64 {
        if let Some(reason) = ledger.so_far().errors().into_keys().next() {
            return Err(server.failed()(LoadError::Failure(Failure::Closed(io::Error::other(reason)))));
        }
        sleep(Duration::from_millis(5)).await;
    }
    let after = cpu(server)?;
    Ok(micros(after.saturating_sub(before), ledger.counts().requests))
}

/// Microseconds a connection of a client that blocks.
fn bare(server: &Server, devices: &Devices, count: usize) -> Result<f64, MeasureError> {
    let before = cpu(server)?;
    for device in devices.connectors.iter().cycle().take(count) {
        once(server, device).map_err(|error| server.failed()(LoadError::Failure(Failure::Closed(error))))?;
    }
    Ok(micros(cpu(server)?.saturating_sub(before), count as u64))
}

fn once(server: &Server, device: &Connector) -> io::Result<()> {
    let mut socket = TcpStream::connect(server.target.address)?;
    socket.set_nodelay(true)?;
    let mut tls = device.connection().map_err(io::Error::other)?;
    {
        let mut stream = Stream::new(&mut tls, &mut socket);
        stream.write_all(format!("GET {PATH} HTTP/1.1\r\nHost: {HOST}\r\n\r\n").as_bytes())?;
        let mut answer = [0; 4096];
        let mut read = 0;
        while read < 2048 {
            match stream.read(&mut answer)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                bytes => read += bytes,
            }
        }
    }
    tls.send_close_notify();
    tls.complete_io(&mut socket).map(drop)
}

/// CPU time of this process.
fn cpu(server: &Server) -> Result<Duration, MeasureError> {
    used(0).map_err(|error| MeasureError::Cpu { server: server.kind.label(), error })
}

#[expect(clippy::cast_precision_loss, reason = "counts are small")]
fn micros(time: Duration, count: u64) -> f64 {
    time.as_secs_f64() * 1e6 / count as f64
}
