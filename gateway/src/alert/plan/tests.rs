//! Plans at any time, and lives of certificates under clocks of every kind.

use std::collections::HashMap;

use proptest::prelude::*;

use super::*;
use crate::alert::watched::{Holder, mark_renewed};

const DAY: u64 = 24 * 3600;
const END: u64 = 1000 * DAY;

fn days(days: u64) -> Threshold {
    days.try_into().unwrap()
}

fn certificate(number: u8, not_after: u64) -> Watched {
    Watched {
        fingerprint: Fingerprint([number; 32]),
        subject: format!("CN={}", number % 4),
        not_before: 0,
        not_after,
        holders: vec![Holder { id: RecordId::only(), name: "devices".to_owned(), hostnames: [].into() }],
        renewed_by: None,
    }
}

fn route(recipient: &str, thresholds: &[u64]) -> Route {
    let policy = "policy".parse::<RecordId>().unwrap();
    let thresholds = thresholds.iter().map(|it| (days(*it), policy.clone())).collect();
    Route { recipient: recipient.parse().unwrap(), thresholds }
}

/// Where each threshold stands, the farthest first.
fn statuses(now: u64, thresholds: &[u64], recorded: &[(u64, State)]) -> Vec<Status> {
    let (watched, routes) = ([certificate(1, END)], [route("webhook:a", thresholds)]);
    let recorded = recorded.iter().map(|(threshold, state)| (days(*threshold), *state)).collect();
    let recorded = [((watched[0].fingerprint, routes[0].recipient.clone()), recorded)].into();
    plan(now, &watched, &routes, &recorded).iter().map(|planned| planned.status).collect()
}

const DELIVERED: State = State::Delivered { at: 1 };

#[test]
fn of_what_is_reached_the_closest_to_the_end_is_due_and_the_others_are_passed_over() {
    use Status::{Due, Later, PassedOver};
    let all = [30, 14, 7, 1, 0];
    let cases = [
        (END - 30 * DAY - 1, [Later, Later, Later, Later, Later]),
        (END - 30 * DAY, [Due, Later, Later, Later, Later]),
        (END - 14 * DAY - 1, [Due, Later, Later, Later, Later]),
        (END - 14 * DAY, [PassedOver, Due, Later, Later, Later]),
        (END, [PassedOver, PassedOver, PassedOver, Due, Later]),
        (END + 1, [PassedOver, PassedOver, PassedOver, PassedOver, Due]),
    ];
    for (now, expected) in cases {
        assert_eq!(statuses(now, &all, &[]), expected, "{now}");
    }
    assert_eq!(statuses(END + 1, &[30, 14], &[]), [PassedOver, PassedOver], "the end itself is switched off");
}

#[test]
fn what_was_said_closer_to_the_end_is_not_followed_by_what_comes_before() {
    let early = END - 29 * DAY;
    assert_eq!(statuses(early, &[30, 14], &[(14, DELIVERED)]), [Status::PassedOver, Status::Delivered(1)]);
    // Not even where it is not wanted any more.
    assert_eq!(statuses(early, &[30], &[(14, DELIVERED)]), [Status::PassedOver]);
    assert_eq!(statuses(early, &[30], &[(14, State::GivenUp { at: 1 })]), [Status::PassedOver]);
    // What was tried and never arrived was not said.
    assert_eq!(statuses(early, &[30], &[(14, State::Sending)]), [Status::Due]);
}

#[test]
fn what_failed_waits_and_what_was_interrupted_does_not() {
    let now = END - 14 * DAY;
    let failed = State::Failed { at: now - 5, retry_at: now + 5 };
    assert_eq!(statuses(now, &[14], &[(14, failed)]), [Status::Retry(now + 5)]);
    assert_eq!(statuses(now + 5, &[14], &[(14, failed)]), [Status::Due]);
    let in_future = State::Failed { at: now + 1, retry_at: now + 9 };
    assert_eq!(statuses(now, &[14], &[(14, in_future)]), [Status::Due], "the clock was set back");
    assert_eq!(statuses(now, &[14], &[(14, State::Sending)]), [Status::Due]);
}

#[test]
fn the_next_time_is_the_first_of_all() {
    let (watched, routes) =
        ([certificate(1, END), certificate(2, END + DAY)], [route("webhook:a", &[30, 14])]);
    let next_at = |now| next(now, &plan(now, &watched, &routes, &Recorded::new()));
    assert_eq!(next_at(0), Some(END - 30 * DAY));
    assert_eq!(next_at(END - 30 * DAY), Some(END - 30 * DAY), "now");
    assert_eq!(next_at(END + 9 * DAY), None);
}

#[test]
fn a_renewed_certificate_is_the_one_that_is_told_of() {
    let mut watched = [certificate(1, END), certificate(5, END + 365 * DAY)];
    mark_renewed(&mut watched);
    let routes = [route("webhook:a", &[30])];
    let plan = plan(END - DAY, &watched, &routes, &Recorded::new());
    let statuses: Vec<_> = plan.iter().map(|planned| planned.status).collect();
    assert_eq!(statuses, [Status::Renewed, Status::Later]);
}

/// What happens to a gateway.
#[derive(Clone, Copy, Debug)]
enum Event {
    /// Time goes by.
    Pass(u64),
    /// The clock is set, to any time.
    Set(u64),
    /// A certificate comes, or another of the same subject that is good for longer.
    Upload(u8),
    /// A certificate goes.
    Remove(u8),
    /// Whoever is to be told cannot be reached, so many times.
    Break(u8),
    /// The gateway is killed during its next delivery, before or after it has arrived.
    Kill(bool),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        8 => (0..20 * DAY).prop_map(Event::Pass),
        2 => (0..END + 400 * DAY).prop_map(Event::Set),
        3 => (0..12_u8).prop_map(Event::Upload),
        1 => (0..12_u8).prop_map(Event::Remove),
        1 => (1..4_u8).prop_map(Event::Break),
        2 => any::<bool>().prop_map(Event::Kill),
    ]
}

/// A gateway, as far as this room is concerned.
#[derive(Default)]
struct World {
    now: u64,
    watched: Vec<Watched>,
    recorded: Recorded,
    broken: u8,
    kill: Option<bool>,
    /// Messages that arrived, by what they are and whether the gateway lived to record it.
    arrived: HashMap<(Fingerprint, Recipient, Threshold), Vec<bool>>,
    /// The thresholds of each certificate and recipient, in the order of arrival.
    order: HashMap<(Fingerprint, Recipient), Vec<Threshold>>,
}

impl World {
    fn happen(&mut self, event: Event) {
        match event {
            Event::Pass(time) => self.now += time,
            Event::Set(time) => self.now = time,
            Event::Upload(number) => {
                self.watched.retain(|it| it.fingerprint != Fingerprint([number; 32]));
                // A certificate never changes.
                self.watched.push(certificate(number, END - 400 * DAY + u64::from(number) * 97 * DAY));
            }
            Event::Remove(number) => self.watched.retain(|it| it.fingerprint != Fingerprint([number; 32])),
            Event::Break(times) => self.broken = times,
            Event::Kill(after) => self.kill = Some(after),
        }
        mark_renewed(&mut self.watched);
    }

    /// Delivers everything that is due, as the keeper does.
    fn round(&mut self, routes: &[Route]) {
        let due: Vec<_> = plan(self.now, &self.watched, routes, &self.recorded)
            .iter()
            .filter(|planned| planned.status == Status::Due)
            .map(|planned| {
                assert!(planned.watched.renewed_by.is_none(), "alerts stop with a renewal");
                (planned.watched.fingerprint, planned.recipient.clone(), planned.threshold)
            })
            .collect();
        for (fingerprint, recipient, threshold) in due {
            let pair = (fingerprint, recipient.clone());
            let record = self.recorded.entry(pair.clone()).or_default();
            record.insert(threshold, State::Sending);
            if self.kill == Some(false) {
                self.kill = None;
                return;
            }
            if self.broken > 0 {
                self.broken -= 1;
                record.insert(threshold, State::Failed { at: self.now, retry_at: self.now + 60 });
                continue;
            }
            let is_killed = self.kill.take().is_some();
            self.arrived.entry((fingerprint, recipient, threshold)).or_default().push(!is_killed);
            if is_killed {
                return;
            }
            self.order.entry(pair).or_default().push(threshold);
            record.insert(threshold, State::Delivered { at: self.now });
        }
    }
}

proptest! {
    /// However the clock is set, whatever comes and goes, and whenever the gateway is killed: a message arrives twice only
    /// where a gateway was killed between the arrival and its record.
    #[test]
    fn nothing_is_delivered_twice(events in prop::collection::vec(event(), 1..80)) {
        let routes = [route("webhook:a", &[30, 14, 7, 1, 0]), route("email:ops@example.com", &[30, 14])];
        let mut world = World { now: END - 500 * DAY, ..World::default() };
        for event in events {
            world.happen(event);
            world.round(&routes);
        }
        for (what, arrivals) in &world.arrived {
            let recorded = arrivals.iter().filter(|recorded| **recorded).count();
            prop_assert!(recorded <= 1, "{what:?}: {arrivals:?}");
            prop_assert!(arrivals.iter().rev().skip(1).all(|recorded| !recorded), "after a record: {what:?} {arrivals:?}");
        }
        for order in world.order.values() {
            prop_assert!(order.is_sorted_by(|a, b| a > b), "closer and closer to the end: {order:?}");
        }
    }

    /// Where the clock only goes forward, and nobody is away for longer than a threshold lasts, each is told of once, and in
    /// its time.
    #[test]
    fn each_threshold_is_delivered_once_in_its_time(
        end in END..END + 100 * DAY,
        steps in prop::collection::vec(1..DAY - 1, 200),
    ) {
        let routes = [route("webhook:a", &[30, 14, 7, 1, 0])];
        let mut world = World { now: END - 40 * DAY, watched: vec![certificate(1, end)], ..World::default() };
        let mut told = Vec::new();
        for step in steps {
            world.round(&routes);
            for thresholds in world.order.values_mut() {
                told.extend(thresholds.drain(..).map(|threshold| (threshold, world.now)));
            }
            world.now += step;
        }
        let expected: Vec<_> = [30, 14, 7, 1, 0].into_iter().map(days).filter(|it| it.at(end) <= world.now).collect();
        // The last step's is not told yet.
        let told_of: Vec<_> = told.iter().map(|(threshold, _)| *threshold).collect();
        prop_assert!(expected.starts_with(&told_of) && expected.len() - told_of.len() <= 1, "{told_of:?} of {expected:?}");
        for (threshold, at) in told {
            let first = threshold.at(end);
            prop_assert!((first..first.max(END - 40 * DAY) + DAY).contains(&at), "{threshold} at {at} instead of {first}");
        }
    }
}
