//! The agent itself: joins what is held, what is programmed, and who is told.
//!
//! Everything changes under one lock, and a change is on disk before it is in force. Callers block; the API runs them on
//! threads of their own.

mod core;
mod ports;
pub mod proxy;
mod updates;

use ports::Arrival;
pub use ports::PortError;
pub use updates::UpdateError;

use crate::agent::proxy::Proxy;
use crate::datapath::{Datapath, Underlay};
use crate::driver::VfpDriver;
use crate::driver::report::{Counters, Flow, Trace, TraceRequest};
use crate::events::EventLog;
use crate::ledger::{Ledger, LedgerError};
use crate::proxy::statistics::Counts;
use core::Core;
use policy::GOAL_STATE_VERSION;
use policy::ids::{HostId, NicId};
use policy::report::{AgentStatus, Events, PortStatus};
use serde::Serialize;
use std::net::IpAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;
use uuid::Uuid;

/// What the settings say about who this host is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Identity {
    /// `servers.instanceId`.
    pub host_id: Option<HostId>,
    /// Provider address that the controller has to take.
    pub provider_address: Option<IpAddr>,
}

/// One host's agent.
pub struct Agent {
    identity: Identity,
    instance: Uuid,
    log: Arc<EventLog>,
    /// Ports on their way in.
    arrivals: Mutex<Vec<Arrival>>,
    core: Mutex<Core>,
}

/// Why an agent cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// See [`LedgerError`].
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// Someone else's state directory, or a wrong setting.
    #[error("the state directory holds the goal state of host {held}, but the settings say that this is host {own}")]
    WrongHost {
        /// Whose goal state is held.
        held: HostId,
        /// Who we are told to be.
        own: HostId,
    },
}

/// Answer to `GET /v1/status`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// What controllers read.
    #[serde(flatten)]
    pub agent: AgentStatus,
    /// Number of attached ports.
    pub ports: usize,
    /// Number of sections in the goal state.
    pub sections: usize,
    underlay: Underlay,
}

/// Figures for `GET /metrics`.
pub struct Metrics {
    /// Generation in force; 0 for none.
    pub generation: u64,
    /// Sections held.
    pub sections: usize,
    /// Bytes of the ledger's files.
    pub ledger_bytes: u64,
    /// Objects that could not be brought to the goal.
    pub failed_objects: usize,
    /// Totals since the start, by name.
    pub totals: Vec<(&'static str, u64)>,
    /// Attached ports with their counters.
    pub ports: Vec<(PortStatus, Counters)>,
    /// Frames that belong to no port.
    pub stray: Counters,
    /// What the VMs of attached ports asked the network proxy for.
    pub proxy: Vec<(NicId, Counts)>,
}

impl Agent {
    /// Opens the ledger in `state_dir` and enforces what it holds. When this returns, policy is in force.
    ///
    /// # Errors
    /// [`StartError`]
    pub(crate) fn start(
        state_dir: &Path,
        identity: Identity,
        driver: Box<dyn VfpDriver>,
        datapath: Box<dyn Datapath>,
        proxy: Proxy,
    ) -> Result<Self, StartError> {
        let remembered = Ledger::open(state_dir)?;
        if let (Some(own), Some(host)) = (identity.host_id, remembered.goal_state.host())
            && own != host.id
        {
            return Err(StartError::WrongHost { held: host.id, own });
        }
        let instance = Uuid::new_v4();
        let log = Arc::new(EventLog::new(instance));
        let mut core = Core::new(remembered, Arc::clone(&log), driver, datapath, identity.provider_address, proxy);
        core.start();
        Ok(Self { identity, instance, log, arrivals: Mutex::default(), core: Mutex::new(core) })
    }

    /// A panic in the middle of a change is a bug; going on with what is there beats going down with it, since the next
    /// full pass repairs what is programmed.
    fn core(&self) -> MutexGuard<'_, Core> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes whenever [`Self::events`] has more to say.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.log.subscribe()
    }

    /// See [`EventLog::since`].
    pub fn events(&self, instance: Option<Uuid>, after: u64) -> Events {
        self.log.since(instance, after)
    }

    /// Status of every attached port.
    pub fn ports(&self) -> Vec<PortStatus> {
        self.log.ports()
    }

    /// What the agent says of itself.
    pub fn status(&self) -> Status {
        let core = self.core();
        Status {
            agent: AgentStatus {
                version: GOAL_STATE_VERSION,
                instance: self.instance,
                host_id: self.identity.host_id.or_else(|| core.state.host().map(|host| host.id)),
                in_force: core.state.in_force(),
                provider_address: self.identity.provider_address,
                driver: core.driver.name().to_owned(),
            },
            ports: core.ports.len(),
            sections: core.state.keys().count(),
            underlay: core.datapath.underlay(),
        }
    }

    /// Rules that an attached port is under; `None` for other ports.
    pub fn rules(&self, port: NicId) -> Option<Vec<String>> {
        let core = self.core();
        core.ports.get(port)?;
        Some(core.driver.rules(port))
    }

    /// Flows of an attached port; `None` for other ports.
    pub fn flows(&self, port: NicId, limit: usize) -> Option<Vec<Flow>> {
        let core = self.core();
        core.ports.get(port)?;
        Some(core.driver.flows(port, limit))
    }

    /// The way of a packet from or to an attached port; `None` for other ports.
    pub fn trace(&self, request: &TraceRequest) -> Option<Trace> {
        let core = self.core();
        core.ports.get(request.port)?;
        Some(core.driver.trace(request))
    }

    /// Figures for monitoring.
    pub fn metrics(&self) -> Metrics {
        let core = self.core();
        let ports = self.log.ports();
        let ports = ports.into_iter().map(|port| (port.profile_id, port));
        Metrics {
            generation: core.state.in_force().map_or(0, |(_, generation)| generation.0),
            sections: core.state.keys().count(),
            ledger_bytes: core.ledger.size(),
            failed_objects: core.failed.len(),
            totals: core.totals.iter().chain(core.datapath.counters()).collect(),
            ports: ports.map(|(id, port)| (port, core.driver.counters(Some(id)))).collect(),
            stray: core.driver.counters(None),
            proxy: core.ports.iter().map(|port| (port.profile_id, core.proxy.counts(port.profile_id))).collect(),
        }
    }

    /// Ends the agent's work, though there may be others who still hold it: the next agent on the same devices and the
    /// same state directory can start.
    pub(crate) fn close(&self) {
        self.core().close();
    }

    /// Upkeep: expires flows, retries the underlay, keeps the ledger short.
    pub(crate) fn tend(&self) {
        self.core().tend();
    }

    /// Reads back all that is programmed and heals what differs from the goal.
    pub(crate) fn reconcile(&self) {
        self.core().reconcile();
    }
}
