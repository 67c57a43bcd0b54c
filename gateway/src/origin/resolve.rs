//! Names of origins, looked up anew for new connections, but not for each of a thousand that come at once.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use tokio::net::lookup_host;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// How long an answer counts. An origin that moves is found this fast.
const FRESH: Duration = Duration::from_secs(1);
/// How long the last answer counts while there is no other: an outage of the resolver is not one of the origins.
const STALE: Duration = Duration::from_mins(5);
/// Names that are remembered at once. There is one for each origin that is configured by name.
const MOST: usize = 1024;

/// A worker's memory of names.
#[derive(Default)]
pub(super) struct Resolver {
    names: RefCell<HashMap<Box<str>, Rc<Name>>>,
}

/// A name. Whoever needs it while somebody is asking for it waits for that answer.
#[derive(Default)]
struct Name(Mutex<Option<Answer>>);

struct Answer {
    addresses: Rc<[IpAddr]>,
    since: Instant,
}

impl Resolver {
    /// The addresses of `name`, at least one.
    pub(super) async fn resolve(&self, name: &str) -> io::Result<Rc<[IpAddr]>> {
        self.resolve_with(name, || lookup(name)).await
    }

    async fn resolve_with<F>(&self, name: &str, lookup: impl FnOnce() -> F) -> io::Result<Rc<[IpAddr]>>
    where
        F: Future<Output = io::Result<Rc<[IpAddr]>>>,
    {
        let known = self.name(name);
        let mut answer = known.0.lock().await;
        if let Some(Answer { addresses, since }) = &*answer
            && since.elapsed() < FRESH
        {
            return Ok(Rc::clone(addresses));
        }
        match lookup().await {
            Ok(addresses) => {
                *answer = Some(Answer { addresses: Rc::clone(&addresses), since: Instant::now() });
                Ok(addresses)
            }
            Err(error) => match &*answer {
                Some(Answer { addresses, since }) if since.elapsed() < STALE => {
                    tracing::warn!(name, %error, "cannot resolve an origin; its last addresses count");
                    Ok(Rc::clone(addresses))
                }
                _ => Err(error),
            },
        }
    }

    fn name(&self, name: &str) -> Rc<Name> {
        let mut names = self.names.borrow_mut();
        if let Some(known) = names.get(name) {
            return Rc::clone(known);
        }
        if names.len() >= MOST {
            names.clear();
        }
        let new = Rc::<Name>::default();
        names.insert(name.into(), Rc::clone(&new));
        new
    }
}

async fn lookup(name: &str) -> io::Result<Rc<[IpAddr]>> {
    let mut addresses: Vec<IpAddr> =
        lookup_host((name, 0)).await?.map(|found: SocketAddr| found.ip()).collect();
    addresses.dedup();
    if addresses.is_empty() {
        return Err(io::Error::other("the name has no address"));
    }
    Ok(addresses.into())
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// A resolver whose answers change, and how often it was asked.
    #[derive(Default)]
    struct Dns {
        asked: Cell<usize>,
        answer: Cell<Option<u8>>,
    }

    impl Dns {
        fn says(&self, last: impl Into<Option<u8>>) {
            self.answer.set(last.into());
        }

        async fn look(&self) -> io::Result<Rc<[IpAddr]>> {
            self.asked.set(self.asked.get() + 1);
            tokio::task::yield_now().await;
            let last = self.answer.get().ok_or_else(|| io::Error::other("down"))?;
            Ok([IpAddr::from([192, 0, 2, last])].into())
        }

        async fn resolve(&self, resolver: &Resolver, name: &str) -> io::Result<u8> {
            let found = resolver.resolve_with(name, || self.look()).await?;
            match found[0] {
                IpAddr::V4(address) => Ok(address.octets()[3]),
                IpAddr::V6(_) => unreachable!(),
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_origin_that_moves_is_found_with_the_next_lookup() {
        let (resolver, dns) = (Resolver::default(), Dns::default());
        dns.says(1);
        assert_eq!(dns.resolve(&resolver, "a").await.unwrap(), 1);
        dns.says(2);
        assert_eq!(dns.resolve(&resolver, "a").await.unwrap(), 1, "answers count for a second");
        tokio::time::advance(FRESH).await;
        assert_eq!(dns.resolve(&resolver, "a").await.unwrap(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn many_that_come_at_once_ask_once() {
        let (resolver, dns) = (Resolver::default(), Dns::default());
        dns.says(1);
        let [one, two, other] = ["a", "a", "b"].map(|name| dns.resolve(&resolver, name));
        let found = tokio::join!(one, two, other);
        assert!(found.0.is_ok() && found.1.is_ok() && found.2.is_ok());
        assert_eq!(dns.asked.get(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn the_last_answer_outlives_the_resolver_for_a_while() {
        let (resolver, dns) = (Resolver::default(), Dns::default());
        assert!(dns.resolve(&resolver, "a").await.is_err());
        dns.says(1);
        dns.resolve(&resolver, "a").await.unwrap();
        dns.says(None);
        tokio::time::advance(FRESH * 2).await;
        assert_eq!(dns.resolve(&resolver, "a").await.unwrap(), 1);
        tokio::time::advance(STALE).await;
        assert!(dns.resolve(&resolver, "a").await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn names_that_are_remembered_have_a_bound() {
        let (resolver, dns) = (Resolver::default(), Dns::default());
        dns.says(1);
        for number in 0..=MOST {
            dns.resolve(&resolver, &number.to_string()).await.unwrap();
        }
        assert!(resolver.names.borrow().len() <= MOST);
    }
}
