//! The model that the compiler works on: typed, immutable, free of JSON, HTTP and SQL.
//!
//! The resource files project northbound documents into these types. A [`Revision`] names what one accepted write
//! changed; the first revision after start holds everything. Order within a revision does not matter: an entity may
//! refer to one that comes later, or to none.

mod endpoint;
#[cfg(test)]
pub(crate) mod testing;

pub use endpoint::{Endpoint, EndpointError};
pub use policy::acl::Acl;
pub use policy::host::ProviderAddress;
pub use policy::network::{Network, Subnet};
pub use policy::port::{Guards, Qos};

use policy::acl::Action;
use policy::host::{DefaultVerdict, Encapsulation};
use policy::ids::{AclId, Generation, HostId, NetworkId, NicId, SubnetId};
use policy::net::{MacAddr, Vsid};
use std::net::IpAddr;
use std::sync::Arc;

/// What one accepted northbound write, or one report of ports, changed.
#[derive(Clone, Debug, PartialEq)]
pub struct Revision {
    /// Store revision in which the change became visible. Grows from one revision to the next.
    pub generation: Generation,
    /// What changed. A write that no host can notice has none.
    pub changes: Vec<Change>,
}

/// One entity that is new or changed (`Some`), or gone (`None`).
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// What is true of all hosts.
    Settings(Settings),
    /// A virtual network with its subnets, ordered by VSID.
    Network(NetworkId, Option<Arc<Network>>),
    /// An access control list with its rules in match order.
    Acl(AclId, Option<Arc<Acl>>),
    /// A network interface.
    Nic(NicId, Option<Arc<Nic>>),
    /// A host.
    Server(HostId, Option<Arc<Server>>),
    /// The host that carries the NIC's port.
    Binding(NicId, Option<HostId>),
}

/// `virtualNetworkManager/configuration` and the server setting for ports without a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// One choice for all networks. [MS-NCNBI 3.1.5.19]
    pub encapsulation: Encapsulation,
    /// Verdicts for new flows of a port that no list is attached to.
    pub without_acl: DefaultVerdict,
}

impl Default for Settings {
    /// VXLAN; nothing in, everything out (`semantics.md` 1.4).
    fn default() -> Self {
        let without_acl = DefaultVerdict { inbound: Action::Deny, outbound: Action::Allow };
        Self { encapsulation: Encapsulation::Vxlan, without_acl }
    }
}

/// `networkInterfaces`: what a host port enforces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nic {
    /// `instanceId`: the profile id of the port.
    pub id: NicId,
    /// `privateMacAddress`.
    pub mac: MacAddr,
    /// IP configurations on virtual subnets, in the order of the document.
    pub addresses: Vec<Address>,
    /// Rate caps.
    pub qos: Qos,
    /// Guards.
    pub guards: Guards,
    /// Another NIC is the VM's first.
    pub secondary: bool,
    /// Resolvers of this NIC; empty: those of its network.
    pub dns_servers: Vec<IpAddr>,
}

impl Nic {
    /// The network that the port is in: that of the primary address, else of the first.
    ///
    /// A port has one network. Addresses of a NIC on other networks (`isMultitenantStack`) are not enforced.
    pub fn network(&self) -> Option<NetworkId> {
        let primary = self.addresses.iter().find(|address| address.primary);
        primary.or(self.addresses.first()).map(|address| address.network)
    }

    /// The addresses on [`Self::network`].
    pub fn enforced(&self) -> impl Iterator<Item = &Address> {
        let network = self.network();
        self.addresses.iter().filter(move |address| Some(address.network) == network)
    }
}

/// One IP configuration on a virtual subnet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address {
    /// The customer address.
    pub ca: IpAddr,
    /// Network of the subnet.
    pub network: NetworkId,
    /// Its subnet.
    pub subnet: SubnetId,
    /// VSID of the subnet.
    pub vsid: Vsid,
    /// List of this IP configuration.
    pub acl: Option<AclId>,
    /// Whether this address stands for the NIC.
    pub primary: bool,
}

/// `servers`: a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// `instanceId`.
    pub id: HostId,
    /// Where its agent listens; none when no connection of the server says so.
    pub agent: Option<Endpoint>,
    /// Where the other hosts send encapsulated packets for its ports; none before its first port.
    pub provider_address: Option<ProviderAddress>,
}
