//! From the store's revisions to goal states in force.
//!
//! One task compiles revisions (`dissemination`). Every host has a task of its own with two loops: one brings the
//! host's goal state to its agent (`pusher`), one listens to what the agent reports (`watcher`). They share nothing
//! with other hosts, so a dead host costs its retry timer and delays nobody. A pusher looks at the newest manifest only:
//! while a goal state is on its way, later ones merge.

mod agent;
mod backoff;
mod dissemination;
mod failure;
mod fleet;
mod held;
mod link;
mod pusher;
mod watcher;

#[cfg(test)]
mod tests;

pub use dissemination::Dissemination;

use policy::ids::HostId;
use policy::report::Events;
use std::net::IpAddr;
use std::time::Duration;

/// Who records what ports the agents report: the store's writer.
pub trait PortReports: Send + Sync + 'static {
    /// Records bindings. `provider_address` is the one fixed by the host's settings, if any.
    ///
    /// # Errors
    /// The report could not be kept; it is repeated later, as a snapshot.
    fn report(
        &self,
        host: HostId,
        events: Events,
        provider_address: Option<IpAddr>,
    ) -> impl Future<Output = Result<(), NotRecorded>> + Send;
}

/// Why a port report could not be kept, for the log.
#[derive(Debug, thiserror::Error)]
#[error("port report not recorded: {0}")]
pub struct NotRecorded(pub String);

/// Times of the conversation with an agent.
#[derive(Clone, Copy, Debug)]
pub struct PushSettings {
    /// Longest wait for a connection.
    pub connect_timeout: Duration,
    /// Longest wait for an answer; a poll may take [`Self::poll_wait`] longer.
    pub answer_timeout: Duration,
    /// How long the agent may keep a poll for events open.
    pub poll_wait: Duration,
    /// Pause after the first failure; each further one doubles it.
    pub first_retry: Duration,
    /// Longest pause between two attempts.
    pub longest_retry: Duration,
    /// How often an idle agent is asked whether it still enforces what it confirmed.
    pub audit_interval: Duration,
}

impl Default for PushSettings {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(2),
            answer_timeout: Duration::from_secs(10),
            poll_wait: Duration::from_secs(15),
            first_retry: Duration::from_millis(100),
            longest_retry: Duration::from_secs(10),
            audit_interval: Duration::from_secs(60),
        }
    }
}
