//! What enforces policy: one trait, so that engines can be changed without the rest noticing.

use policy::ids::NicId;
use policy::net::Vsid;
use report::{Counters, Flow, Trace, TraceRequest};
use std::collections::HashMap;
use std::net::IpAddr;
use vfp::{Acl, AclId, HostService, Mapping, Network, NetworkId, PortId, PortPolicy, Tag, WithoutAcl};

#[cfg(test)]
pub(crate) mod contract;
pub mod report;
pub(crate) mod software;

/// Name of one object that is programmed as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Key {
    Host,
    Acl(AclId),
    Network(NetworkId),
    Mapping(NetworkId, Vsid, IpAddr),
    Port(PortId),
}

/// What is true of the whole host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct HostPolicy {
    pub(crate) provider_address: Option<IpAddr>,
    pub(crate) without_acl: WithoutAcl,
    /// What VMs reach on the host itself.
    pub(crate) service: Option<HostService>,
}

/// One change. The order of the variants is the order in which a set of steps is carried out: what is referred to
/// comes before what refers to it, and goes after it. Every step replaces one object as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    RemovePort(PortId),
    BlockPort(PortId),
    Host(HostPolicy),
    Acl(AclId, Tag, Acl),
    Network(NetworkId, Tag, Network),
    RemoveMapping(NetworkId, Vsid, IpAddr),
    Mapping(NetworkId, Vsid, IpAddr, Mapping),
    Port(PortId, Tag, PortPolicy),
    RemoveNetwork(NetworkId),
    RemoveAcl(AclId),
}

impl Step {
    /// The object it is about.
    pub(crate) fn key(&self) -> Key {
        match *self {
            Self::RemovePort(id) | Self::BlockPort(id) | Self::Port(id, ..) => Key::Port(id),
            Self::Host(_) => Key::Host,
            Self::Acl(id, ..) | Self::RemoveAcl(id) => Key::Acl(id),
            Self::Network(id, ..) | Self::RemoveNetwork(id) => Key::Network(id),
            Self::RemoveMapping(network, vsid, ca) | Self::Mapping(network, vsid, ca, _) => {
                Key::Mapping(network, vsid, ca)
            }
        }
    }

    /// Place in the order of a set of steps.
    pub(crate) fn rank(&self) -> u8 {
        match self {
            Self::RemovePort(_) => 0,
            Self::BlockPort(_) => 1,
            Self::Host(_) => 2,
            Self::Acl(..) => 3,
            Self::Network(..) => 4,
            Self::RemoveMapping(..) => 5,
            Self::Mapping(..) => 6,
            Self::Port(..) => 7,
            Self::RemoveNetwork(_) => 8,
            Self::RemoveAcl(_) => 9,
        }
    }
}

/// All that is in force, by name. Objects are compared by the tag they were set with; mappings, which are as small as a
/// tag, by value. A port without a tag is blocked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Programmed {
    pub(crate) host: HostPolicy,
    pub(crate) acls: HashMap<AclId, Tag>,
    pub(crate) networks: HashMap<NetworkId, Tag>,
    pub(crate) mappings: HashMap<(NetworkId, Vsid, IpAddr), Mapping>,
    pub(crate) ports: HashMap<PortId, Option<Tag>>,
}

/// Why a step failed, for people. What can be done about it is always the same: plan again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct DriverError(pub(crate) String);

/// A packet engine that policy is programmed into.
pub(crate) trait VfpDriver: Send {
    /// Name in settings and reports.
    fn name(&self) -> &'static str;

    /// All that is in force now. The reconciler does not trust its own memory.
    fn read(&mut self) -> Result<Programmed, DriverError>;

    /// Carries out `steps` in their order. Each is idempotent, and all or nothing for its object; a failed one leaves
    /// its object as it was and does not keep the others from being tried. An engine that can do so lets no packet see
    /// a state between the first step and the last. Returns what failed.
    fn apply(&mut self, steps: Vec<Step>) -> Vec<(Key, DriverError)>;

    /// Work that is due from time to time.
    fn tend(&mut self);

    /// One line for each rule that the port is under.
    fn rules(&self, port: NicId) -> Vec<String>;

    /// At most `limit` flows of the port.
    fn flows(&self, port: NicId, limit: usize) -> Vec<Flow>;

    /// What would become of a packet.
    fn trace(&self, request: &TraceRequest) -> Trace;

    /// Counters of the port; those of frames that belong to none for `None`.
    fn counters(&self, port: Option<NicId>) -> Counters;
}
