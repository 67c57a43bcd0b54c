//! The listeners in force: opened at the start, changed by reloads, closed or left to somebody else at the end.

use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use arc_swap::ArcSwap;
use ipnet::IpNet;
use tokio::sync::{mpsc, watch};

use super::Ending;
use super::inherited::Inherited;
use super::last_call::keep_out_newcomers;
use super::sockets::{BindError, check_free, complete};
use crate::config::{self, Problem};

/// One address with its sockets. They close with the last reference.
#[derive(Debug)]
pub struct Listener {
    address: SocketAddr,
    sockets: Vec<TcpListener>,
    /// Who may say where connections come from.
    proxies: ArcSwap<Option<Arc<[IpNet]>>>,
    ending: watch::Sender<Option<Ending>>,
}

/// What a worker accepts on.
#[derive(Debug)]
pub(super) struct Assigned {
    pub(super) socket: TcpListener,
    pub(super) listener: Arc<Listener>,
    pub(super) ending: watch::Receiver<Option<Ending>>,
    /// Held for as long as something is accepted.
    pub(super) accepting: watch::Receiver<()>,
}

/// Where a worker hears of sockets to accept on.
#[derive(Debug)]
pub struct Feed(pub(super) mpsc::UnboundedReceiver<Assigned>);

/// All listeners, and the workers that accept on them.
#[derive(Debug)]
pub struct Listeners {
    workers: usize,
    state: Mutex<State>,
    accepting: watch::Sender<()>,
}

#[derive(Debug)]
struct State {
    open: Vec<Arc<Listener>>,
    /// Those that reloads have ended, and that may not have closed yet.
    closing: Vec<Weak<Listener>>,
    /// One for each worker; none once all is closed.
    feeds: Vec<mpsc::UnboundedSender<Assigned>>,
}

/// Listeners as another configuration wants them. New ones are bound, and nobody accepts on them yet.
#[derive(Debug)]
pub struct Plan {
    /// In the configuration's order: those that stay, with who may say where connections come from, and new ones.
    open: Vec<(Arc<Listener>, Proxies)>,
    new: Vec<Arc<Listener>>,
    gone: Vec<Arc<Listener>>,
}

type Proxies = Option<Arc<[IpNet]>>;

impl Listener {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// One for each worker, or fewer that workers share.
    pub fn sockets(&self) -> &[TcpListener] {
        &self.sockets
    }

    /// Who may say where connections come from; `None` where they come from their peers.
    pub(super) fn proxies(&self) -> Proxies {
        Option::clone(&self.proxies.load())
    }

    fn new(wanted: &config::Listener, open: Vec<TcpListener>, workers: usize) -> Result<Self, BindError> {
        let address = wanted.address.value;
        Ok(Self {
            address,
            sockets: complete(address, open, workers)?,
            proxies: ArcSwap::from_pointee(proxies(wanted)),
            ending: watch::Sender::new(None),
        })
    }

    fn end(&self, mut ending: Ending) {
        if ending == Ending::LastCall {
            for socket in &self.sockets {
                if let Err(error) = keep_out_newcomers(socket) {
                    // Without a filter the last call would never end.
                    tracing::warn!(address = %self.address, %error, "connections that wait in the kernel will be reset");
                    ending = Ending::Left;
                }
            }
        }
        self.ending.send_replace(Some(ending));
    }
}

impl Listeners {
    /// Opens the listeners of a configuration, with the sockets among `inherited` that listen there already. Each of
    /// `workers` has a feed.
    ///
    /// # Errors
    /// The first address that cannot be bound. An address that another program listens on is refused although both
    /// could share it: the kernel would give it every other connection.
    pub fn open(
        wanted: &[config::Listener],
        workers: usize,
        inherited: &mut Inherited,
    ) -> Result<(Self, Vec<Feed>), BindError> {
        let ours = inherited.addresses();
        for listener in wanted {
            check_free(listener.address.value, &ours)?;
        }
        let open = wanted
            .iter()
            .map(|wanted| Listener::new(wanted, inherited.take(wanted.address.value), workers).map(Arc::new))
            .collect::<Result<Vec<_>, _>>()?;
        let (feeds, fed) = (0..workers).map(|_| mpsc::unbounded_channel()).unzip();
        let fed: Vec<_> = fed;
        let state = Mutex::new(State { open: Vec::new(), closing: Vec::new(), feeds });
        let listeners = Self { workers, state, accepting: watch::Sender::new(()) };
        let plan = open.iter().map(|new| (Arc::clone(new), new.proxies())).collect();
        listeners.apply(Plan { open: plan, new: open, gone: Vec::new() });
        Ok((listeners, fed.into_iter().map(Feed).collect()))
    }

    /// Binds what another configuration has more, without accepting anything on it. One plan comes after the other.
    ///
    /// # Errors
    /// A problem for each address that cannot be bound.
    pub fn prepare(&self, wanted: &[config::Listener]) -> Result<Plan, Vec<Problem>> {
        let (open, closing) = {
            let state = self.state();
            (state.open.clone(), state.closing.iter().filter_map(Weak::upgrade).collect::<Vec<_>>())
        };
        let ours: Vec<_> = open.iter().chain(&closing).map(|listener| listener.address).collect();
        drop(closing);
        let mut plan = Plan { open: Vec::new(), new: Vec::new(), gone: Vec::new() };
        let mut problems = Vec::new();
        for wanted in wanted {
            let known = open.iter().find(|listener| listener.address == wanted.address.value);
            let new = || {
                check_free(wanted.address.value, &ours)?;
                Listener::new(wanted, Vec::new(), self.workers).map(Arc::new)
            };
            match known.cloned().map_or_else(new, Ok) {
                Ok(listener) if known.is_none() => {
                    plan.new.push(Arc::clone(&listener));
                    plan.open.push((listener, proxies(wanted)));
                }
                Ok(listener) => plan.open.push((listener, proxies(wanted))),
                Err(error) => problems.push(Problem::error(error.to_string()).at(wanted.address.span)),
            }
        }
        let stays = |listener: &Arc<Listener>| plan.open.iter().any(|(open, _)| Arc::ptr_eq(open, listener));
        plan.gone = open.into_iter().filter(|listener| !stays(listener)).collect();
        if problems.is_empty() { Ok(plan) } else { Err(problems) }
    }

    /// Puts a plan in force: workers accept on new listeners; those that are gone accept whoever waits there, and close.
    pub fn apply(&self, plan: Plan) {
        let mut state = self.state();
        for (listener, proxies) in &plan.open {
            listener.proxies.store(Arc::new(proxies.clone()));
        }
        for listener in &plan.new {
            self.assign(listener, &state.feeds);
        }
        state.open = plan.open.into_iter().map(|(listener, _)| listener).collect();
        state.closing.retain(|listener| listener.strong_count() > 0);
        state.closing.extend(plan.gone.iter().map(Arc::downgrade));
        drop(state);
        for listener in plan.gone {
            listener.end(Ending::LastCall);
        }
    }

    /// Ends all of them. Those for which `is_left` holds are somebody else's from now on.
    pub fn end(&self, is_left: impl Fn(SocketAddr) -> bool) {
        let mut state = self.state();
        state.feeds.clear();
        for listener in state.open.drain(..) {
            listener.end(if is_left(listener.address) { Ending::Left } else { Ending::LastCall });
        }
    }

    /// Waits until nothing is accepted any more.
    pub async fn ended(&self) {
        self.accepting.closed().await;
    }

    /// Those in force, in the configuration's order.
    pub fn in_force(&self) -> Vec<Arc<Listener>> {
        self.state().open.clone()
    }

    /// Where connections are accepted.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.state().open.iter().map(|listener| listener.address).collect()
    }

    /// Gives every worker a socket, and every socket a worker.
    fn assign(&self, listener: &Arc<Listener>, feeds: &[mpsc::UnboundedSender<Assigned>]) {
        let (sockets, workers) = (&listener.sockets, feeds.len());
        let pairs = (0..sockets.len().max(workers)).zip(sockets.iter().cycle()).zip(feeds.iter().cycle());
        for ((_, socket), feed) in pairs {
            match socket.try_clone() {
                Ok(socket) => {
                    let (listener, ending) = (Arc::clone(listener), listener.ending.subscribe());
                    let accepting = self.accepting.subscribe();
                    // A worker that is gone accepts nothing.
                    let _ = feed.send(Assigned { socket, listener, ending, accepting });
                }
                Err(error) => tracing::error!(address = %listener.address, %error, "a worker cannot listen"),
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Plan {
    /// Those that nobody accepts on yet.
    pub fn new_ones(&self) -> &[Arc<Listener>] {
        &self.new
    }

    /// Those that will close.
    pub fn gone(&self) -> &[Arc<Listener>] {
        &self.gone
    }
}

fn proxies(wanted: &config::Listener) -> Proxies {
    wanted.proxies().map(Arc::from)
}
