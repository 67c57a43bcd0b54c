//! Devices that never rest: threads that connect and ask until they are told to stop, and note everything that goes wrong.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use crate::client::Tls;
use crate::wait;

/// How a device asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Habit {
    /// A new connection for each request.
    Fresh,
    /// One connection for as long as the gateway says nothing of closing it.
    Held,
}

/// Devices at work. They stop when this is dropped.
pub struct Load {
    shared: Arc<Shared>,
    devices: Vec<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    answers: AtomicUsize,
    refused: AtomicUsize,
    failures: Mutex<Vec<String>>,
}

/// What became of all requests.
#[derive(Debug)]
pub struct Outcome {
    /// Requests that were answered with 200.
    pub answers: usize,
    /// Connections that were refused before anybody answered them.
    pub refused: usize,
    /// Everything else.
    pub failures: Vec<String>,
}

impl Load {
    /// Starts two devices of each habit, which ask `host` at `address`.
    pub fn start(client: &Tls, address: SocketAddr, host: &'static str) -> Self {
        let shared = Arc::new(Shared::default());
        let habits = [Habit::Fresh, Habit::Held, Habit::Fresh, Habit::Held];
        let devices = habits.map(|habit| {
            let (client, shared) = (client.clone(), Arc::clone(&shared));
            thread::spawn(move || shared.work(&client, address, host, habit))
        });
        Self { shared, devices: devices.into() }
    }

    /// Waits until `more` requests have been answered, counted from now.
    #[track_caller]
    pub fn go_on(&self, more: usize) {
        let before = self.shared.answers.load(Ordering::SeqCst);
        wait::until("answers", || {
            let failures = self.shared.failures();
            assert!(failures.is_empty(), "{failures:?}");
            (self.shared.answers.load(Ordering::SeqCst) >= before + more).then_some(())
        });
    }

    /// Stops all devices.
    pub fn stop(mut self) -> Outcome {
        self.shared.stop.store(true, Ordering::SeqCst);
        for device in self.devices.drain(..) {
            device.join().expect("a device");
        }
        Outcome {
            answers: self.shared.answers.load(Ordering::SeqCst),
            refused: self.shared.refused.load(Ordering::SeqCst),
            failures: self.shared.failures(),
        }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
    }
}

impl Outcome {
    /// Nothing went wrong, and nobody was refused.
    #[track_caller]
    pub fn must_be_flawless(&self) {
        assert!(self.failures.is_empty() && self.refused == 0 && self.answers > 0, "{self:?}");
    }
}

impl Shared {
    fn work(&self, client: &Tls, address: SocketAddr, host: &str, habit: Habit) {
        let mut held = None;
        while !self.stop.load(Ordering::SeqCst) {
            let asked = (|| {
                let mut connection = match held.take() {
                    Some(held) => held,
                    None => client.connect(address, host)?,
                };
                let answer = connection.get(host, "/")?;
                let is_last = answer.header("connection").is_some_and(|value| value.contains("close"));
                if habit == Habit::Held && !is_last {
                    held = Some(connection);
                }
                if answer.status() == 200 { Ok(()) } else { Err(io::Error::other(answer.start)) }
            })();
            match asked {
                Ok(()) => drop(self.answers.fetch_add(1, Ordering::SeqCst)),
                // Only `connect` says so.
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                    self.refused.fetch_add(1, Ordering::SeqCst);
                }
                Err(error) => self.note(format!("{habit:?}: {error} ({:?})", error.kind())),
            }
        }
    }

    fn note(&self, failure: String) {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).push(failure);
    }

    fn failures(&self) -> Vec<String> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
