//! Bad devices that never get as far as a handshake.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use super::Bad;
use crate::client::{Connector, Failure, Target, tcp};

/// How long one of them waits for its end. The gateway gives a handshake 10 s by default.
const PATIENCE: Duration = Duration::from_secs(25);
/// Time between two bytes of a hello: all of it would take a minute.
const PAUSE: Duration = Duration::from_millis(200);
/// Bytes that are not TLS.
const GARBAGE: usize = 256;

/// Does it, up to the end of the connection.
///
/// # Errors
/// The end, as it should be. `Ok` when there was an answer, or no end.
pub(super) async fn commit(bad: Bad, connector: &Connector, target: Target) -> Result<(), Failure> {
    let connect =
        timeout(PATIENCE, tcp(target)).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
    let stream = connect.map_err(Failure::Connect)?;
    let done = async {
        match bad {
            Bad::SlowHello => slowly(stream, connector).await,
            Bad::Garbage => garbage(stream).await,
            _ => end(stream).await,
        }
    };
    // One that is let be for so long has what it wanted.
    timeout(PATIENCE, done).await.unwrap_or(Ok(()))
}

async fn slowly(stream: TcpStream, connector: &Connector) -> Result<(), Failure> {
    let hello = connector.hello().map_err(|_| Failure::Protocol("no hello"))?;
    let (mut reader, mut writer) = stream.into_split();
    let write = async {
        for byte in hello {
            if writer.write_all(&[byte]).await.is_err() {
                break;
            }
            sleep(PAUSE).await;
        }
        std::future::pending::<Result<(), Failure>>().await
    };
    tokio::select! {
        ended = end(&mut reader) => ended,
        never = write => never,
    }
}

async fn garbage(mut stream: TcpStream) -> Result<(), Failure> {
    let mut bytes = [0; GARBAGE];
    fastrand::fill(&mut bytes);
    // No record begins like that.
    bytes[0] = b'?';
    stream.write_all(&bytes).await.map_err(Failure::Closed)?;
    end(stream).await
}

/// Reads to the end: an alert, if any, and then nothing.
async fn end(mut stream: impl tokio::io::AsyncRead + Unpin) -> Result<(), Failure> {
    let mut bytes = [0; 64];
    loop {
        match stream.read(&mut bytes).await {
            Ok(0) => return Err(Failure::Closed(io::ErrorKind::UnexpectedEof.into())),
            Ok(_) => {}
            Err(error) => return Err(Failure::Closed(error)),
        }
    }
}
