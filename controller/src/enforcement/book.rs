//! What is known of all hosts and bound NICs. Time comes in as an argument.

use super::history::{Concerned, History};
use super::host::{Contact, Host};
use super::judge::{self, Verdict};
use super::metrics::Counters;
use super::rollup::Failing;
use super::state::{State, Status};
use super::{Enforced, Progress};
use crate::compiler::{Compiler, Outcome};
use crate::fabric::{Change, Revision, Server};
use policy::ids::{AttachId, Generation, HostId, NicId};
use policy::report::{Events, PortStatus};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use time::OffsetDateTime;
use uuid::Uuid;

/// A NIC that is bound to a host.
#[derive(Debug)]
pub(super) struct Nic {
    pub(super) host: HostId,
    pub(super) state: Arc<State>,
    /// Differs from one state to the next; never 0.
    pub(super) stamp: u64,
    /// Last generation that changed the NIC and its host's manifest.
    generation: Generation,
    /// Whether it has an address on a virtual network.
    networked: bool,
}

/// The book. Every method leaves the states true of what is known.
#[derive(Debug)]
pub(super) struct Book {
    pub(super) hosts: HashMap<HostId, Host>,
    pub(super) nics: HashMap<NicId, Nic>,
    /// Counts changes of NIC states.
    stamp: u64,
    /// Counts changes of the states of hosts and of failing NICs.
    pub(super) trouble: u64,
    /// Since when no NIC fails, or when the last one recovered.
    pub(super) healthy_since: OffsetDateTime,
    failing: BTreeSet<NicId>,
    history: History,
}

impl Book {
    pub(super) fn new(now: OffsetDateTime) -> Self {
        Self {
            hosts: HashMap::new(),
            nics: HashMap::new(),
            stamp: 0,
            trouble: 0,
            healthy_since: now,
            failing: BTreeSet::new(),
            history: History::default(),
        }
    }

    /// Takes in what a compiled revision says of hosts and NICs.
    pub(super) fn compiled(
        &mut self,
        revision: &Revision,
        outcome: &Outcome,
        compiler: &Compiler,
        now: OffsetDateTime,
    ) {
        let generation = outcome.generation;
        self.history.push(generation, &outcome.affected);
        for change in &revision.changes {
            match change {
                Change::Server(id, server) => self.set_server(*id, server.clone(), now),
                Change::Nic(id, _) | Change::Binding(id, _) => {
                    let placed = compiler.placed(*id);
                    let affected = placed.is_some_and(|(_, host)| outcome.affected.contains(&host));
                    let placed = placed.map(|(nic, host)| (host, nic.network().is_some()));
                    self.place(*id, placed, affected.then_some(generation), now);
                }
                Change::Settings(_) | Change::Network(..) | Change::Acl(..) => {}
            }
        }
        for host in &outcome.affected {
            let host = self.hosts.entry(*host).or_default();
            host.target = generation;
            host.behind_since.get_or_insert(now);
        }
    }

    fn set_server(&mut self, id: HostId, server: Option<Arc<Server>>, now: OffsetDateTime) {
        let host = self.hosts.entry(id).or_default();
        let agent = |server: &Option<Arc<Server>>| server.as_ref().and_then(|server| server.agent.clone());
        if agent(&host.server) != agent(&server) {
            host.contact = Contact::Untried;
            host.refusal = None;
        }
        if server.is_none() {
            // What the host holds is no longer of interest; should it come back, it is asked anew.
            *host = Host { nics: std::mem::take(&mut host.nics), ..Host::default() };
        }
        host.server = server;
        self.require_all(id);
        self.judge_host(id, now);
        self.forget(id);
    }

    /// Puts a NIC on a host, or on none; `generation` is given when the host has to confirm something for it.
    fn place(
        &mut self,
        id: NicId,
        placed: Option<(HostId, bool)>,
        generation: Option<Generation>,
        now: OffsetDateTime,
    ) {
        let before = self.nics.get(&id).map(|nic| (nic.host, nic.generation));
        if let Some((host, required)) = before
            && placed.is_none_or(|(now, _)| now != host)
            && let Some(record) = self.hosts.get_mut(&host)
        {
            record.nics.remove(&id);
            record.unconfirmed.remove(&(required, id));
            self.forget(host);
        }
        let Some((host, networked)) = placed else {
            self.nics.remove(&id);
            self.recovered(id, now);
            return;
        };
        let stayed = before.filter(|(before, _)| *before == host).map(|(_, required)| required);
        let required = generation.or(stayed).unwrap_or_default();
        let record = self.hosts.entry(host).or_default();
        record.nics.insert(id);
        if let Some(stale) = stayed {
            record.unconfirmed.remove(&(stale, id));
        }
        if !record.enforces(required) {
            record.unconfirmed.insert((required, id));
        }
        let nic = self.nics.entry(id).or_insert_with(|| {
            let unjudged = State { status: Status::Uninitialized, details: Vec::new(), changed_at: now };
            Nic { host, state: Arc::new(unjudged), stamp: 0, generation: required, networked }
        });
        (nic.host, nic.generation, nic.networked) = (host, required, networked);
        self.judge_nic(id, now);
    }

    /// Notes how an attempt to talk to the agent ended.
    pub(super) fn contact(&mut self, id: HostId, contact: Contact, now: OffsetDateTime) {
        let Some(host) = self.hosts.get_mut(&id) else { return };
        if host.contact != contact {
            host.contact = contact;
            self.judge_host(id, now);
        }
    }

    /// The agent enforces `generation`.
    pub(super) fn confirmed(&mut self, id: HostId, generation: Generation, ports: &[PortStatus], now: OffsetDateTime) {
        let Some(host) = self.hosts.get_mut(&id) else { return };
        // An agent whose disk was put back may enforce less than it did.
        let fell_back = host.confirmed.is_some_and(|before| generation < before);
        let recovered = host.contact != Contact::Reached || host.refusal.is_some();
        host.confirmed = Some(generation);
        host.contact = Contact::Reached;
        host.refusal = None;
        host.behind_since = host.behind_since.or(fell_back.then_some(now)).filter(|_| generation < host.target);
        let mut judged: BTreeSet<NicId> = ports.iter().map(|port| host.ports.set(port)).collect();
        let later = host.unconfirmed.split_off(&(Generation(generation.0 + 1), NicId(Uuid::nil())));
        judged.extend(std::mem::replace(&mut host.unconfirmed, later).into_iter().map(|(_, nic)| nic));
        if fell_back {
            self.require_all(id);
        }
        if fell_back || recovered {
            self.judge_host(id, now);
        } else {
            self.judge_host_alone(id, now);
            judged.into_iter().for_each(|nic| self.judge_nic(nic, now));
        }
    }

    /// It is no longer known what the agent enforces.
    pub(super) fn unconfirmed(&mut self, id: HostId, now: OffsetDateTime) {
        let Some(host) = self.hosts.get_mut(&id) else { return };
        if host.confirmed.take().is_some() {
            host.behind_since.get_or_insert(now);
            self.require_all(id);
            self.judge_host(id, now);
        }
    }

    /// The agent refused its goal state.
    pub(super) fn refused(&mut self, id: HostId, why: String, now: OffsetDateTime) {
        let Some(host) = self.hosts.get_mut(&id) else { return };
        host.contact = Contact::Reached;
        host.refusal = Some(why);
        self.judge_host(id, now);
    }

    /// The agent reported ports.
    pub(super) fn ports(&mut self, id: HostId, events: &Events, now: OffsetDateTime) {
        let Some(host) = self.hosts.get_mut(&id) else { return };
        let reported: BTreeSet<AttachId> = events.ports.iter().map(|port| port.attach_id).collect();
        let vanished =
            host.ports.attachments().into_iter().filter(|known| events.snapshot && !reported.contains(known));
        let gone: Vec<AttachId> = events.detached.iter().copied().chain(vanished).collect();
        let mut judged: BTreeSet<NicId> = gone.into_iter().filter_map(|port| host.ports.remove(port)).collect();
        judged.extend(events.ports.iter().map(|port| host.ports.set(port)));
        judged.into_iter().for_each(|nic| self.judge_nic(nic, now));
    }

    /// Adds to a host's counters.
    pub(super) fn count(&mut self, id: HostId, count: impl FnOnce(&mut Counters)) {
        if let Some(host) = self.hosts.get_mut(&id) {
            count(&mut host.counters);
        }
    }

    /// How far `generation` got.
    pub(super) fn progress(&self, generation: Generation) -> Progress {
        let is_behind = |host: &&Host| host.confirmed.is_none_or(|confirmed| confirmed < host.target);
        let concerned: Vec<&Host> = match self.history.concerned(generation) {
            Concerned::NotYetKnown => return Progress { enforced: Enforced::None, settled: false },
            // Who is not behind enforces everything; of the others any may be concerned.
            Concerned::NoLongerKnown => self.hosts.values().filter(is_behind).collect(),
            Concerned::Hosts(hosts) => hosts.iter().filter_map(|host| self.hosts.get(host)).collect(),
        };
        let concerned: Vec<&Host> = concerned.into_iter().filter(|host| host.server.is_some()).collect();
        let enforcing = concerned.iter().filter(|host| host.enforces(generation)).count();
        let enforced = match enforcing {
            all if all == concerned.len() => Enforced::All,
            0 => Enforced::None,
            _ => Enforced::Partial,
        };
        Progress { enforced, settled: concerned.iter().all(|host| host.enforces(generation) || !host.may_confirm()) }
    }

    /// NICs that fail.
    pub(super) fn failing(&self) -> impl Iterator<Item = Failing> {
        self.failing.iter().filter_map(|id| {
            let nic = self.nics.get(id)?;
            let host = self.hosts.get(&nic.host).and_then(|host| host.state.clone());
            Some(Failing { nic: (*id, nic.state.clone()), host: (nic.host, host) })
        })
    }

    /// Lets every NIC of a host wait for confirmation again, as far as the host does not enforce it.
    fn require_all(&mut self, id: HostId) {
        let Some(host) = self.hosts.get_mut(&id) else { return };
        let required = host.nics.iter().filter_map(|nic| Some((self.nics.get(nic)?.generation, *nic)));
        host.unconfirmed = required.filter(|(generation, _)| !host.enforces(*generation)).collect();
    }

    fn recovered(&mut self, id: NicId, now: OffsetDateTime) {
        if !self.failing.remove(&id) {
            return;
        }
        self.trouble += 1;
        if self.failing.is_empty() {
            self.healthy_since = now;
        }
    }

    fn forget(&mut self, id: HostId) {
        if self.hosts.get(&id).is_some_and(Host::is_forgotten) {
            self.hosts.remove(&id);
            self.trouble += 1;
        }
    }

    /// Judges a host and every NIC on it.
    fn judge_host(&mut self, id: HostId, now: OffsetDateTime) {
        self.judge_host_alone(id, now);
        let nics: Vec<NicId> = self.hosts.get(&id).into_iter().flat_map(|host| &host.nics).copied().collect();
        nics.into_iter().for_each(|nic| self.judge_nic(nic, now));
    }

    fn judge_host_alone(&mut self, id: HostId, now: OffsetDateTime) {
        let Some(host) = self.hosts.get_mut(&id) else { return };
        let verdict = judge::host(host);
        if host.state.as_deref().is_none_or(|state| differs(state, &verdict)) {
            host.state = Some(Arc::new(state(verdict, now)));
            self.trouble += 1;
        }
    }

    fn judge_nic(&mut self, id: NicId, now: OffsetDateTime) {
        let Some(nic) = self.nics.get_mut(&id) else { return };
        let Some(host) = self.hosts.get(&nic.host) else { return };
        let verdict = judge::nic(host, nic.generation, nic.networked, host.ports.result(id));
        if nic.stamp != 0 && !differs(&nic.state, &verdict) {
            return;
        }
        nic.state = Arc::new(state(verdict, now));
        self.stamp += 1;
        nic.stamp = self.stamp;
        if nic.state.status == Status::Failure {
            self.failing.insert(id);
            self.trouble += 1;
        } else {
            self.recovered(id, now);
        }
    }
}

/// Whether the verdict is another than that of the state.
fn differs(state: &State, (status, details): &Verdict) -> bool {
    state.status != *status || state.details != *details
}

fn state((status, details): Verdict, changed_at: OffsetDateTime) -> State {
    State { status, details, changed_at }
}

#[cfg(test)]
mod tests;
