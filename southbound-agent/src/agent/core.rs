//! State behind the agent's lock, and how it is enforced.

use crate::agent::proxy::Proxy;
use crate::datapath::{Datapath, NoDatapath, Provider};
use crate::driver::{DriverError, Key, Step, VfpDriver};
use crate::events::EventLog;
use crate::goal_state::GoalState;
use crate::ledger::{Ledger, Remembered};
use crate::lower::goal::Goal;
use crate::lower::index::Index;
use crate::lower::{network, port};
use crate::ports::{Attachment, Attachments, PortChange};
use crate::proxy::directory::Published;
use crate::reconcile::{self, Outcome, outcome::port_result};
use policy::goal_state::{Section, SectionKey};
use policy::ids::{AttachId, NicId};
use policy::report::{PortResult, PortStatus};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

pub(super) struct Core {
    pub(super) ledger: Ledger,
    pub(super) state: GoalState,
    pub(super) index: Index,
    pub(super) ports: Attachments,
    log: Arc<EventLog>,
    pub(super) driver: Box<dyn VfpDriver>,
    pub(super) datapath: Box<dyn Datapath>,
    /// Objects that could not be brought to the goal, and why.
    pub(super) failed: BTreeMap<Key, DriverError>,
    pub(super) totals: Totals,
    provider_address: Option<IpAddr>,
    pub(super) proxy: Proxy,
}

/// Events since the start.
#[derive(Debug, Default)]
pub(super) struct Totals {
    pub(super) updates_applied: u64,
    pub(super) updates_refused: u64,
    pub(super) updates_invalid: u64,
    pub(super) storage_failures: u64,
    pub(super) steps_applied: u64,
    pub(super) steps_failed: u64,
    pub(super) drift_healed: u64,
}

impl Totals {
    pub(super) fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let Self {
            updates_applied,
            updates_refused,
            updates_invalid,
            storage_failures,
            steps_applied,
            steps_failed,
            drift_healed,
        } = self;
        [
            ("updates_applied", *updates_applied),
            ("updates_refused", *updates_refused),
            ("updates_invalid", *updates_invalid),
            ("storage_failures", *storage_failures),
            ("steps_applied", *steps_applied),
            ("steps_failed", *steps_failed),
            ("drift_healed", *drift_healed),
        ]
        .into_iter()
    }
}

impl Core {
    pub(super) fn new(
        remembered: Remembered,
        log: Arc<EventLog>,
        driver: Box<dyn VfpDriver>,
        datapath: Box<dyn Datapath>,
        provider_address: Option<IpAddr>,
        proxy: Proxy,
    ) -> Self {
        let Remembered { ledger, goal_state: state, ports } = remembered;
        Self {
            index: Index::of(&state),
            ledger,
            state,
            ports,
            log,
            driver,
            datapath,
            failed: BTreeMap::new(),
            totals: Totals::default(),
            provider_address,
            proxy,
        }
    }

    /// Puts the remembered state in force, and only then lets frames in.
    pub(super) fn start(&mut self) {
        self.reconcile();
        self.datapath.set_provider(self.provider());
        let remembered: Vec<Attachment> = self.ports.iter().cloned().collect();
        for Attachment { profile_id, attach_id, device, .. } in remembered {
            if let Err(error) = self.datapath.attach(profile_id, &device) {
                tracing::warn!(port = %profile_id, device, %error, "the device of a port is gone; the port is detached");
                self.lose(profile_id, attach_id);
            }
        }
    }

    fn goal(&self) -> Goal<'_> {
        let Self { state, index, ports, provider_address, proxy, .. } = self;
        Goal { state, index, ports, provider_address: *provider_address, proxy: proxy.site() }
    }

    /// Address on the underlay. The host's own setting goes first; the prefix is only known from the goal state.
    pub(super) fn provider(&self) -> Option<Provider> {
        let assigned = self.state.host().and_then(|host| host.provider_address);
        let address = self.provider_address.or(assigned.map(|assigned| assigned.address))?;
        let assigned = assigned.filter(|assigned| assigned.address == address);
        Some(Provider { address, prefix_len: assigned.map(|assigned| assigned.subnet.prefix_len()) })
    }

    /// Programs the objects named by `keys`. Returns the ports whose status changed.
    pub(super) fn enforce(&mut self, keys: BTreeSet<Key>) -> Vec<PortStatus> {
        let Self { state, index, ports, provider_address, proxy, driver, .. } = self;
        let goal = Goal { state, index, ports, provider_address: *provider_address, proxy: proxy.site() };
        // Until it is known what came of the change, no guest is told anything.
        let directory = self.proxy.directory();
        let mut published = directory.write();
        let outcome = reconcile::apply(&mut **driver, goal, keys.iter().copied());
        for id in keys.iter().filter_map(network::of_key) {
            match index.network(id) {
                Some(network) => published.put_network(network.clone()),
                None => published.remove_network(id),
            }
        }
        let failed_before = !self.failed.is_empty();
        self.failed.retain(|key, _| !keys.contains(key));
        self.take(outcome);
        // A failed object may concern any port; otherwise only the ports named can have another result.
        if failed_before || !self.failed.is_empty() {
            return self.assess_all(&mut published);
        }
        let named = keys.iter().filter_map(|key| match key {
            Key::Port(id) => self.ports.get(port::nic(*id)).cloned(),
            _ => None,
        });
        let named: Vec<Attachment> = named.collect();
        self.assess(&named, &mut published)
    }

    /// A pass over everything.
    pub(super) fn reconcile(&mut self) {
        let Self { state, index, ports, provider_address, proxy, driver, .. } = self;
        let goal = Goal { state, index, ports, provider_address: *provider_address, proxy: proxy.site() };
        let directory = self.proxy.directory();
        let mut published = directory.write();
        match reconcile::reconcile(&mut **driver, goal) {
            Ok(outcome) => {
                self.totals.drift_healed += outcome.applied as u64;
                self.failed.clear();
                published.set_networks(index.networks().cloned());
                self.take(outcome);
                self.assess_all(&mut published);
            }
            Err(error) => tracing::error!(%error, "cannot read what is programmed"),
        }
    }

    fn take(&mut self, outcome: Outcome) {
        self.totals.steps_applied += outcome.applied as u64;
        self.totals.steps_failed += outcome.failed.len() as u64;
        for (key, error) in &outcome.failed {
            tracing::error!(?key, %error, "cannot be programmed");
        }
        self.failed.extend(outcome.failed);
    }

    fn assess_all(&mut self, published: &mut Published) -> Vec<PortStatus> {
        let all: Vec<Attachment> = self.ports.iter().cloned().collect();
        self.assess(&all, published)
    }

    /// Works out the result of these ports, publishes and reports what is new. A port whose policy is only partly in
    /// force drops everything.
    fn assess(&mut self, ports: &[Attachment], published: &mut Published) -> Vec<PortStatus> {
        let mut changed = Vec::new();
        let goal = self.goal();
        let assessed = ports.iter().map(|port| status(port, port_result(goal, port, &self.failed)));
        let assessed: Vec<PortStatus> = assessed.collect();
        let partly = |status: &&PortStatus| matches!(status.result, PortResult::PolicyConfigurationFailureOnVfp { .. });
        let block: Vec<Step> =
            assessed.iter().filter(partly).map(|status| Step::BlockPort(port::id(status.profile_id))).collect();
        if !block.is_empty() {
            self.driver.apply(block);
        }
        for status in assessed {
            self.publish(&status, published);
            if self.log.report(status.clone()) {
                tracing::info!(port = %status.profile_id, device = status.device, result = ?status.result, "port");
                changed.push(status);
            }
        }
        changed
    }

    /// The port as it was reported last.
    pub(super) fn status_of(&self, profile: NicId) -> Option<PortStatus> {
        self.log.port(profile)
    }

    /// Tells the port's guest what is in force for it.
    fn publish(&self, status: &PortStatus, published: &mut Published) {
        let key = SectionKey::Port(status.profile_id);
        let vm = self.ports.get(status.profile_id).and_then(|port| port.vm);
        match (&status.result, self.state.hash(key)) {
            (PortResult::Success, Some(hash)) if published.holds(status.profile_id, hash, vm) => {}
            (PortResult::Success, Some(hash)) => {
                self.proxy.statistics().begin(status.profile_id);
                if let Some(Section::Port(port)) = self.state.section(key).as_deref() {
                    published.put(hash, port.clone(), vm);
                }
            }
            _ => published.remove(status.profile_id),
        }
    }

    /// Ends an attachment.
    pub(super) fn detach(&mut self, profile: NicId, attach_id: AttachId) {
        self.datapath.detach(profile);
        self.proxy.forget(profile);
        self.ports.apply(PortChange::Detach(attach_id));
        self.enforce(BTreeSet::from([Key::Port(port::id(profile))]));
        self.log.detached(profile);
    }

    /// Ends an attachment whose device is gone. It is over even if that cannot be written down.
    pub(super) fn lose(&mut self, profile: NicId, attach_id: AttachId) {
        if let Err(error) = self.ledger.record_port(&PortChange::Detach(attach_id), &self.ports) {
            self.totals.storage_failures += 1;
            tracing::error!(port = %profile, %error, "the detachment is not on disk");
        }
        self.detach(profile, attach_id);
    }

    /// Moves no frames and writes nothing any more.
    pub(super) fn close(&mut self) {
        self.datapath = Box::new(NoDatapath);
        self.ledger.close();
    }

    pub(super) fn tend(&mut self) {
        self.driver.tend();
        self.datapath.tend();
        if let Err(error) = self.ledger.tend(&self.state, &self.ports) {
            self.totals.storage_failures += 1;
            tracing::error!(%error, "cannot rewrite the ledger");
        }
    }
}

fn status(port: &Attachment, result: PortResult) -> PortStatus {
    let Attachment { profile_id, attach_id, device, mac, vm: _ } = port.clone();
    PortStatus { profile_id, attach_id, device, mac, result }
}
