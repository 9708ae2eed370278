//! What is known of one host: whether it answers, what it confirmed, and what it said of its ports.

use super::metrics::Counters;
use super::state::State;
use crate::fabric::Server;
use policy::ids::{AttachId, Generation, NicId};
use policy::report::{PortResult, PortStatus};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use time::OffsetDateTime;

/// How the last attempt to talk to the agent ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Contact {
    /// There was none.
    #[default]
    Untried,
    /// The agent answered.
    Reached,
    /// Nobody answered, or what answered is no agent. Says why.
    Unreachable(String),
    /// The agent of another host answered. Says which.
    Stranger(String),
}

/// One host.
#[derive(Debug, Default)]
pub(super) struct Host {
    /// The northbound object; absent when ports are bound to a host that has none.
    pub(super) server: Option<Arc<Server>>,
    pub(super) contact: Contact,
    /// Why the agent refused the last goal state, if it did.
    pub(super) refusal: Option<String>,
    /// Last generation that changed the host's manifest.
    pub(super) target: Generation,
    /// Generation that the agent enforces; absent before it said so.
    pub(super) confirmed: Option<Generation>,
    /// Since when the agent is behind; absent while it is not.
    pub(super) behind_since: Option<OffsetDateTime>,
    /// NICs that are bound here.
    pub(super) nics: BTreeSet<NicId>,
    /// Those of them whose policy the agent has not confirmed, by the generation it must confirm.
    pub(super) unconfirmed: BTreeSet<(Generation, NicId)>,
    /// Ports that the agent reported.
    pub(super) ports: Ports,
    /// As last judged.
    pub(super) state: Option<Arc<State>>,
    pub(super) counters: Counters,
}

impl Host {
    /// Whether there is nothing left to remember.
    pub(super) fn is_forgotten(&self) -> bool {
        self.server.is_none() && self.nics.is_empty()
    }

    /// Whether it makes sense to wait for the host.
    pub(super) fn may_confirm(&self) -> bool {
        let dialled = self.server.as_ref().is_some_and(|server| server.agent.is_some());
        dialled && self.refusal.is_none() && matches!(self.contact, Contact::Untried | Contact::Reached)
    }

    /// Whether the agent enforces `generation` or something later.
    pub(super) fn enforces(&self, generation: Generation) -> bool {
        self.confirmed.is_some_and(|confirmed| confirmed >= generation)
    }

    /// Whether the overlay cannot work for want of an outer address.
    pub(super) fn lacks_provider_address(&self) -> bool {
        self.server.as_ref().is_some_and(|server| server.provider_address.is_none())
    }
}

/// Attached ports of a host with what their policy came to.
#[derive(Debug, Default)]
pub(super) struct Ports {
    results: HashMap<NicId, (AttachId, PortResult)>,
    nics: HashMap<AttachId, NicId>,
}

impl Ports {
    /// The NIC's port, if attached. Of two ports with one profile the one reported last counts.
    pub(super) fn result(&self, nic: NicId) -> Option<&PortResult> {
        self.results.get(&nic).map(|(_, result)| result)
    }

    /// Notes what the agent said of a port. Returns its NIC.
    pub(super) fn set(&mut self, port: &PortStatus) -> NicId {
        self.nics.insert(port.attach_id, port.profile_id);
        self.results.insert(port.profile_id, (port.attach_id, port.result.clone()));
        port.profile_id
    }

    /// Forgets a port. Returns its NIC.
    pub(super) fn remove(&mut self, attachment: AttachId) -> Option<NicId> {
        let nic = self.nics.remove(&attachment)?;
        if self.results.get(&nic).is_some_and(|(current, _)| *current == attachment) {
            self.results.remove(&nic);
        }
        Some(nic)
    }

    /// Attachments that are known.
    pub(super) fn attachments(&self) -> Vec<AttachId> {
        self.nics.keys().copied().collect()
    }
}
