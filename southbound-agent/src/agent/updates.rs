//! `PUT /v1/goal-state`.

use crate::agent::Agent;
use crate::driver::Key;
use crate::goal_state::{Invalid, Rejection};
use crate::lower::index::Pending;
use policy::GOAL_STATE_VERSION;
use policy::goal_state::{Applied, Refusal, Update};
use serde::Deserialize;
use std::io;

/// Why an update is not in force; what was in force before still is.
#[derive(Debug, thiserror::Error)]
pub enum UpdateError {
    /// It is no update.
    #[error("the body is no update: {0}")]
    Malformed(String),
    /// It is wrong in itself.
    #[error(transparent)]
    Invalid(Invalid),
    /// It does not fit what is in force; the answer says what would.
    #[error("the update does not fit what is in force")]
    Refused(Refusal),
    /// It cannot be made durable.
    #[error("cannot write the update to the state directory")]
    Storage(#[source] io::Error),
}

impl Agent {
    /// Takes an update: judges it, makes it durable, puts it in force.
    ///
    /// # Errors
    /// [`UpdateError`]
    pub fn put_goal_state(&self, body: &[u8]) -> Result<Applied, UpdateError> {
        let update = parse(body);
        let mut core = self.core();
        let result = update.and_then(|update| core.put(body, &update, self.identity.host_id));
        match &result {
            Ok(applied) => {
                core.totals.updates_applied += 1;
                tracing::debug!(generation = %applied.generation, ports = applied.ports.len(), "goal state in force");
            }
            Err(UpdateError::Refused(refusal)) => {
                core.totals.updates_refused += 1;
                tracing::info!(?refusal, "update refused");
            }
            Err(UpdateError::Storage(error)) => {
                core.totals.storage_failures += 1;
                tracing::error!(%error, "cannot write the update; the goal state before it stays in force");
            }
            Err(error) => {
                core.totals.updates_invalid += 1;
                tracing::warn!(%error, "update is not usable");
            }
        }
        result
    }
}

/// Reads an update. Of another version, nothing but the version is understood.
fn parse(body: &[u8]) -> Result<Update, UpdateError> {
    #[derive(Deserialize)]
    struct Versioned {
        version: u32,
    }
    serde_json::from_slice::<Update>(body).map_err(|error| match serde_json::from_slice(body) {
        Ok(Versioned { version }) if version != GOAL_STATE_VERSION => UpdateError::Invalid(Invalid::Version(version)),
        _ => UpdateError::Malformed(error.to_string()),
    })
}

impl super::core::Core {
    fn put(&mut self, body: &[u8], update: &Update, own: Option<policy::ids::HostId>) -> Result<Applied, UpdateError> {
        let change = self.state.judge(update, own).map_err(|rejection| match rejection {
            Rejection::Refused(refusal) => UpdateError::Refused(refusal),
            Rejection::Invalid(invalid) => UpdateError::Invalid(invalid),
        })?;
        let (epoch, generation) = change.in_force;
        if change.is_empty() && self.state.in_force() == Some(change.in_force) {
            return Ok(Applied { epoch, generation, ports: Vec::new() });
        }
        self.ledger.record_update(body, &self.state).map_err(UpdateError::Storage)?;
        let pending = Pending::new(&self.state, &change);
        self.state.apply(change);
        let touched = self.index.update(&self.state, pending);
        let host_changed = touched.contains(&Key::Host);
        let ports = self.enforce(touched);
        self.state.settle();
        if host_changed {
            self.datapath.set_provider(self.provider());
        }
        Ok(Applied { epoch, generation, ports })
    }
}
