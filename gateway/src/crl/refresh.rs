//! Looking after sources while the gateway runs: files on one thread, URLs on another, so that a slow server holds
//! nothing up.

use std::io;
use std::sync::Arc;
use std::thread::{Builder, sleep};
use std::time::{Duration, Instant};

use tokio::runtime;
use tokio::task::{JoinSet, spawn_blocking};

use super::Settings;
use super::ask::ask;
use super::fetch::Fetcher;
use super::file::Stamp;
use super::keeper::{Job, Keeper};
use super::loaded::{Loaded, Outcome, Progress};
use super::newest::Bar;
use super::prepare::read;
use crate::device::revocation::Crl;

/// How often files are looked at. A revocation acts within a second, loading included.
const POLL: Duration = Duration::from_millis(250);

/// Longer than an attempt can take: one whose end nobody heard of is made again.
const LOST: Duration = Duration::from_mins(1);

impl Keeper {
    /// Looks after the sources for as long as the process lives, on threads of its own.
    ///
    /// # Errors
    /// When there is no thread to be had.
    pub fn watch(self: &Arc<Self>) -> io::Result<()> {
        let keeper = Arc::clone(self);
        spawn("crl", move || {
            loop {
                sleep(POLL);
                keeper.read_files(false);
            }
        })?;
        let keeper = Arc::clone(self);
        let runtime = runtime::Builder::new_current_thread().enable_all().max_blocking_threads(16).build()?;
        spawn("crl-fetch", move || runtime.block_on(keeper.ask_again()))
    }

    /// Looks at every source now. This waits for files and servers.
    pub fn look_now(&self) {
        self.read_files(true);
        let Some(lost) = self.lost() else { return };
        self.load_urls(self.jobs(|source| source.begin(lost, true)), Some(&self.bar()));
    }

    /// Asks URLs now, and takes what `bar` allows.
    pub(super) fn load_urls(&self, jobs: Vec<Job>, bar: Option<&Bar>) {
        let Some(fetcher) = self.fetcher() else { return };
        let urls: Vec<_> = jobs.iter().filter_map(|job| job.source.request()).collect();
        let answers = ask(&fetcher, &urls);
        let settings = self.settings();
        let judge = |(job, answer): (Job, _)| {
            let outcome = job.source.judge(answer, &settings, bar);
            (job, outcome)
        };
        let done: Vec<_> = jobs.into_iter().zip(answers).map(judge).collect();
        self.finish(done);
    }

    /// Loads the files that have changed, or all.
    fn read_files(&self, all: bool) {
        let mut jobs = self.jobs(|source| source.is_file());
        jobs.retain_mut(|job| job.source.has_changed() || all);
        self.load_files(jobs, Some(&self.bar()));
    }

    /// Loads files, and takes what `bar` allows.
    pub(super) fn load_files(&self, jobs: Vec<Job>, bar: Option<&Bar>) {
        let settings = self.settings();
        let load = |job: Job| {
            let Progress::File { path, .. } = &job.source.progress else { return None };
            let allowed = |crls: Vec<Arc<Crl>>| {
                bar.map_or(Ok(()), |bar| bar.accepts(&crls))?;
                Ok(crls)
            };
            let outcome = match read(path, &job.source.authority, &settings).and_then(allowed) {
                Ok(crls) => Outcome::Read(crls),
                Err(error) => Outcome::Failed(error),
            };
            Some((job, outcome))
        };
        let done: Vec<_> = jobs.into_iter().filter_map(load).collect();
        self.finish(done);
    }

    /// How long an attempt at a URL can take; nothing where there is no URL.
    pub(super) fn lost(&self) -> Option<Duration> {
        self.fetcher().map(|_| self.settings().timeout + LOST)
    }

    /// Asks URLs when they are due.
    async fn ask_again(self: Arc<Self>) {
        let mut asking = JoinSet::new();
        loop {
            let lost = self.settings().timeout + LOST;
            for job in self.jobs(|source| source.begin(lost, false)) {
                asking.spawn(Arc::clone(&self).ask_one(job));
            }
            while asking.try_join_next().is_some() {}
            tokio::time::sleep(POLL).await;
        }
    }

    async fn ask_one(self: Arc<Self>, job: Job) {
        let Some((fetcher, (url, validators))) = self.fetcher().zip(job.source.request()) else { return };
        let answer = fetcher.fetch(&url, &validators).await;
        // Parsing takes its time, and others have timeouts.
        let judged = spawn_blocking(move || {
            let outcome = job.source.judge(answer, &self.settings(), Some(&self.bar()));
            self.finish([(job, outcome)]);
        });
        if let Err(error) = judged.await {
            tracing::error!(%url, %error, "loading a CRL panicked; it is tried again");
        }
    }

    fn fetcher(&self) -> Option<Arc<Fetcher>> {
        self.state().prepared.fetcher.clone()
    }

    pub(super) fn settings(&self) -> Arc<Settings> {
        Arc::clone(&self.state().prepared.settings)
    }
}

/// Starts a thread that lives as long as the process.
fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    Builder::new().name(name.into()).spawn(work).map(drop)
}

impl Loaded {
    /// Whether a file is not the one that was tried last. It is, from here on.
    fn has_changed(&mut self) -> bool {
        let Progress::File { path, stamp } = &mut self.progress else { return false };
        let found = Stamp::of(path);
        let changed = found != *stamp;
        *stamp = found;
        changed
    }

    /// Whether a URL is to be asked. It will not be due again before the attempt has ended, or is lost.
    pub(super) fn begin(&mut self, lost: Duration, now: bool) -> bool {
        let Progress::Url { remote, .. } = &mut self.progress else { return false };
        let begins = now || remote.due <= Instant::now();
        if begins {
            remote.due = Instant::now() + lost;
        }
        begins
    }
}
