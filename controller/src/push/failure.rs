//! Why a conversation with an agent came to nothing, and what readers are told.

use super::agent::AgentError;
use crate::enforcement::{Contact, Enforcement};
use policy::GOAL_STATE_VERSION;
use policy::ids::HostId;
use policy::report::AgentStatus;

/// Why an attempt failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// No usable answer, or a refusal.
    #[error(transparent)]
    Agent(#[from] AgentError),
    /// Another host lives at the management address.
    #[error("the agent that answers is that of host {0}")]
    Stranger(HostId),
    /// The agent answers something that makes no sense after what it was sent.
    #[error("{0}")]
    Protocol(String),
}

impl Failure {
    /// Checks that `status` comes from the agent of `host`, and that it speaks our language.
    pub(super) fn check(host: HostId, status: &AgentStatus) -> Result<(), Self> {
        match status {
            AgentStatus { host_id: Some(other), .. } if *other != host => Err(Self::Stranger(*other)),
            AgentStatus { version, .. } if *version != GOAL_STATE_VERSION => {
                Err(Self::Protocol(format!("the agent speaks version {version}, not {GOAL_STATE_VERSION}")))
            }
            _ => Ok(()),
        }
    }

    /// Tells readers.
    pub(super) fn note(&self, host: HostId, enforcement: &Enforcement) {
        match self {
            Self::Agent(AgentError::Unreachable(why)) => {
                enforcement.note_contact(host, Contact::Unreachable(why.clone()));
            }
            Self::Stranger(_) => enforcement.note_contact(host, Contact::Stranger(self.to_string())),
            Self::Agent(AgentError::Refused { .. }) | Self::Protocol(_) => {
                enforcement.note_refused(host, self.to_string());
            }
        }
    }
}
