//! Several origins of one host.

use super::*;
use crate::origin::pool::tests::origin::Answer;

/// A host's origins, each with a script of its own.
async fn hosts(scripts: [fn(usize, usize) -> Answer; 2]) -> ([Origin; 2], Origins) {
    let [first, second] = scripts;
    let all = [Origin::new(first).await, Origin::new(second).await];
    let targets = all.iter().flat_map(|origin| origin.origins.targets().to_vec()).collect();
    (all, Origins::new(targets, Balance::LeastRequests, None).unwrap())
}

/// A port that nobody listens on.
fn dead() -> Arc<Target> {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    Arc::clone(&origin::origins(&format!("http://{closed}")).targets()[0])
}

#[test]
fn requests_are_spread_over_all_of_them() {
    run(async {
        let (all, origins) = hosts([|_, _| Say(OK), |_, _| Say(OK)]).await;
        let pool = pool();
        for _ in 0..10 {
            read(pool.send(&origins, None, get()).await.unwrap()).await;
        }
        assert_eq!(all.map(|origin| origin.seen().1.len()), [5, 5]);
    });
}

#[test]
fn a_request_that_was_not_sent_goes_to_another_whatever_it_is() {
    run(async {
        let origin = Origin::new(|_, _| Say(OK)).await;
        let targets = vec![dead(), Arc::clone(&origin.origins.targets()[0])];
        let origins = Origins::new(targets, Balance::LeastRequests, None).unwrap();
        let pool = pool();
        for _ in 0..20 {
            assert_eq!(read(pool.send(&origins, None, post()).await.unwrap()).await, "ok");
        }
        assert_eq!(origin.seen().1.len(), 20);
        // It was asked three times, and then left out.
        assert_eq!(pool.counted("fleetgate_origin_retries_total"), 3);
        assert_eq!(pool.counted("fleetgate_origin_ejections_total"), 1);
        assert_eq!([0, 1].map(|index| origins.targets()[index].is_healthy()), [false, true]);
    });
}

#[test]
fn a_request_that_was_sent_goes_to_another_only_when_it_is_safe() {
    for (request, safe) in [(get as fn() -> _, true), (post, false)] {
        run(async {
            let (all, origins) = hosts([|_, _| Close, |_, _| Close]).await;
            let result = pool().send(&origins, None, request()).await;
            assert!(matches!(result.map(drop), Err(OriginError::Protocol { .. })));
            let asked: usize = all.iter().map(|origin| origin.seen().1.len()).sum();
            assert_eq!(asked, if safe { 2 } else { 1 });
        });
    }
}

#[test]
fn an_origin_that_is_slow_is_not_asked_twice() {
    run(async {
        let (all, origins) = hosts([|_, _| Silence, |_, _| Silence]).await;
        let result = pool().send(&origins, None, get()).await;
        assert!(matches!(result.map(drop), Err(OriginError::ResponseTimeout(_))));
        assert_eq!(all.iter().map(|origin| origin.seen().1.len()).sum::<usize>(), 1);
    });
}

#[test]
fn an_origin_that_comes_back_is_tried_by_one_request_and_used_again() {
    run(async {
        let (all, origins) =
            hosts([|connection, _| if connection <= 3 { Close } else { Say(OK) }, |_, _| Say(OK)]).await;
        let pool = pool();
        while origins.targets()[0].is_healthy() {
            assert_eq!(read(pool.send(&origins, None, get()).await.unwrap()).await, "ok");
        }
        let before = all[0].seen().1.len();
        for _ in 0..10 {
            read(pool.send(&origins, None, get()).await.unwrap()).await;
        }
        assert_eq!(all[0].seen().1.len(), before, "it is out");
        rest(Duration::from_secs(2)).await;
        read(pool.send(&origins, None, get()).await.unwrap()).await;
        assert!(origins.targets()[0].is_healthy());
        assert_eq!(all[0].seen().1.len(), before + 1);
    });
}

#[test]
fn a_full_origin_is_passed_over_and_not_blamed() {
    run(async {
        let held = || |_: usize, _: usize| SayAndStop("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nok");
        let (one, other) = (Origin::new(held()).await, Origin::new(held()).await);
        let targets = [&one, &other].iter().flat_map(|origin| origin.origins.targets().to_vec()).collect();
        let origins = Origins::new(targets, Balance::Device, None).unwrap();
        let pool = pool();
        pool.set_limits(Limits { max_requests: 1, ..limits() });
        let device = [7; 32];
        let first = pool.send(&origins, Some(&device), get()).await.unwrap();
        let second = pool.send(&origins, Some(&device), get()).await.unwrap();
        assert_eq!([&one, &other].map(|origin| origin.seen().1.len()), [1, 1]);
        let third = pool.send(&origins, Some(&device), get()).await.map(drop).unwrap_err();
        assert_eq!(third.label(), "origin_busy");
        assert!(origins.targets().iter().all(|target| target.is_healthy()));
        drop((first, second));
    });
}
