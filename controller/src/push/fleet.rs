//! The hosts that are talked to: starts and ends their tasks as servers come, change and go.

use super::agent::Agent;
use super::held::Target;
use super::link::Link;
use super::pusher::Pusher;
use super::watcher::Watcher;
use super::{PortReports, PushSettings};
use crate::enforcement::Enforcement;
use crate::fabric::Endpoint;
use policy::ids::{Epoch, HostId};
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// All hosts.
#[derive(Debug)]
pub(super) struct Fleet<R> {
    pub(super) epoch: Epoch,
    pub(super) settings: PushSettings,
    pub(super) http: reqwest::Client,
    pub(super) enforcement: Arc<Enforcement>,
    pub(super) reports: Arc<R>,
    pub(super) hosts: HashMap<HostId, Host>,
}

/// One known host. It may have no agent to talk to.
#[derive(Debug)]
pub(super) struct Host {
    targets: watch::Sender<Target>,
    conversation: Option<Conversation>,
}

/// Both loops of one host; they end with this value.
#[derive(Debug)]
struct Conversation {
    endpoint: Endpoint,
    task: JoinHandle<()>,
}

impl Drop for Conversation {
    fn drop(&mut self) {
        // At whatever point this ends an exchange: the agent applies an update wholly or not at all, and is asked next time.
        self.task.abort();
    }
}

impl<R: PortReports> Fleet<R> {
    /// The host is known, and its agent listens there. A host that is new starts with `target`.
    pub(super) fn set(&mut self, id: HostId, endpoint: Option<&Endpoint>, target: Target) {
        let known = self.hosts.remove(&id);
        let mut host = known.unwrap_or_else(|| Host { targets: watch::Sender::new(target), conversation: None });
        if host.conversation.as_ref().map(|conversation| &conversation.endpoint) != endpoint {
            host.conversation = endpoint.map(|endpoint| self.start(id, endpoint, host.targets.subscribe()));
        }
        self.hosts.insert(id, host);
    }

    /// The host has a new target.
    pub(super) fn retarget(&self, id: HostId, target: Target) {
        if let Some(host) = self.hosts.get(&id) {
            host.targets.send_replace(target);
        }
    }

    /// The host is no longer known.
    pub(super) fn remove(&mut self, id: HostId) {
        self.hosts.remove(&id);
    }

    fn start(&self, host: HostId, endpoint: &Endpoint, targets: watch::Receiver<Target>) -> Conversation {
        let agent = Agent::new(self.http.clone(), endpoint, &self.settings);
        let link = Arc::new(Link::default());
        let pusher = Pusher {
            host,
            epoch: self.epoch,
            agent: agent.clone(),
            settings: self.settings,
            targets,
            enforcement: self.enforcement.clone(),
            link: link.clone(),
        };
        let watcher = Watcher {
            host,
            agent,
            settings: self.settings,
            enforcement: self.enforcement.clone(),
            reports: self.reports.clone(),
            link,
        };
        let task = tokio::spawn(async move {
            tokio::join!(pusher.run(), watcher.run());
        });
        Conversation { endpoint: endpoint.clone(), task }
    }
}
