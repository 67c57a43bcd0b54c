use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::*;
use crate::device::Device;
use crate::device::identity::Fingerprint;
use crate::limit::{Direction, Pace};

fn devices(max: u32) -> Arc<Devices> {
    Arc::new(Devices::new(max, Metrics::new().unwrap()))
}

fn device(number: u8) -> Who {
    Who::Device(Fingerprint([number; 32]))
}

fn host() -> Arc<str> {
    "iot.example.com".into()
}

/// One an hour: no test is slow enough to see another.
fn requests(burst: u64) -> DeviceLimit {
    let interval_ns = 3_600_000_000_000;
    DeviceLimit {
        requests: Rate { interval_ns, tolerance_ns: interval_ns * (burst - 1) },
        ..DeviceLimit::default()
    }
}

fn connections(most: u32) -> DeviceLimit {
    DeviceLimit { connections: NonZeroU32::new(most), ..DeviceLimit::default() }
}

fn bytes(rate: &str) -> DeviceLimit {
    DeviceLimit { bytes: Some(rate.parse().unwrap()), ..DeviceLimit::default() }
}

fn count(devices: &Devices, limit: &str) -> u64 {
    devices.metrics.device_limited.with_label_values(&["iot.example.com", limit]).get()
}

#[test]
fn the_connections_of_a_device_share_its_requests_and_two_devices_do_not() {
    let devices = devices(8);
    let limit = requests(3);
    let [first, second] = [1, 1].map(|number| devices.enter(&host(), device(number), &limit).unwrap());
    assert!(first.request().is_ok() && second.request().is_ok() && first.request().is_ok());
    let wait = second.request().unwrap_err();
    assert!(wait > Duration::from_secs(3590) && wait <= Duration::from_hours(1), "{wait:?}");
    assert!(devices.enter(&host(), device(2), &limit).unwrap().request().is_ok());
    assert_eq!(count(&devices, "requests"), 1);
}

#[test]
fn what_a_device_has_had_outlives_its_connections_and_counts_for_one_host() {
    let devices = devices(8);
    assert!(devices.enter(&host(), device(1), &requests(1)).unwrap().request().is_ok());
    assert!(devices.enter(&host(), device(1), &requests(1)).unwrap().request().is_err());
    assert!(devices.enter(&"other.example".into(), device(1), &requests(1)).unwrap().request().is_ok());
}

#[test]
fn connections_are_counted_over_all_threads_and_a_closed_one_makes_room() {
    let devices = devices(8);
    let (limit, entered) = (connections(3), AtomicUsize::new(0));
    let barrier = std::sync::Barrier::new(4);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let seats: Vec<_> =
                    (0..2).filter_map(|_| devices.enter(&host(), device(1), &limit)).collect();
                entered.fetch_add(seats.len(), Ordering::Relaxed);
                barrier.wait();
            });
        }
    });
    assert_eq!((entered.into_inner(), count(&devices, "connections")), (3, 5));
    let seats = [(); 3].map(|()| devices.enter(&host(), device(1), &limit).unwrap());
    assert!(devices.enter(&host(), device(1), &limit).is_none());
    assert!(devices.enter(&host(), device(2), &limit).is_some());
    drop(seats);
    assert!(devices.enter(&host(), device(1), &limit).is_some());
}

#[test]
fn whoever_is_there_when_a_limit_comes_stays_and_counts() {
    let devices = devices(8);
    let there = [(); 2].map(|()| devices.join(&host(), device(1), &connections(1)));
    assert!(devices.enter(&host(), device(1), &connections(1)).is_none());
    drop(there);
    assert!(devices.enter(&host(), device(1), &connections(1)).is_some());
}

#[test]
fn a_full_table_keeps_those_who_are_there_and_has_the_others_share() {
    let devices = devices(2);
    let limit = connections(1);
    let there = [1, 2].map(|number| devices.enter(&host(), device(number), &limit).unwrap());
    let shared = devices.enter(&host(), device(3), &limit);
    assert!(shared.is_some() && devices.enter(&host(), device(4), &limit).is_none());
    assert_eq!((devices.records.len(), devices.metrics.device_limit_overflows.get()), (2, 2));
    assert!(devices.enter(&host(), device(1), &limit).is_none(), "its own record, still");
    drop(there);
}

#[test]
fn a_record_makes_room_when_nobody_uses_it_and_its_buckets_are_full_again() {
    let now = 1_000_000_000;
    let table: Table<u8, Arc<Record>> = Table::new(1);
    let rate = Rate { interval_ns: 500, tolerance_ns: 0 };
    let first = Arc::clone(&table.entry(1, now).unwrap());
    first.request(&rate, now).unwrap();
    assert!(table.entry(2, 3 * now).is_none(), "it is used");
    drop(first);
    assert!(table.entry(2, 5 * now).is_some());
    table.entry(2, 5 * now).unwrap().request(&rate, 7 * now).unwrap();
    assert!(table.entry(3, 7 * now).is_none(), "it has something to remember");
    assert!(table.entry(3, 9 * now).is_some());
}

#[test]
fn who_has_no_certificate_is_its_source() {
    let who = |address: &str| Who::of(address.parse::<SocketAddr>().unwrap(), &Device::Absent);
    assert_eq!(who("192.0.2.1:1"), who("192.0.2.1:2"));
    assert_ne!(who("192.0.2.1:1"), who("192.0.2.2:1"));
    assert_eq!(who("[2001:db8::1]:1"), who("[2001:db8::ffff:0:0:2]:1"));
}

/// Whether bytes may move now.
async fn is_ready(pace: &mut Pace) -> bool {
    std::future::poll_fn(|cx| std::task::Poll::Ready(pace.poll_ready(cx).is_ready())).await
}

#[tokio::test]
async fn bytes_beyond_the_burst_wait_on_every_connection_of_the_device_and_one_way_only() {
    let devices = devices(8);
    let limit = bytes("4KiB/s burst 8KiB");
    let seat = |number| Rc::new(devices.enter(&host(), device(number), &limit).unwrap());
    let (first, second, other) = (seat(1), seat(1), seat(2));
    let pace = |seat: &Rc<Seat>, direction| seat.pace(direction).unwrap();
    let mut received = pace(&first, Direction::Received);
    assert!(is_ready(&mut received).await);
    // 256 s, more than any test takes.
    received.moved(1 << 20);
    assert!(!is_ready(&mut received).await);
    assert!(!is_ready(&mut pace(&second, Direction::Received)).await);
    assert!(is_ready(&mut pace(&second, Direction::Sent)).await);
    assert!(is_ready(&mut pace(&other, Direction::Received)).await);
    assert_eq!((count(&devices, "bytes_received"), count(&devices, "bytes_sent")), (2, 0));
}

#[tokio::test]
async fn what_waits_goes_on_by_itself() {
    let devices = devices(8);
    let seat = Rc::new(devices.enter(&host(), device(1), &bytes("1MB/s burst 1B")).unwrap());
    let mut pace = seat.pace(Direction::Sent).unwrap();
    pace.moved(20_000);
    std::future::poll_fn(|cx| pace.poll_ready(cx)).await;
    assert!(count(&devices, "bytes_sent") >= 1);
}

#[test]
fn without_a_limit_nothing_is_paced() {
    let devices = devices(8);
    let seat = Rc::new(devices.enter(&host(), device(1), &requests(1)).unwrap());
    assert!(seat.pace(Direction::Sent).is_none());
}
