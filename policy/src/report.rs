//! What an agent says of itself: ports that came and went, and what enforcement of their policy came to.

use crate::ids::{AttachId, Epoch, Generation, HostId, NicId, VmId};
use crate::net::MacAddr;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use uuid::Uuid;

/// State of one attached port.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PortStatus {
    /// Profile id that the port carries: the NIC it belongs to.
    pub profile_id: NicId,
    /// This attachment.
    pub attach_id: AttachId,
    /// Network device or switch port on the host.
    pub device: String,
    /// MAC of the VM as the host knows it.
    pub mac: MacAddr,
    /// What the port's policy came to.
    pub result: PortResult,
}

/// Outcome for one port. `code` of `configurationState.detailedInfo`, contract 9.3.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "code")]
pub enum PortResult {
    /// Policy is in force.
    Success,
    /// No policy for the profile id has arrived; the port drops everything.
    PortBlocked,
    /// Policy is there but could not be put in force; the port drops everything.
    PolicyConfigurationFailureOnVfp {
        /// Why, for people.
        message: String,
    },
}

/// Answer to `GET /v1/events?after=N&wait=S`.
///
/// `after` and `sequence` count within one `instance`. When the agent cannot say what changed since `after` (it was
/// restarted, or the caller is too far behind) it sends a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Events {
    /// One run of the agent.
    pub instance: Uuid,
    /// Pass as `after` next time.
    pub sequence: u64,
    /// `ports` is all there is; what is not listed is gone.
    pub snapshot: bool,
    /// Ports that came or changed.
    pub ports: Vec<PortStatus>,
    /// Attachments that are gone.
    pub detached: Vec<AttachId>,
}

/// Answer to `GET /v1/status`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentStatus {
    /// [`crate::GOAL_STATE_VERSION`] of the agent.
    pub version: u32,
    /// One run of the agent.
    pub instance: Uuid,
    /// Who the agent believes to be, from its settings or its last goal state.
    pub host_id: Option<HostId>,
    /// Goal state in force.
    pub in_force: Option<(Epoch, Generation)>,
    /// Provider address fixed by the host's settings; the controller then records it instead of choosing one.
    pub provider_address: Option<IpAddr>,
    /// Name of the driver.
    pub driver: String,
}

/// Body of `POST /v1/ports`: attach a network device as a VM's port.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AttachPort {
    /// Network device of the host (one end of a veth pair, or a tap).
    pub device: String,
    /// `instanceId` of the NIC.
    pub profile_id: NicId,
    /// MAC of the VM.
    pub mac: MacAddr,
    /// The VM: tells which ports belong together. Without it, the port is taken for its VM's only one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vm: Option<VmId>,
}
