//! The CRLs of a configuration, loaded before it is in force: all of what must load, or a problem for each that did not.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use super::ask::ask;
use super::fetch::{FetchError, Fetched, Fetcher, Validators};
use super::load::{LoadError, STALE, load};
use super::loaded::{Loaded, Outcome, Progress};
use super::newest::{Bar, Newest, NewestError};
use super::pushed::Head;
use super::source::Source;
use super::url::CrlUrl;
use super::{Authority, Settings, Wanted, file, stored};
use crate::config::{Problem, Span};
use crate::device::refusal;
use crate::device::revocation::{Crl, DenyList, IssuerId, OnExpired, RevocationIndex};

/// The CRLs of a configuration, loaded and not in force yet.
#[derive(Default)]
pub struct Prepared {
    pub(super) authorities: Vec<Arc<Authority>>,
    pub(super) settings: Arc<Settings>,
    pub(super) sources: Vec<Loaded>,
    /// What was remembered when the gateway started.
    pub(super) newest: Arc<Newest>,
    /// Lists that were pushed for CAs that are not there.
    pub(super) unused: Vec<Head>,
    /// There is one where there is a URL.
    pub(super) fetcher: Option<Arc<Fetcher>>,
    /// Of a configuration that is on its way out.
    parting: Option<Box<Prepared>>,
}

/// Whether URLs are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Network {
    /// Once each, within `crl.timeout`, all at the same time.
    Ask,
    /// No: whoever only checks a configuration touches nothing.
    LeaveAlone,
}

/// Whether files are read that loaded before and are looked after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Files {
    /// Yes: whoever reloads wants to hear now what is wrong with them.
    Read,
    /// No.
    Keep,
}

impl Prepared {
    /// Loads every source of `wanted`, except those that are in `running` already; no CRL may be older than `bar`
    /// allows. This waits for files and, at most for `crl.timeout`, for servers.
    ///
    /// # Errors
    /// A problem for each file that does not load, or has expired where its CA is strict about it; for each URL of such a
    /// CA that cannot be had, where no list of it was kept either; and for each list that was pushed and is damaged.
    pub(super) fn with(
        wanted: Wanted,
        bar: &Bar,
        network: Network,
        files: Files,
        running: &[Loaded],
    ) -> Result<Self, Vec<Problem>> {
        let running = Running::new(running);
        let settings = Arc::new(wanted.settings);
        let authorities: Vec<_> = wanted.authorities.into_iter().map(Arc::new).collect();
        let fetcher = fetcher(&authorities, &settings).map_err(|problem| vec![problem])?;
        let mut prepared = Self { authorities, settings, fetcher, ..Self::default() };
        let (mut problems, mut spans) = (Vec::new(), Vec::new());
        for authority in &prepared.authorities {
            for source in &authority.sources {
                let mut new = Loaded::new(authority, &source.value);
                match &source.value {
                    Source::Api => {}
                    Source::File(_) => match running.loaded(&new).filter(|_| files == Files::Keep) {
                        Some(known) => {
                            new = Loaded { authority: Arc::clone(authority), ..known.clone() };
                        }
                        None => problems.extend(new.read(bar, &prepared.settings, source.span)),
                    },
                    Source::Url(_) => {
                        if let Some(known) = running.loaded(&new) {
                            new = Loaded { authority: Arc::clone(authority), ..known.clone() };
                            new.hasten(&prepared.settings);
                        }
                    }
                }
                prepared.sources.push(new);
                spans.push(source.span);
            }
        }
        if network == Network::Ask {
            prepared.ask(bar);
            let missing =
                prepared.sources.iter().zip(spans).filter_map(|(source, span)| missing(source, span));
            problems.extend(missing);
        }
        problems.extend(prepared.recall_pushed(&running));
        if problems.is_empty() { Ok(prepared) } else { Err(problems) }
    }

    /// As [`super::Keeper::prepare`], before anything runs.
    ///
    /// # Errors
    /// A problem for each source that has to load and does not.
    pub fn load(wanted: Wanted, network: Network) -> Result<Self, Vec<Problem>> {
        let newest = Newest::read(wanted.settings.state_dir.as_deref()).map(Arc::new);
        let newest = newest.map_err(|error| vec![unknown_newest(&error)])?;
        let bar = Bar { newest, ..Bar::default() };
        let prepared = Self::with(wanted, &bar, network, Files::Read, &[])?;
        Ok(Self { newest: bar.newest, ..prepared })
    }

    /// Asks every URL that nothing is known of. What was kept of it counts where it cannot be had, and nothing older than
    /// that is accepted.
    fn ask(&mut self, bar: &Bar) {
        let Some(fetcher) = &self.fetcher else { return };
        let settings = &self.settings;
        let new = |source: &&mut Loaded| {
            matches!(source.progress, Progress::Url { .. })
                && source.crls.is_empty()
                && source.ended.is_none()
        };
        let mut unknown: Vec<_> = self.sources.iter_mut().filter(new).collect();
        for source in &mut unknown {
            source.recall(settings);
        }
        let urls: Vec<_> = unknown.iter().filter_map(|source| source.request()).collect();
        for (source, answer) in unknown.into_iter().zip(ask(fetcher, &urls)) {
            source.take(source.judge(answer, settings, Some(bar)), settings);
        }
    }

    /// Each authority with its sources; the API is one where somebody has pushed a list.
    pub(super) fn by_authority(&self) -> Vec<(&Arc<Authority>, Vec<&Loaded>)> {
        let mut positions = HashMap::with_capacity(self.authorities.len());
        let mut all: Vec<(_, Vec<_>)> = Vec::with_capacity(self.authorities.len());
        for (authority, position) in self.authorities.iter().zip(0..) {
            positions.insert(Arc::as_ptr(authority), position);
            all.push((authority, Vec::new()));
        }
        for source in self.sources.iter().filter(|source| !source.is_idle()) {
            let position: Option<&usize> = positions.get(&Arc::as_ptr(&source.authority));
            if let Some((_, sources)) = position.and_then(|position| all.get_mut(*position)) {
                sources.push(source);
            }
        }
        all
    }

    /// Everything that counts, while `before` still does.
    ///
    /// Where both have a source and the one before looked at it later, what it found counts.
    pub(super) fn and(mut self, before: Self) -> Self {
        for source in &mut self.sources {
            let mut newer = before.sources.iter().filter(|known| known.ended > source.ended);
            if let Some(same) = newer.clone().find(|known| known.is_same(source)) {
                *source = Loaded { authority: Arc::clone(&source.authority), ..same.clone() };
            } else if let Some(pushed) = newer.find(|known| source.continues(known)) {
                // The CA has changed, and somebody pushed a list for it meanwhile.
                source.crls = pushed.carried_to(&source.authority);
            }
        }
        Self { parting: Some(Box::new(before)), ..self }
    }

    /// From here on only this one counts.
    pub(super) fn alone(&mut self) {
        self.parting = None;
    }

    /// This one, and the one that is parting.
    fn all(&self) -> impl Iterator<Item = &Self> {
        std::iter::once(self).chain(self.parting.as_deref())
    }

    /// Every CRL that counts, as an index.
    pub(super) fn index(&self, generation: u64, denied: Arc<DenyList>) -> RevocationIndex {
        let sources = self.all().flat_map(|prepared| &prepared.sources);
        let crls = sources.flat_map(|source| source.crls.iter().map(Arc::clone));
        let on_expired = |id: &IssuerId| {
            let of = |authority: &&Arc<Authority>| authority.has(id);
            // A CA that was uploaded twice is as strict as the stricter of the two.
            let mut uploads = self.all().flat_map(|prepared| &prepared.authorities).filter(of);
            let soft = uploads.all(|authority| authority.on_expired == OnExpired::Soft);
            if soft { OnExpired::Soft } else { OnExpired::Hard }
        };
        RevocationIndex::new(generation, crls, on_expired, denied)
    }
}

impl Loaded {
    /// Loads a file. The problem that forbids the configuration, if there is one.
    fn read(&mut self, bar: &Bar, settings: &Settings, span: Span) -> Option<Problem> {
        let Progress::File { path, stamp } = &mut self.progress else { return None };
        *stamp = file::Stamp::of(path);
        let outcome = match read(path, &self.authority, settings)
            .and_then(|crls| Ok(bar.accepts(&crls).map(|()| crls)?))
        {
            Ok(crls) => Outcome::Read(crls),
            Err(error) => Outcome::Failed(error),
        };
        self.take(outcome, settings);
        match &self.failure {
            Some(failure) if failure.label == STALE => {
                Some(Problem::error(failure.text.clone()).at(span).remedy(
                    "put the newer one back; where no gateway runs, removing newest.json from server.state_dir has it forget, for every CA",
                ))
            }
            Some(failure) => Some(
                Problem::error(failure.text.clone())
                    .at(span)
                    .remedy("name a CRL of this CA that the gateway's user may read"),
            ),
            None => expired(&self.crls, self.authority.on_expired, span),
        }
    }

    /// Loads what was kept of a URL. It is only a fallback, so that nothing is wrong where there is none.
    fn recall(&mut self, settings: &Settings) {
        let Some((dir, url)) = settings.state_dir.as_ref().zip(self.url()) else { return };
        let Ok(body) = stored::read(dir, url, settings.max_size) else { return };
        match load(&body, &self.authority) {
            Ok(crls) => self.crls = crls,
            Err(error) => tracing::warn!(%url, %error, "what was kept of a CRL does not load any more"),
        }
    }

    /// Loads what a URL's server answered, where `bar` allows it, and keeps it where that is wanted.
    pub(super) fn judge(
        &self,
        answer: Result<Fetched, FetchError>,
        settings: &Settings,
        bar: Option<&Bar>,
    ) -> Outcome {
        let (body, validators) = match answer {
            Ok(Fetched::New { body, validators }) => (body, validators),
            Ok(Fetched::Unchanged) => return Outcome::Unchanged,
            Err(error) => return Outcome::Failed(error.into()),
        };
        let digest = stored::digest_of(&body);
        if let Progress::Url { remote, .. } = &self.progress
            && remote.digest.as_ref() == Some(&digest)
        {
            return Outcome::Unchanged;
        }
        let crls = match self.load_newer(&body, bar) {
            Ok(crls) => crls,
            Err(error) => return Outcome::Failed(error),
        };
        if let Some((dir, url)) = settings.state_dir.as_ref().zip(self.url())
            && let Err(error) = stored::write(dir, url, &body)
        {
            tracing::error!(%url, %error, "a CRL is in force and could not be kept for the next start");
        }
        Outcome::Fetched { crls, validators, digest }
    }

    fn load_newer(&self, body: &[u8], bar: Option<&Bar>) -> Result<Vec<Arc<Crl>>, LoadError> {
        let crls = load(body, &self.authority)?;
        let Some(bar) = bar else { return Ok(crls) };
        bar.accepts(&crls)?;
        // What was kept is not in an index yet when the gateway starts.
        let mut kept = Newest::default();
        kept.add(&self.crls);
        Bar { newest: Arc::new(kept), ..Bar::default() }.accepts(&crls)?;
        Ok(crls)
    }

    /// What to ask a URL for.
    pub(super) fn request(&self) -> Option<(CrlUrl, Validators)> {
        match &self.progress {
            Progress::File { .. } | Progress::Pushed => None,
            Progress::Url { url, remote } => Some((url.clone(), remote.validators.clone())),
        }
    }

    pub(super) fn url(&self) -> Option<&CrlUrl> {
        match &self.progress {
            Progress::File { .. } | Progress::Pushed => None,
            Progress::Url { url, .. } => Some(url),
        }
    }
}

/// Sources that are looked after, by the names of their CAs: there may be a thousand.
pub(super) struct Running<'a>(HashMap<&'a str, Vec<&'a Loaded>>);

impl<'a> Running<'a> {
    fn new(sources: &'a [Loaded]) -> Self {
        let mut by_name: HashMap<&str, Vec<&Loaded>> = HashMap::new();
        for source in sources {
            by_name.entry(&source.authority.name).or_default().push(source);
        }
        Self(by_name)
    }

    /// Those of the CA that `new` is of.
    pub(super) fn of(&self, new: &Loaded) -> impl Iterator<Item = &'a Loaded> {
        self.0.get(&*new.authority.name).into_iter().flatten().copied()
    }

    /// The same source as `new`. One of which there is no list is as good as new.
    fn loaded(&self, new: &Loaded) -> Option<&'a Loaded> {
        self.of(new).find(|known| known.is_same(new)).filter(|known| !known.crls.is_empty())
    }
}

/// The CRLs in a file.
pub(super) fn read(
    path: &Path,
    authority: &Authority,
    settings: &Settings,
) -> Result<Vec<Arc<Crl>>, LoadError> {
    load(&file::read(path, settings.max_size)?, authority)
}

fn fetcher(
    authorities: &[Arc<Authority>],
    settings: &Arc<Settings>,
) -> Result<Option<Arc<Fetcher>>, Problem> {
    let mut sources = authorities.iter().flat_map(|authority| &authority.sources);
    let Some(first) = sources.find(|source| matches!(source.value, Source::Url(_))) else { return Ok(None) };
    Fetcher::new(Arc::clone(settings)).map(|fetcher| Some(Arc::new(fetcher))).map_err(|error| {
        Problem::error(format!("cannot fetch {}: {error}", first.value))
            .at(first.span)
            .remedy("install the system's CA certificates (ca-certificates), or set crl.ca")
    })
}

/// The problem with a URL of which there is no list at all.
fn missing(source: &Loaded, span: Span) -> Option<Problem> {
    let failure = source.failure.as_ref().filter(|_| source.url().is_some())?;
    if !source.crls.is_empty() || source.authority.on_expired == OnExpired::Soft {
        tracing::warn!(error = failure.text, "CRL not loaded; it is tried again");
        return None;
    }
    Some(Problem::error(failure.text.clone()).at(span).remedy(
        "have the URL answer; server.state_dir keeps the last good list for a start without it, and \
         crl_expired = \"soft\" starts without any",
    ))
}

fn unknown_newest(error: &NewestError) -> Problem {
    Problem::error(error.to_string()).remedy(
        "bring a copy back, or remove it: the gateway then takes older CRLs, until it has loaded the current ones",
    )
}

fn expired(crls: &[Arc<Crl>], on_expired: OnExpired, span: Span) -> Option<Problem> {
    let crl = crls.iter().find(|crl| crl.is_expired(refusal::now()))?;
    let message = format!("the CRL of `{}` has expired", crl.issuer_name);
    match on_expired {
        OnExpired::Soft => None,
        OnExpired::Hard => {
            Some(Problem::error(message).at(span).remedy(
                "fetch a new one from the CA, or set crl_expired = \"soft\" to deny only what it lists",
            ))
        }
    }
}
