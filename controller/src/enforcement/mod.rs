//! What came of the goal states: which hosts answer, what they confirmed, and what it means for NICs.
//!
//! One shared object. The compile task and the pushers write to it, handlers and `/metrics` read from it; every read is
//! a short look under a lock. States are judged when something changes, not when somebody asks, so that each knows
//! since when it holds and reading costs one look-up.

mod book;
mod history;
mod host;
mod judge;
mod metrics;
mod rollup;
mod state;

#[cfg(test)]
mod tests;

pub use host::Contact;
pub use metrics::Counters;
pub use rollup::RollUp;
pub use state::{Code, Detail, Source, State, Status};

use crate::compiler::{Compiler, Outcome};
use crate::fabric::Revision;
use book::Book;
use policy::ids::{Generation, HostId, NicId};
use policy::report::{Events, PortStatus};
use rollup::Failing;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;
use time::OffsetDateTime;
use tokio::sync::watch;

/// How far a change got, for `x-nc-enforced`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Enforced {
    /// Every host in the span of the change confirmed it (also when there is no such host).
    All,
    /// Some did.
    Partial,
    /// None did.
    None,
}

impl Enforced {
    /// The word of the header.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Partial => "partial",
            Self::None => "none",
        }
    }
}

/// How far a generation got, and whether waiting can improve it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Progress {
    enforced: Enforced,
    settled: bool,
}

/// See the module.
#[derive(Debug)]
pub struct Enforcement {
    book: RwLock<Book>,
    /// [`Book::trouble`], to be read without the lock.
    stamp: AtomicU64,
    /// Ticks with every step that a waiter may be waiting for.
    ticks: watch::Sender<u64>,
}

impl Enforcement {
    /// Nothing known yet.
    pub fn new() -> Arc<Self> {
        let book = RwLock::new(Book::new(OffsetDateTime::now_utc()));
        Arc::new(Self { book, stamp: AtomicU64::new(0), ticks: watch::Sender::new(0) })
    }

    /// A number that differs from every earlier one as soon as a host has another state, or a NIC fails in another way or
    /// no longer: for caches of what [`Self::host_state`] and [`Self::roll_up`] tell. NICs that are fine leave it alone.
    pub fn stamp(&self) -> u64 {
        self.stamp.load(Ordering::Acquire)
    }

    /// The same for whatever state of one NIC; 0 while it is not bound to a host.
    pub fn nic_stamp(&self, nic: NicId) -> u64 {
        self.read().nics.get(&nic).map_or(0, |nic| nic.stamp)
    }

    /// State of a NIC; `None` while it is not bound to a host.
    pub fn nic_state(&self, nic: NicId) -> Option<Arc<State>> {
        self.read().nics.get(&nic).map(|nic| nic.state.clone())
    }

    /// State of a host; `None` while it is not known.
    pub fn host_state(&self, host: HostId) -> Option<Arc<State>> {
        self.read().hosts.get(&host).filter(|host| host.server.is_some())?.state.clone()
    }

    /// State of something that many NICs use (`accessControlLists`, `virtualNetworks`); `uses` says whether a NIC is
    /// one of them. Costs one call of `uses` per failing NIC, not per NIC.
    pub fn roll_up(&self, uses: impl Fn(NicId) -> bool) -> RollUp {
        let (failing, healthy_since): (Vec<Failing>, _) = {
            let book = self.read();
            (book.failing().collect(), book.healthy_since)
        };
        rollup::roll_up(failing.into_iter().filter(|failing| uses(failing.nic.0)), healthy_since)
    }

    /// Waits until every host that answers and whose goal state `generation` changed has confirmed it, at most for
    /// `timeout`. Hosts that do not answer are not waited for, but count.
    pub async fn wait(&self, generation: Generation, timeout: Duration) -> Enforced {
        let mut ticks = self.ticks.subscribe();
        let settled = async {
            loop {
                let progress = self.read().progress(generation);
                // The sender lives as long as `self`.
                if progress.settled || ticks.changed().await.is_err() {
                    return progress.enforced;
                }
            }
        };
        match tokio::time::timeout(timeout, settled).await {
            Ok(enforced) => enforced,
            Err(_) => self.read().progress(generation).enforced,
        }
    }

    /// Waits until readers see what they should.
    #[cfg(test)]
    pub(crate) async fn until(&self, condition: impl Fn(&Self) -> bool) {
        let mut ticks = self.ticks.subscribe();
        let seen = ticks.wait_for(|_| condition(self));
        tokio::time::timeout(Duration::from_secs(20), seen).await.expect("not in time").unwrap();
    }

    /// Generation that a host enforces, as far as it is known.
    pub fn confirmed(&self, host: HostId) -> Option<Generation> {
        self.read().hosts.get(&host)?.confirmed
    }

    /// What was sent to a host since the controller started.
    pub fn counters(&self, host: HostId) -> Option<Counters> {
        self.read().hosts.get(&host).map(|host| host.counters)
    }

    /// Appends the counters of every host in the Prometheus text format.
    pub fn write_metrics(&self, out: &mut String) {
        let book = self.read();
        let mut hosts: Vec<_> = book.hosts.iter().map(|(id, host)| (*id, host)).collect();
        hosts.sort_unstable_by_key(|(id, _)| *id);
        metrics::write(hosts.into_iter(), OffsetDateTime::now_utc(), out);
    }

    /// Takes in what a compiled revision says of hosts and NICs.
    pub(crate) fn note_compiled(&self, revision: &Revision, outcome: &Outcome, compiler: &Compiler) {
        self.change(|book, now| book.compiled(revision, outcome, compiler, now));
    }

    /// Notes how an attempt to talk to an agent ended.
    pub(crate) fn note_contact(&self, host: HostId, contact: Contact) {
        self.change(|book, now| book.contact(host, contact, now));
    }

    /// An agent enforces `generation`.
    pub(crate) fn note_confirmed(&self, host: HostId, generation: Generation, ports: &[PortStatus]) {
        self.change(|book, now| book.confirmed(host, generation, ports, now));
    }

    /// It is not known what an agent enforces.
    pub(crate) fn note_unconfirmed(&self, host: HostId) {
        self.change(|book, now| book.unconfirmed(host, now));
    }

    /// An agent refused its goal state.
    pub(crate) fn note_refused(&self, host: HostId, why: String) {
        self.change(|book, now| book.refused(host, why, now));
    }

    /// An agent reported ports.
    pub(crate) fn note_ports(&self, host: HostId, events: &Events) {
        self.change(|book, now| book.ports(host, events, now));
    }

    /// Adds to a host's counters.
    pub(crate) fn count(&self, host: HostId, count: impl FnOnce(&mut Counters)) {
        self.book.write().unwrap_or_else(PoisonError::into_inner).count(host, count);
    }

    fn read(&self) -> RwLockReadGuard<'_, Book> {
        // Readers must go on serving should a writer ever panic; the book has no half-done state that could hurt them.
        self.book.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut Book, OffsetDateTime)) {
        let mut book = self.book.write().unwrap_or_else(PoisonError::into_inner);
        change(&mut book, OffsetDateTime::now_utc());
        self.stamp.store(book.trouble, Ordering::Release);
        drop(book);
        self.ticks.send_modify(|ticks| *ticks = ticks.wrapping_add(1));
    }
}
