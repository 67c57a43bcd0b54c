//! Load: as much as a few devices at a time can ask for, each waiting for its answer.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Instant;

use http::Uri;
use tokio::task::JoinSet;

use crate::client::{Connector, Failure, Session, Target};
use crate::latency::Latency;

/// Devices that are at work at the same time: enough that the server always has something to do.
pub const AT_ONCE: usize = 8;

/// An operation that did not go as it should. What was measured with it counts for nothing.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// No answer.
    #[error(transparent)]
    Failure(#[from] Failure),
    /// An answer of another kind.
    #[error("the answer to a request was {0}")]
    Status(http::StatusCode),
    /// A task was lost.
    #[error("a task of the load failed: {0}")]
    Task(#[from] tokio::task::JoinError),
}

/// `count` times a new connection and one request on it, by all devices in turn.
///
/// # Errors
/// At the first that fails.
pub async fn handshakes(
    devices: &[Connector],
    target: Target,
    path: &Uri,
    count: usize,
) -> Result<(), LoadError> {
    let next = Rc::new(Cell::new(0));
    let mut tasks = JoinSet::new();
    for _ in 0..AT_ONCE.min(count) {
        let (next, devices, path) = (Rc::clone(&next), devices.to_vec(), path.clone());
        tasks.spawn_local(async move {
            loop {
                let number = next.replace(next.get() + 1);
                let Some(device) = devices.get(number % devices.len().max(1)).filter(|_| number < count)
                else {
                    return Ok(());
                };
                request(&mut device.connect(target).await?, &path).await?;
            }
        });
    }
    finish(tasks).await
}

/// Connections that are held, one a device.
///
/// # Errors
/// When one cannot be made.
pub async fn hold(devices: &[Connector], target: Target) -> Result<Vec<Session>, LoadError> {
    let mut sessions = Vec::new();
    for device in devices.iter().take(AT_ONCE) {
        sessions.push(device.connect(target).await?);
    }
    Ok(sessions)
}

/// Connections that are held by all devices, one each, after one request; as few of them under way as there are elsewhere.
///
/// # Errors
/// At the first that cannot be made, or has no answer.
pub async fn hold_all(
    devices: Vec<Connector>,
    target: Target,
    path: &Uri,
) -> Result<Vec<Session>, LoadError> {
    let devices = Rc::new(RefCell::new(devices));
    let mut tasks = JoinSet::new();
    for _ in 0..AT_ONCE {
        let (devices, path) = (Rc::clone(&devices), path.clone());
        tasks.spawn_local(async move {
            let mut sessions = Vec::new();
            loop {
                let Some(device) = devices.borrow_mut().pop() else { return Ok(sessions) };
                let mut session = device.connect(target).await?;
                request(&mut session, &path).await?;
                sessions.push(session);
            }
        });
    }
    let sessions: Vec<Vec<_>> = finish(tasks).await?;
    Ok(sessions.into_iter().flatten().collect())
}

/// `count` requests on held connections; the connections come back.
///
/// # Errors
/// At the first that fails.
pub async fn requests(sessions: Vec<Session>, path: &Uri, count: usize) -> Result<Vec<Session>, LoadError> {
    let next = Rc::new(Cell::new(0));
    let mut tasks = JoinSet::new();
    for mut session in sessions {
        let (next, path) = (Rc::clone(&next), path.clone());
        tasks.spawn_local(async move {
            while next.replace(next.get() + 1) < count {
                request(&mut session, &path).await?;
            }
            Ok(session)
        });
    }
    finish(tasks).await
}

/// How long `count` requests take, one after the other.
///
/// # Errors
/// At the first that fails.
pub async fn latencies(session: &mut Session, path: &Uri, count: usize) -> Result<Latency, LoadError> {
    let mut latency = Latency::default();
    for _ in 0..count {
        let begun = Instant::now();
        request(session, path).await?;
        latency.record(begun.elapsed());
    }
    Ok(latency)
}

async fn request(session: &mut Session, path: &Uri) -> Result<(), LoadError> {
    let answer = session.get(path).await?;
    if answer.status.is_success() { Ok(()) } else { Err(LoadError::Status(answer.status)) }
}

async fn finish<T: 'static, C: FromIterator<T>>(
    mut tasks: JoinSet<Result<T, LoadError>>,
) -> Result<C, LoadError> {
    let mut results = Vec::new();
    while let Some(result) = tasks.join_next().await {
        results.push(result??);
    }
    Ok(results.into_iter().collect())
}
