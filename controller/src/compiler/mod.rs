//! What each host must enforce, from the fabric model. Pure, synchronous, incremental.
//!
//! [`Compiler::apply`] takes a revision and leaves every host's [`Manifest`] as if the whole fabric had been compiled
//! anew; there is no other way to compile. It works in two passes. The first (`intake`) takes the changes into the
//! model and notes what they touch: ports, shards, lists, and who enters or leaves a `span`. The second (`emit`)
//! serialises each touched section once and puts it into the manifests of the hosts in its span. So the cost follows
//! what changed:
//!
//! | change | sections serialised | manifests touched |
//! |---|---|---|
//! | NIC, or the host it is on | its port, the shards of its changed addresses | its host, hosts of the network |
//! | list | the list | hosts with a port that uses it |
//! | list of a subnet | the routes of the network | hosts of the network |
//! | provider address of a host | the host, the shards of its ports | the host, hosts of these networks |
//! | settings | every host | all |
//!
//! Equal worlds give equal bytes: no clock, no randomness, and whatever is serialised is ordered.

mod emit;
mod intake;
mod mappings;
mod span;
mod touched;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

use crate::fabric::{Nic, Revision, Server, Settings};
use imbl::OrdMap;
use mappings::Mappings;
use policy::goal_state::{SectionBody, SectionKey};
use policy::ids::{AclId, Generation, HostId, NetworkId, NicId, SubnetId};
use span::Span;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;
use touched::Touched;

/// Everything that one host must enforce. A clone is one reference; comparing two versions skips what they share.
pub type Manifest = OrdMap<SectionKey, SectionBody>;

/// What a revision came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Of the revision.
    pub generation: Generation,
    /// Known hosts whose manifest changed.
    pub affected: BTreeSet<HostId>,
    /// Sections that were serialised: what the revision cost.
    pub rendered: usize,
}

/// The fabric, and the manifests that it compiles to.
#[derive(Debug, Default)]
pub struct Compiler {
    settings: Settings,
    acls: HashMap<AclId, SectionBody>,
    networks: HashMap<NetworkId, Network>,
    nics: HashMap<NicId, Placement>,
    hosts: HashMap<HostId, Host>,
    mappings: Mappings,
    span: Span,
}

/// A virtual network: its section, and what the span of a list depends on.
#[derive(Debug)]
struct Network {
    routes: SectionBody,
    subnet_acls: BTreeMap<SubnetId, AclId>,
}

/// A NIC and the host it is on. Either may be unknown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Placement {
    nic: Option<Arc<Nic>>,
    host: Option<HostId>,
}

impl Placement {
    /// Both, when there is something that a host enforces.
    fn placed(&self) -> Option<(&Nic, HostId)> {
        self.nic.as_deref().zip(self.host)
    }
}

/// A host. Its ports may be known before the host is.
#[derive(Debug, Default)]
struct Host {
    server: Option<Arc<Server>>,
    ports: BTreeSet<NicId>,
    manifest: Manifest,
}

impl Host {
    fn provider_address(&self) -> Option<IpAddr> {
        self.server.as_ref()?.provider_address.map(|provider| provider.address)
    }
}

impl Compiler {
    /// Takes one revision. Afterwards every manifest is what the changed fabric compiles to.
    pub fn apply(&mut self, revision: &Revision) -> Outcome {
        let mut touched = Touched::default();
        for change in &revision.changes {
            self.take(change, &mut touched);
        }
        let emitted = self.emit(&touched);
        let affected = emitted.manifests.into_iter().filter(|host| self.manifest(*host).is_some()).collect();
        Outcome { generation: revision.generation, affected, rendered: touched.rendered + emitted.rendered }
    }

    /// Manifest of a known host.
    pub fn manifest(&self, host: HostId) -> Option<&Manifest> {
        self.hosts.get(&host).filter(|host| host.server.is_some()).map(|host| &host.manifest)
    }

    /// A NIC and the host that it is on, when both are known.
    pub fn placed(&self, nic: NicId) -> Option<(&Nic, HostId)> {
        self.nics.get(&nic)?.placed()
    }
}

/// Serialises a section.
fn render<T: serde::Serialize>(section: &T) -> SectionBody {
    // Sections are structs with named members and values that print themselves: serde_json has nothing to refuse.
    SectionBody::new(section).expect("sections can be written as JSON")
}
