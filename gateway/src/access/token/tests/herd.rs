//! Many requests at once, from many workers.

use std::thread;

use super::*;

fn worker(
    tokens: &Arc<Tokens>,
    requests: usize,
    number: impl Fn(usize) -> u8 + Send + 'static,
) -> thread::JoinHandle<Vec<String>> {
    let tokens = Arc::clone(tokens);
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let local = tokio::task::LocalSet::new();
        local.block_on(&runtime, async move {
            let one = |index| {
                let (tokens, subject) = (Arc::clone(&tokens), device(number(index)));
                tokio::task::spawn_local(async move {
                    text(&tokens.issue(&subject, &audience(), NOW).await.unwrap())
                })
            };
            let requests: Vec<_> = (0..requests).map(one).collect();
            let mut answers = Vec::new();
            for request in requests {
                answers.push(request.await.unwrap());
            }
            answers
        })
    })
}

#[test]
fn a_thousand_first_requests_of_a_device_sign_once() {
    let tokens = Arc::new(tokens());
    let workers: Vec<_> = (0..4).map(|_| worker(&tokens, 250, |_| 1)).collect();
    let mut answers: Vec<_> = workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect();
    assert_eq!(answers.len(), 1000);
    answers.dedup();
    assert_eq!(answers.len(), 1);
    assert_eq!(tokens.statistics().issued, 1);
}

#[test]
fn a_thousand_devices_at_once_get_a_token_each() {
    let tokens = Arc::new(tokens());
    let workers: Vec<_> =
        (0..4).map(|_| worker(&tokens, 250, |index| u8::try_from(index).unwrap())).collect();
    let mut answers: Vec<_> = workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect();
    answers.sort_unstable();
    answers.dedup();
    // The same claims: RS256 signs them the same.
    assert_eq!(answers.len(), 1);
    assert_eq!(tokens.statistics().issued, 250, "two workers with the same device sign once");
}

/// Whoever was to make the token goes away: the next one makes it.
#[tokio::test]
async fn a_request_that_goes_away_keeps_nobody_waiting() {
    let tokens = Arc::new(Tokens::open(Settings { signers: 1, ..settings(None) }, NOW).unwrap());
    let busy = Arc::clone(&tokens.signers).acquire_owned().await.unwrap();
    let request = |tokens: &Arc<Tokens>| {
        let tokens = Arc::clone(tokens);
        tokio::spawn(async move { issued(&tokens, &audience(), NOW).await })
    };
    let first = request(&tokens);
    tokio::task::yield_now().await;
    let second = request(&tokens);
    tokio::task::yield_now().await;
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    drop(busy);
    second.await.unwrap();
    assert_eq!(tokens.statistics().issued, 1);
}
