//! The engine of one host: its objects, and how they are programmed and read back.

use crate::address::Address;
use crate::config::Config;
use crate::counters::Counters;
use crate::flow::FlowView;
use crate::hash::Seeded;
use crate::ids::{NetworkId, PortId, Tag};
use crate::listing;
use crate::port::Port;
use crate::table::{Slot, Table};
use crate::tenant::acl::{Acl, AclId, CompiledAcl, WithoutAcl};
use crate::tenant::network::{Domain, LocalPort, Mapping, Network};
use crate::tenant::policy::{Enforced, PortAddress, PortPolicy};
use crate::tenant::service::HostService;
use crate::time::Time;
use policy::net::Vsid;
use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;

/// Why an object was refused; nothing changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// Set the network first.
    #[error("there is no network {0:?}")]
    UnknownNetwork(NetworkId),
    /// Set the list first.
    #[error("there is no access control list {0:?}")]
    UnknownAcl(AclId),
    /// Remove or change its users first.
    #[error("it is still in use")]
    InUse,
    /// A VSID belongs to one network.
    #[error("virtual subnet {0} already belongs to another network")]
    VsidTaken(Vsid),
    /// An address is in one subnet.
    #[error("virtual subnets {0} and {1} overlap")]
    OverlappingSubnets(Vsid, Vsid),
    /// A port without an address cannot be judged.
    #[error("the port has no address")]
    NoAddress,
}

/// The objects that ports share.
pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) acls: HashMap<AclId, CompiledAcl, Seeded>,
    pub(crate) networks: Table<NetworkId, Domain>,
    /// What VMs reach on the host itself.
    pub(crate) service: Option<HostService>,
    /// Which network a VXLAN network identifier leads into.
    pub(crate) vsids: HashMap<Vsid, Slot, Seeded>,
    /// Counts changes of policy; a flow remembers the value its network had when it was judged.
    epoch: u64,
}

/// The engine of one host. Not shared between threads: the caller puts it behind its own lock.
pub struct Switch {
    pub(crate) shared: Shared,
    pub(crate) ports: Table<PortId, Port>,
    /// Frames that belong to no port.
    pub(crate) stray: Counters,
}

impl Switch {
    /// A switch without any object.
    pub fn new(config: Config) -> Self {
        let seed = Seeded(config.hash_seed);
        Self {
            shared: Shared {
                config,
                acls: HashMap::with_hasher(seed),
                networks: Table::new(seed),
                service: None,
                vsids: HashMap::with_hasher(seed),
                epoch: 0,
            },
            ports: Table::new(seed),
            stray: Counters::default(),
        }
    }

    /// Sets or forgets our own address on the underlay.
    pub fn set_provider_address(&mut self, pa: Option<IpAddr>) {
        if self.shared.config.provider_address != pa {
            self.shared.config.provider_address = pa;
            self.shared.touch_all();
        }
    }

    /// Our own address on the underlay.
    pub fn provider_address(&self) -> Option<IpAddr> {
        self.shared.config.provider_address
    }

    /// Sets the verdicts for ports that no list reaches.
    pub fn set_without_acl(&mut self, verdicts: WithoutAcl) {
        if self.shared.config.without_acl != verdicts {
            self.shared.config.without_acl = verdicts;
            self.shared.touch_all();
        }
    }

    /// Verdicts for ports that no list reaches.
    pub fn without_acl(&self) -> WithoutAcl {
        self.shared.config.without_acl
    }

    /// Opens the way to a service of the host on every port that has a policy, or closes it.
    pub fn set_host_service(&mut self, service: Option<HostService>) {
        self.shared.service = service;
    }

    /// The service that VMs can reach.
    pub fn host_service(&self) -> Option<HostService> {
        self.shared.service
    }

    /// Sets a list, in the place of the one with that name if there is one. Ports that use it obey with the next packet.
    pub fn set_acl(&mut self, id: AclId, tag: Tag, acl: &Acl) {
        let Self { shared, ports, .. } = self;
        shared.acls.insert(id, CompiledAcl::new(tag, acl));
        let by_port = ports.iter().map(|(_, port)| port).filter(|port| port.uses_acl(id)).filter_map(Port::network);
        let by_subnet = shared.networks.iter().filter(|(_, domain)| domain.uses_acl(id)).map(|(network, _)| network);
        let users: BTreeSet<NetworkId> = by_port.chain(by_subnet).collect();
        users.into_iter().for_each(|network| shared.touch(network));
    }

    /// Removes a list, if it is there.
    ///
    /// # Errors
    /// [`PolicyError::InUse`] while a port or a subnet refers to it.
    pub fn remove_acl(&mut self, id: AclId) -> Result<(), PolicyError> {
        let used_by_port = self.ports.iter().any(|(_, port)| port.uses_acl(id));
        let used_by_subnet = self.shared.networks.iter().any(|(_, domain)| domain.uses_acl(id));
        if used_by_port || used_by_subnet {
            return Err(PolicyError::InUse);
        }
        self.shared.acls.remove(&id);
        Ok(())
    }

    /// Every list that is set.
    pub fn acls(&self) -> impl Iterator<Item = (AclId, Tag)> {
        self.shared.acls.iter().map(|(id, acl)| (*id, acl.tag))
    }

    /// Sets the shape of a network; its mappings stay.
    ///
    /// # Errors
    /// [`PolicyError::UnknownAcl`], [`PolicyError::VsidTaken`], [`PolicyError::OverlappingSubnets`].
    pub fn set_network(&mut self, id: NetworkId, tag: Tag, network: Network) -> Result<(), PolicyError> {
        let shared = &mut self.shared;
        let slot = shared.networks.slot(&id);
        for subnet in &network.subnets {
            if shared.vsids.get(&subnet.vsid).is_some_and(|owner| Some(*owner) != slot) {
                return Err(PolicyError::VsidTaken(subnet.vsid));
            }
            if let Some(acl) = subnet.acl.filter(|acl| !shared.acls.contains_key(acl)) {
                return Err(PolicyError::UnknownAcl(acl));
            }
        }
        let vsids: Vec<Vsid> = network.subnets.iter().map(|subnet| subnet.vsid).collect();
        let domain = Domain::new(tag, network, Seeded(shared.config.hash_seed))?;
        let slot = shared.networks.put(id, domain, Domain::reshape);
        shared.vsids.retain(|_, owner| *owner != slot);
        shared.vsids.extend(vsids.into_iter().map(|vsid| (vsid, slot)));
        shared.touch(id);
        Ok(())
    }

    /// Removes a network with its mappings, if it is there.
    ///
    /// # Errors
    /// [`PolicyError::InUse`] while a port is in it.
    pub fn remove_network(&mut self, id: NetworkId) -> Result<(), PolicyError> {
        if self.ports.iter().any(|(_, port)| port.network() == Some(id)) {
            return Err(PolicyError::InUse);
        }
        if let Some(slot) = self.shared.networks.slot(&id) {
            self.shared.networks.remove(&id);
            self.shared.vsids.retain(|_, owner| *owner != slot);
        }
        Ok(())
    }

    /// Every network that is set.
    pub fn networks(&self) -> impl Iterator<Item = (NetworkId, Tag)> {
        self.shared.networks.iter().map(|(id, domain)| (id, domain.tag))
    }

    /// Says where a customer address is, in the place of what was said of it before.
    ///
    /// # Errors
    /// [`PolicyError::UnknownNetwork`].
    pub fn set_mapping(
        &mut self,
        network: NetworkId,
        vsid: Vsid,
        ca: IpAddr,
        mapping: Mapping,
    ) -> Result<(), PolicyError> {
        let domain = self.shared.networks.find_mut(&network).ok_or(PolicyError::UnknownNetwork(network))?;
        if domain.space.insert(vsid, ca.into(), mapping) != Some(mapping) {
            self.shared.touch(network);
        }
        Ok(())
    }

    /// Forgets where a customer address is.
    pub fn remove_mapping(&mut self, network: NetworkId, vsid: Vsid, ca: IpAddr) {
        let domain = self.shared.networks.find_mut(&network);
        if domain.is_some_and(|domain| domain.space.remove(vsid, ca.into()).is_some()) {
            self.shared.touch(network);
        }
    }

    /// Every mapping of a network, in no order; none for an unknown network.
    pub fn mappings(&self, network: NetworkId) -> impl Iterator<Item = (Vsid, IpAddr, Mapping)> {
        self.shared.networks.find(&network).into_iter().flat_map(|domain| domain.space.iter())
    }

    /// Sets the policy of a port, which is made if it is not there. Its flows stay and are judged again.
    ///
    /// # Errors
    /// [`PolicyError::NoAddress`], [`PolicyError::UnknownNetwork`], [`PolicyError::UnknownAcl`]; the port then keeps the
    /// policy it had.
    pub fn set_port(&mut self, id: PortId, tag: Tag, policy: PortPolicy) -> Result<(), PolicyError> {
        let domain = self.shared.networks.slot(&policy.network);
        let domain = domain.ok_or(PolicyError::UnknownNetwork(policy.network))?;
        let mut acls = policy.addresses.iter().filter_map(|address| address.acl);
        if let Some(acl) = acls.find(|acl| !self.shared.acls.contains_key(acl)) {
            return Err(PolicyError::UnknownAcl(acl));
        }
        let seed = Seeded(self.shared.config.hash_seed);
        let enforced = Enforced::new(tag, policy, domain, seed).ok_or(PolicyError::NoAddress)?;
        self.enforce(id, Some(enforced));
        Ok(())
    }

    /// Makes a port drop everything, and makes the port if it is not there.
    pub fn block_port(&mut self, id: PortId) {
        self.enforce(id, None);
    }

    /// Removes a port with its flows and counters, if it is there.
    pub fn remove_port(&mut self, id: PortId) {
        self.block_port(id);
        self.ports.remove(&id);
    }

    /// Every port; without a tag it is blocked.
    pub fn ports(&self) -> impl Iterator<Item = (PortId, Option<Tag>)> {
        self.ports.iter().map(|(id, port)| (id, port.tag()))
    }

    /// What passed and what was dropped at a port.
    pub fn counters(&self, port: PortId) -> Option<&Counters> {
        self.ports.find(&port).map(|port| &port.counters)
    }

    /// What was dropped before it reached any port.
    pub fn stray_counters(&self) -> &Counters {
        &self.stray
    }

    /// Flows of a port that are alive at `now`, in no order.
    pub fn flows(&self, port: PortId, now: Time) -> impl Iterator<Item = FlowView> {
        self.ports.find(&port).into_iter().flat_map(move |port| port.flows.iter(now))
    }

    /// Forgets flows whose life is over, looking at no more than `budget` flows of each port. Packets do this as they
    /// come; the caller's timer does it for ports that fell silent.
    pub fn expire(&mut self, now: Time, budget: usize) {
        for port in self.ports.values_mut() {
            port.flows.sweep(now, budget);
        }
    }

    /// One line for each rule that a port is under, in the order of the layers.
    pub fn rules(&self, port: PortId) -> Vec<String> {
        self.ports.find(&port).map_or_else(Vec::new, |port| listing::rules(&self.shared, port))
    }

    fn enforce(&mut self, id: PortId, enforced: Option<Enforced>) {
        let Self { shared, ports, .. } = self;
        if !ports.contains(&id) {
            ports.insert(id, Port::new(&shared.config));
        }
        let Some(port) = ports.find_mut(&id) else { return };
        let (newcomer, before) = (port.policy().is_none(), port.network());
        port.enforce(enforced, &shared.config.limits);
        let after = port.network();
        match after {
            Some(network) if newcomer => self.link(id, network),
            _ => self.relink(before),
        }
        if !newcomer && before != after {
            self.relink(after);
        }
    }

    /// Adds the addresses of a port to those of its network that are on this host: what most changes come to, and what
    /// costs the same on a host with many ports.
    fn link(&mut self, id: PortId, network: NetworkId) {
        if let Some(domain) = self.shared.networks.find_mut(&network)
            && let Some((slot, port)) = self.ports.slot(&id).zip(self.ports.find(&id))
        {
            place(&mut domain.local, id, slot, port);
        }
        self.shared.touch(network);
    }

    /// Finds anew which addresses of a network are on this host.
    fn relink(&mut self, network: Option<NetworkId>) {
        let Some(id) = network else { return };
        let Some(domain) = self.shared.networks.find_mut(&id) else { return };
        domain.local.clear();
        for (port, policy) in self.ports.iter().filter(|(_, port)| port.network() == Some(id)) {
            let Some(slot) = self.ports.slot(&port) else { continue };
            place(&mut domain.local, port, slot, policy);
        }
        self.shared.touch(id);
    }
}

/// Enters the addresses of a port. Two ports with one address can only be the two ends of a migration on this host; the
/// higher name wins, so that the outcome does not depend on the order of events.
fn place(local: &mut HashMap<Address, LocalPort, Seeded>, id: PortId, slot: Slot, port: &Port) {
    let Some(policy) = port.policy() else { return };
    for PortAddress { ca, vsid, .. } in &policy.addresses {
        let here = LocalPort { id, slot, mac: policy.mac, vsid: *vsid };
        let entry = local.entry((*ca).into()).or_insert(here);
        *entry = here.max(*entry);
    }
}

impl Shared {
    /// Flows of the network were judged by older policy from here on.
    fn touch(&mut self, network: NetworkId) {
        self.epoch += 1;
        if let Some(domain) = self.networks.find_mut(&network) {
            domain.epoch = self.epoch;
        }
    }

    fn touch_all(&mut self) {
        self.epoch += 1;
        self.networks.values_mut().for_each(|domain| domain.epoch = self.epoch);
    }
}
