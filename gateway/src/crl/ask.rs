//! Asking several URLs at once, and waiting for all of them.

use std::io;
use std::sync::Arc;
use std::thread;

use super::fetch::{FetchError, Fetched, Fetcher, Validators};
use super::url::CrlUrl;

/// What each of `urls` answers, in their order. On a thread of its own, because the caller may be part of a runtime.
pub(super) fn ask(fetcher: &Arc<Fetcher>, urls: &[(CrlUrl, Validators)]) -> Vec<Result<Fetched, FetchError>> {
    let failed = |message: String| {
        let error = || FetchError::Connect(io::Error::other(message.clone()));
        urls.iter().map(|_| Err(error())).collect()
    };
    match thread::scope(|scope| scope.spawn(|| ask_here(fetcher, urls)).join()) {
        Ok(Ok(answers)) => answers,
        Ok(Err(error)) => failed(error.to_string()),
        Err(_) => failed("the thread that fetches panicked".to_owned()),
    }
}

fn ask_here(
    fetcher: &Arc<Fetcher>,
    urls: &[(CrlUrl, Validators)],
) -> io::Result<Vec<Result<Fetched, FetchError>>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let answers = runtime.block_on(async {
        let fetch = |(url, validators): &(CrlUrl, Validators)| {
            let (fetcher, url, validators) = (Arc::clone(fetcher), url.clone(), validators.clone());
            tokio::spawn(async move { fetcher.fetch(&url, &validators).await })
        };
        let asked: Vec<_> = urls.iter().map(fetch).collect();
        let mut answers = Vec::new();
        for task in asked {
            answers.push(task.await.unwrap_or_else(|error| Err(FetchError::Protocol(error.into()))));
        }
        answers
    });
    // The system may still be looking a name up, and nobody waits for that.
    runtime.shutdown_background();
    Ok(answers)
}
