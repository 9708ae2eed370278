//! The engine of one host: its objects, and how they are programmed and read back.

use crate::counters::Counters;
use crate::flow::FlowView;
use crate::hash::Seeded;
use crate::listing;
use crate::port::Port;
use crate::tenant::acl::{Acl, AclId, CompiledAcl, WithoutAcl};
use crate::tenant::network::{Domain, LocalPort, Mapping, Network};
use crate::tenant::policy::PortPolicy;
use crate::time::Time;
use policy::net::Vsid;
use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

/// Name of a port, chosen by the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PortId(pub u128);

/// Name of a routing domain, chosen by the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NetworkId(pub u128);

/// Opaque mark that the caller sets on an object and reads back, for example a content hash.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(pub u128);

/// Settings of the engine.
#[derive(Clone, Debug)]
pub struct Config {
    /// Our own address on the underlay; until it is set, only ports of this host reach each other.
    pub provider_address: Option<IpAddr>,
    /// Verdicts for ports without any list.
    pub without_acl: WithoutAcl,
    /// Bounds of memory and lifetimes of flows.
    pub limits: Limits,
    /// Keep composed transpositions. Off, every packet walks all layers: slower, with the same verdicts.
    pub unified_flows: bool,
    /// Any number that tenants cannot guess; keeps them from choosing flows that collide in the flow table.
    pub hash_seed: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            provider_address: None,
            without_acl: WithoutAcl::default(),
            limits: Limits::default(),
            unified_flows: true,
            hash_seed: 0,
        }
    }
}

/// Bounds. The numbers are those that Microsoft's own settings use, as far as they are public (`vfp.md` 4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most flows of one port.
    pub flows_per_port: u32,
    /// Most TCP connections of one port that have not finished their handshake.
    pub half_open_per_port: u32,
    /// Life of an idle flow.
    pub idle: Duration,
    /// Life of an idle TCP connection that has not finished its handshake.
    pub half_open: Duration,
    /// Life of a TCP connection after both sides closed it, or one side reset it.
    pub time_wait: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            flows_per_port: 500_000,
            half_open_per_port: 100_000,
            idle: Duration::from_secs(240),
            half_open: Duration::from_secs(240),
            time_wait: Duration::from_secs(240),
        }
    }
}

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
    pub(crate) networks: HashMap<NetworkId, Domain, Seeded>,
    /// Which network a VXLAN network identifier leads into.
    pub(crate) vsids: HashMap<Vsid, NetworkId, Seeded>,
    /// Counts changes of policy; a flow remembers the value its network had when it was judged.
    epoch: u64,
}

/// The engine of one host. Not shared between threads: the caller puts it behind its own lock.
pub struct Switch {
    pub(crate) shared: Shared,
    pub(crate) ports: HashMap<PortId, Port, Seeded>,
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
                networks: HashMap::with_hasher(seed),
                vsids: HashMap::with_hasher(seed),
                epoch: 0,
            },
            ports: HashMap::with_hasher(seed),
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

    /// Sets a list, in the place of the one with that name if there is one. Ports that use it obey with the next packet.
    pub fn set_acl(&mut self, id: AclId, tag: Tag, acl: &Acl) {
        let Self { shared, ports, .. } = self;
        shared.acls.insert(id, CompiledAcl::new(tag, acl));
        let by_port = ports.values().filter(|port| port.uses_acl(id)).filter_map(Port::network);
        let by_subnet = shared.networks.iter().filter(|(_, domain)| domain.uses_acl(id)).map(|(network, _)| *network);
        let users: BTreeSet<NetworkId> = by_port.chain(by_subnet).collect();
        users.into_iter().for_each(|network| shared.touch(network));
    }

    /// Removes a list, if it is there.
    ///
    /// # Errors
    /// [`PolicyError::InUse`] while a port or a subnet refers to it.
    pub fn remove_acl(&mut self, id: AclId) -> Result<(), PolicyError> {
        let used_by_port = self.ports.values().any(|port| port.uses_acl(id));
        let used_by_subnet = self.shared.networks.values().any(|domain| domain.uses_acl(id));
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
        for subnet in &network.subnets {
            if shared.vsids.get(&subnet.vsid).is_some_and(|owner| *owner != id) {
                return Err(PolicyError::VsidTaken(subnet.vsid));
            }
            if let Some(acl) = subnet.acl.filter(|acl| !shared.acls.contains_key(acl)) {
                return Err(PolicyError::UnknownAcl(acl));
            }
        }
        let domain = Domain::new(tag, network, Seeded(shared.config.hash_seed))?;
        shared.vsids.retain(|_, owner| *owner != id);
        shared.vsids.extend(domain.subnets().iter().map(|subnet| (subnet.vsid, id)));
        match shared.networks.entry(id) {
            Entry::Occupied(mut old) => old.get_mut().reshape(domain),
            Entry::Vacant(vacant) => _ = vacant.insert(domain),
        }
        shared.touch(id);
        Ok(())
    }

    /// Removes a network with its mappings, if it is there.
    ///
    /// # Errors
    /// [`PolicyError::InUse`] while a port is in it.
    pub fn remove_network(&mut self, id: NetworkId) -> Result<(), PolicyError> {
        if self.ports.values().any(|port| port.network() == Some(id)) {
            return Err(PolicyError::InUse);
        }
        self.shared.networks.remove(&id);
        self.shared.vsids.retain(|_, owner| *owner != id);
        Ok(())
    }

    /// Every network that is set.
    pub fn networks(&self) -> impl Iterator<Item = (NetworkId, Tag)> {
        self.shared.networks.iter().map(|(id, domain)| (*id, domain.tag))
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
        let domain = self.shared.networks.get_mut(&network).ok_or(PolicyError::UnknownNetwork(network))?;
        if domain.space.insert(vsid, ca.into(), mapping) != Some(mapping) {
            self.shared.touch(network);
        }
        Ok(())
    }

    /// Forgets where a customer address is.
    pub fn remove_mapping(&mut self, network: NetworkId, vsid: Vsid, ca: IpAddr) {
        let domain = self.shared.networks.get_mut(&network);
        if domain.is_some_and(|domain| domain.space.remove(vsid, ca.into()).is_some()) {
            self.shared.touch(network);
        }
    }

    /// Every mapping of a network, in no order; none for an unknown network.
    pub fn mappings(&self, network: NetworkId) -> impl Iterator<Item = (Vsid, IpAddr, Mapping)> {
        self.shared.networks.get(&network).into_iter().flat_map(|domain| domain.space.iter())
    }

    /// Sets the policy of a port, which is made if it is not there. Its flows stay and are judged again.
    ///
    /// # Errors
    /// [`PolicyError::NoAddress`], [`PolicyError::UnknownNetwork`], [`PolicyError::UnknownAcl`]; the port then keeps the
    /// policy it had.
    pub fn set_port(&mut self, id: PortId, tag: Tag, policy: PortPolicy) -> Result<(), PolicyError> {
        if policy.addresses.is_empty() {
            return Err(PolicyError::NoAddress);
        }
        if !self.shared.networks.contains_key(&policy.network) {
            return Err(PolicyError::UnknownNetwork(policy.network));
        }
        let mut acls = policy.addresses.iter().filter_map(|address| address.acl);
        if let Some(acl) = acls.find(|acl| !self.shared.acls.contains_key(acl)) {
            return Err(PolicyError::UnknownAcl(acl));
        }
        self.set_policy(id, Some((tag, policy)));
        Ok(())
    }

    /// Makes a port drop everything, and makes the port if it is not there.
    pub fn block_port(&mut self, id: PortId) {
        self.set_policy(id, None);
    }

    /// Removes a port with its flows and counters, if it is there.
    pub fn remove_port(&mut self, id: PortId) {
        self.block_port(id);
        self.ports.remove(&id);
    }

    /// Every port; without a tag it is blocked.
    pub fn ports(&self) -> impl Iterator<Item = (PortId, Option<Tag>)> {
        self.ports.iter().map(|(id, port)| (*id, port.tag()))
    }

    /// What passed and what was dropped at a port.
    pub fn counters(&self, port: PortId) -> Option<&Counters> {
        self.ports.get(&port).map(|port| &port.counters)
    }

    /// What was dropped before it reached any port.
    pub fn stray_counters(&self) -> &Counters {
        &self.stray
    }

    /// Flows of a port that are alive at `now`, in no order.
    pub fn flows(&self, port: PortId, now: Time) -> impl Iterator<Item = FlowView> {
        self.ports.get(&port).into_iter().flat_map(move |port| port.flows.iter(now))
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
        self.ports.get(&port).map_or_else(Vec::new, |port| listing::rules(&self.shared, port))
    }

    fn set_policy(&mut self, id: PortId, policy: Option<(Tag, PortPolicy)>) {
        let Self { shared, ports, .. } = self;
        let port = ports.entry(id).or_insert_with(|| Port::new(&shared.config));
        let before = port.network();
        port.set_policy(policy, &shared.config.limits);
        let after = port.network();
        self.relink(before);
        if before != after {
            self.relink(after);
        }
    }

    /// Finds anew which addresses of a network are on this host. Two ports with one address can only be the two ends of
    /// a migration on this host; the higher name wins, so that the outcome does not depend on the order of events.
    fn relink(&mut self, network: Option<NetworkId>) {
        let Some(id) = network else { return };
        let Some(domain) = self.shared.networks.get_mut(&id) else { return };
        domain.local.clear();
        for (port, policy) in self.ports.iter().filter_map(|(id, port)| Some((*id, port.policy()?))) {
            if policy.network == id {
                let here = LocalPort { port, mac: policy.mac };
                for address in &policy.addresses {
                    let entry = domain.local.entry(address.ca.into()).or_insert(here);
                    *entry = here.max(*entry);
                }
            }
        }
        self.shared.touch(id);
    }
}

impl Shared {
    /// Flows of the network were judged by older policy from here on.
    fn touch(&mut self, network: NetworkId) {
        self.epoch += 1;
        if let Some(domain) = self.networks.get_mut(&network) {
            domain.epoch = self.epoch;
        }
    }

    fn touch_all(&mut self) {
        self.epoch += 1;
        self.networks.values_mut().for_each(|domain| domain.epoch = self.epoch);
    }
}

impl fmt::Display for PortId {
    /// As a GUID: that is what callers name ports by.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hex = format!("{:032x}", self.0);
        let groups = [0..8, 8..12, 12..16, 16..20, 20..32].map(|group| &hex[group]);
        f.write_str(&groups.join("-"))
    }
}
