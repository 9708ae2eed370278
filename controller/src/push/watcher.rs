//! Listens to one host's agent: ports that come and go, and what their policy came to.

use super::agent::Agent;
use super::backoff::Backoff;
use super::failure::Failure;
use super::link::Link;
use super::{NotRecorded, PortReports, PushSettings};
use crate::enforcement::{Contact, Enforcement};
use policy::ids::HostId;
use std::net::IpAddr;
use std::sync::Arc;
use tokio::time::sleep;
use uuid::Uuid;

/// The listening loop of one host.
#[derive(Debug)]
pub(super) struct Watcher<R> {
    pub(super) host: HostId,
    pub(super) agent: Agent,
    pub(super) settings: PushSettings,
    pub(super) enforcement: Arc<Enforcement>,
    pub(super) reports: Arc<R>,
    pub(super) link: Arc<Link>,
}

/// One run of the agent, as far as it was listened to.
#[derive(Clone, Copy, Debug)]
struct Session {
    instance: Uuid,
    provider_address: Option<IpAddr>,
    /// Sequence of the last events that were recorded; none before the first snapshot.
    after: Option<u64>,
}

#[derive(Debug, thiserror::Error)]
enum WatchError {
    #[error(transparent)]
    Agent(#[from] Failure),
    #[error(transparent)]
    Record(#[from] NotRecorded),
}

impl<R: PortReports> Watcher<R> {
    /// Listens until the task is ended.
    pub(super) async fn run(self) {
        let mut session = None;
        let mut backoff = Backoff::new(&self.settings);
        loop {
            match self.listen(&mut session).await {
                Ok(()) => {
                    if backoff.is_failing() {
                        tracing::info!(host = %self.host, "agent reports again");
                        self.link.ask.notify_one();
                    }
                    backoff.reset();
                }
                Err(error) => {
                    if !backoff.is_failing() {
                        tracing::warn!(host = %self.host, "listening failed: {error}");
                    }
                    if let WatchError::Agent(failure) = &error {
                        failure.note(self.host, &self.enforcement);
                    }
                    // What was missed is in the next snapshot.
                    session = None;
                    tokio::select! {
                        () = sleep(backoff.pause(fastrand::f64())) => {}
                        () = self.link.listen.notified() => {}
                    }
                }
            }
        }
    }

    /// One poll, after making sure who it is that answers.
    async fn listen(&self, session: &mut Option<Session>) -> Result<(), WatchError> {
        let Session { instance, provider_address, after } = match *session {
            Some(session) => session,
            None => self.open().await?,
        };
        let cursor = after.map(|after| (instance, after));
        let events = self.agent.events(cursor, self.settings.poll_wait).await.map_err(Failure::from)?;
        if events.instance != instance {
            // A new run of the agent may know less than the last one.
            *session = None;
            self.link.ask.notify_one();
            return Ok(());
        }
        self.enforcement.note_contact(self.host, Contact::Reached);
        let sequence = events.sequence;
        if events.snapshot || !events.ports.is_empty() || !events.detached.is_empty() {
            self.enforcement.note_ports(self.host, &events);
        }
        // Also without news: a host that found no provider address may find one by now.
        self.reports.report(self.host, events, provider_address).await?;
        *session = Some(Session { instance, provider_address, after: Some(sequence) });
        Ok(())
    }

    async fn open(&self) -> Result<Session, WatchError> {
        let status = self.agent.status().await.map_err(Failure::from)?;
        Failure::check(self.host, &status)?;
        Ok(Session { instance: status.instance, provider_address: status.provider_address, after: None })
    }
}
