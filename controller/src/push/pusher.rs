//! Brings one host's goal state to its agent.

use super::PushSettings;
use super::agent::{Agent, AgentError, Answer};
use super::backoff::Backoff;
use super::failure::Failure;
use super::held::{Held, Target, supply};
use super::link::Link;
use crate::enforcement::Enforcement;
use policy::goal_state::{Applied, Refusal, Update};
use policy::ids::{Epoch, HostId};
use std::sync::Arc;
use tokio::sync::watch;
use tokio::time::sleep;

/// The push loop of one host.
#[derive(Debug)]
pub(super) struct Pusher {
    pub(super) host: HostId,
    pub(super) epoch: Epoch,
    pub(super) agent: Agent,
    pub(super) settings: PushSettings,
    pub(super) targets: watch::Receiver<Target>,
    pub(super) enforcement: Arc<Enforcement>,
    pub(super) link: Arc<Link>,
}

/// What ended an idle time.
enum Wake {
    /// There is a new target.
    Target,
    /// It is time to ask the agent what it enforces.
    Ask,
    /// The host is gone.
    Over,
}

impl Pusher {
    /// Pushes the newest target, over and over, until the controller forgets the host.
    pub(super) async fn run(mut self) {
        let mut held = Held::Unclear(Vec::new());
        let mut backoff = Backoff::new(&self.settings);
        loop {
            let target = self.targets.borrow_and_update().clone();
            match self.bring(&target, &mut held).await {
                Ok(()) => {
                    if backoff.is_failing() {
                        tracing::info!(host = %self.host, "agent takes its goal state again");
                        self.link.listen.notify_one();
                    }
                    backoff.reset();
                    match self.idle().await {
                        Wake::Target => {}
                        Wake::Ask => held.doubt(None),
                        Wake::Over => return,
                    }
                }
                Err(failure) => {
                    if !backoff.is_failing() {
                        tracing::warn!(host = %self.host, generation = %target.generation, "push failed: {failure}");
                    }
                    self.enforcement.count(self.host, |counters| counters.failures += 1);
                    failure.note(self.host, &self.enforcement);
                    // A new target does not cut the pause short: it would hammer at a host that is dead.
                    tokio::select! {
                        () = sleep(backoff.pause(fastrand::f64())) => {}
                        () = self.link.ask.notified() => {}
                    }
                }
            }
        }
    }

    async fn idle(&mut self) -> Wake {
        let audit = self.settings.audit_interval.mul_f64(0.75 + fastrand::f64() / 2.0);
        tokio::select! {
            changed = self.targets.changed() => changed.map_or(Wake::Over, |()| Wake::Target),
            () = self.link.ask.notified() => Wake::Ask,
            () = sleep(audit) => Wake::Ask,
        }
    }

    /// Makes the agent enforce `target`, whatever it holds.
    async fn bring(&self, target: &Target, held: &mut Held) -> Result<(), Failure> {
        if let Held::Unclear(candidates) = held {
            let status = self.agent.status().await?;
            Failure::check(self.host, &status)?;
            *held = Held::resolve(self.epoch, status.in_force, std::mem::take(candidates));
            match held {
                Held::Exactly(found) => self.enforcement.note_confirmed(self.host, found.generation, &[]),
                _ => self.enforcement.note_unconfirmed(self.host),
            }
        }
        if matches!(held, Held::Exactly(found) if found.generation == target.generation) {
            return Ok(());
        }
        let outcome = self.push(target, held).await;
        match &outcome {
            Ok(applied) => {
                *held = Held::Exactly(target.clone());
                self.enforcement.note_confirmed(self.host, applied.generation, &applied.ports);
                self.enforcement.count(self.host, |counters| counters.applied += 1);
            }
            // The agent may have got it all the same.
            Err(_) => held.doubt(Some(target)),
        }
        outcome.map(drop)
    }

    /// Sends `target` as a change of what the agent holds, or whole, and with it whatever the agent lacks.
    async fn push(&self, target: &Target, held: &Held) -> Result<Applied, Failure> {
        let mut update = held.update(self.epoch, target);
        loop {
            match self.send(&update).await? {
                Answer::Applied(applied) if (applied.epoch, applied.generation) == (self.epoch, target.generation) => {
                    return Ok(applied);
                }
                Answer::Applied(Applied { generation, .. }) => {
                    let sent = target.generation;
                    return Err(Failure::Protocol(format!("the agent confirmed {generation} when it was sent {sent}")));
                }
                Answer::Refusal(Refusal::Behind { in_force }) if update.base.is_some() => {
                    self.enforcement.note_unconfirmed(self.host);
                    update = Held::resolve(self.epoch, in_force, Vec::new()).update(self.epoch, target);
                }
                Answer::Refusal(Refusal::Missing { bodies }) if supply(&mut update, target, &bodies) => {}
                Answer::Refusal(Refusal::Stale { in_force }) => {
                    return Err(Failure::Protocol(format!(
                        "the agent enforces generation {in_force}, which this controller has not reached: \
                         is another controller at work, or an old copy of the database?"
                    )));
                }
                Answer::Refusal(refusal) => {
                    return Err(Failure::Protocol(format!(
                        "the agent does not know what it was just sent: {refusal:?}"
                    )));
                }
            }
        }
    }

    async fn send(&self, update: &Update) -> Result<Answer, Failure> {
        let text = serde_json::to_vec(update).map_err(|error| Failure::Protocol(error.to_string()))?;
        self.enforcement.count(self.host, |counters| counters.bytes += text.len() as u64);
        self.agent.apply(text).await.map_err(|error: AgentError| error.into())
    }
}
