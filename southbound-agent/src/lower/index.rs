//! Which objects a goal state needs, kept up to date change by change. Costs what the change touches.

use crate::driver::Key;
use crate::goal_state::{Change, GoalState};
use crate::lower::acl::{Dependence, Surroundings, Variant};
use crate::lower::network;
use crate::lower::port::{self, ResolvedAddress, Unusable};
use policy::goal_state::{Section, SectionKey};
use policy::ids::{AclId, NetworkId, NicId, SubnetId};
use policy::mapping::{Mapping, MappingShard, ShardId};
use policy::net::{MacAddr, Vsid};
use policy::network::{Network, Subnet};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;

/// References between sections, resolved.
#[derive(Debug, Default)]
pub(crate) struct Index {
    acls: HashMap<AclId, Dependence>,
    networks: HashMap<NetworkId, Indexed<Network>>,
    ports: HashMap<NicId, Indexed<PortReferences>>,
    /// Every list the engine needs, with how many subnets and addresses use it.
    variants: BTreeMap<vfp::AclId, (Variant, usize)>,
}

/// A section's references, and the lists they come to.
#[derive(Debug)]
struct Indexed<T> {
    section: T,
    variants: Vec<Variant>,
}

/// What of a port's section leads elsewhere.
#[derive(Debug)]
struct PortReferences {
    mac: MacAddr,
    network: Option<NetworkId>,
    addresses: Box<[Reference]>,
}

#[derive(Clone, Copy, Debug)]
struct Reference {
    ca: IpAddr,
    subnet: SubnetId,
    acl: Option<AclId>,
}

/// Sections whose references have to be resolved again.
#[derive(Default)]
struct Dirty {
    networks: BTreeSet<NetworkId>,
    ports: BTreeSet<NicId>,
}

impl Index {
    /// The index of a whole goal state.
    pub(crate) fn of(state: &GoalState) -> Self {
        let mut index = Self::default();
        let nothing = Pending { sections: state.keys().collect(), mappings: Vec::new() };
        index.update(state, nothing);
        index
    }

    /// Follows a change. `state` is the goal state after it. Returns the objects that may have to be programmed anew;
    /// all others are as they were.
    pub(crate) fn update(&mut self, state: &GoalState, pending: Pending) -> BTreeSet<Key> {
        let mut touched = pending.changed_mappings(state);
        let mut dirty = Dirty::default();
        // Lists come first, then networks, then ports: each kind refers to the ones before it.
        for &key in &pending.sections {
            match key {
                SectionKey::Host => drop(touched.insert(Key::Host)),
                SectionKey::Acl(id) => self.acl_changed(state, id, &mut dirty, &mut touched),
                SectionKey::Routes(id) => drop(dirty.networks.insert(id)),
                SectionKey::Port(id) => drop(dirty.ports.insert(id)),
                SectionKey::Mappings(..) => {}
            }
        }
        for id in std::mem::take(&mut dirty.networks) {
            self.network_changed(state, id, &mut dirty, &mut touched);
        }
        for id in dirty.ports {
            self.port_changed(state, id, &mut touched);
        }
        touched
    }

    fn acl_changed(&mut self, state: &GoalState, id: AclId, dirty: &mut Dirty, touched: &mut BTreeSet<Key>) {
        touched.extend(self.variants.iter().filter(|(_, (variant, _))| variant.acl == id).map(|(id, _)| Key::Acl(*id)));
        let old = self.acls.remove(&id);
        let new = match state.section(SectionKey::Acl(id)).as_deref() {
            Some(Section::Acl(acl)) => Some(Dependence::of(acl)),
            _ => None,
        };
        self.acls.extend(new.map(|new| (id, new)));
        if old == new {
            return;
        }
        // It came, went, or is another number of lists now. That is rare enough to look through everything.
        let users =
            self.networks.iter().filter(|(_, network)| network.section.subnets.iter().any(|s| s.acl == Some(id)));
        dirty.networks.extend(users.map(|(id, _)| *id));
        let refers = |port: &PortReferences| {
            let network = port.network;
            network.is_some_and(|network| dirty.networks.contains(&network))
                || port.addresses.iter().any(|address| address.acl == Some(id))
        };
        dirty.ports.extend(self.ports.iter().filter(|(_, port)| refers(&port.section)).map(|(id, _)| *id));
    }

    fn network_changed(&mut self, state: &GoalState, id: NetworkId, dirty: &mut Dirty, touched: &mut BTreeSet<Key>) {
        touched.insert(Key::Network(network::id(id)));
        let old = self.networks.remove(&id);
        if let Some(Section::Routes(section)) = state.section(SectionKey::Routes(id)).as_deref() {
            let section = section.clone();
            let variants = self.subnet_acls(&section).into_iter().flatten().collect();
            self.acquire(&variants, touched);
            self.networks.insert(id, Indexed { section, variants });
        }
        let new = self.networks.get(&id).map(|new| &new.section);
        let old_section = old.as_ref().map(|old| &old.section);
        if old.is_none() && new.is_some() {
            // Mappings may have been here first.
            let place = |entry: Mapping| Key::Mapping(network::id(id), entry.vsid, entry.ca);
            touched.extend(state.shards(id).flat_map(|shard| entries(state, id, shard)).map(place));
        }
        if old_section.map(surroundings) != new.map(surroundings) {
            let inside = self.variants.iter().filter(|(_, (variant, _))| variant.network() == Some(id));
            touched.extend(inside.map(|(id, _)| Key::Acl(*id)));
        }
        // Most changes of a network move nothing that its ports depend on, and then their number does not matter.
        let moved = old_section.zip(new).map(|(old, new)| changed_subnets(&self.facts(old), &self.facts(new)));
        let affected = |port: &PortReferences| {
            let moved = |address: &Reference| moved.as_ref().is_none_or(|moved| moved.contains(&address.subnet));
            port.network == Some(id) && port.addresses.iter().any(moved)
        };
        if moved.as_ref().is_none_or(|moved| !moved.is_empty()) {
            dirty.ports.extend(self.ports.iter().filter(|(_, port)| affected(&port.section)).map(|(id, _)| *id));
        }
        self.release(old.into_iter().flat_map(|old| old.variants), touched);
    }

    fn port_changed(&mut self, state: &GoalState, id: NicId, touched: &mut BTreeSet<Key>) {
        touched.insert(Key::Port(port::id(id)));
        let old = self.ports.remove(&id);
        if let Some(Section::Port(section)) = state.section(SectionKey::Port(id)).as_deref() {
            let section = PortReferences::of(section);
            let resolved = self.resolve(&section).map(|(_, addresses)| addresses).unwrap_or_default();
            let variants = resolved.iter().filter_map(|address| address.acl).collect();
            self.acquire(&variants, touched);
            self.ports.insert(id, Indexed { section, variants });
        }
        self.release(old.into_iter().flat_map(|old| old.variants), touched);
    }

    /// What ports in the network depend on: not which list their subnet has, but that it is there.
    fn facts(&self, network: &Network) -> BTreeSet<(SubnetId, Vsid, bool)> {
        let is_known = |acl: &AclId| self.acls.contains_key(acl);
        network
            .subnets
            .iter()
            .map(|subnet| (subnet.id, subnet.vsid, subnet.acl.as_ref().is_none_or(is_known)))
            .collect()
    }

    fn acquire(&mut self, variants: &Vec<Variant>, touched: &mut BTreeSet<Key>) {
        for variant in variants {
            let (_, uses) = self.variants.entry(variant.id()).or_insert((*variant, 0));
            *uses += 1;
            if *uses == 1 {
                touched.insert(Key::Acl(variant.id()));
            }
        }
    }

    fn release(&mut self, variants: impl IntoIterator<Item = Variant>, touched: &mut BTreeSet<Key>) {
        for variant in variants {
            let id = variant.id();
            let Some((_, uses)) = self.variants.get_mut(&id) else { continue };
            *uses -= 1;
            if *uses == 0 {
                self.variants.remove(&id);
                touched.insert(Key::Acl(id));
            }
        }
    }

    /// Every list the engine needs.
    pub(super) fn variants(&self) -> impl Iterator<Item = Variant> {
        self.variants.values().map(|(variant, _)| *variant)
    }

    /// The list that the engine knows by that name.
    pub(super) fn variant(&self, id: vfp::AclId) -> Option<Variant> {
        self.variants.get(&id).map(|(variant, _)| *variant)
    }

    /// What service tags of `variant` stand for.
    pub(super) fn surroundings(&self, variant: Variant) -> Surroundings {
        Surroundings::of(variant, variant.network().and_then(|network| self.network(network)))
    }

    pub(crate) fn networks(&self) -> impl Iterator<Item = &Network> {
        self.networks.values().map(|network| &network.section)
    }

    pub(crate) fn network(&self, id: NetworkId) -> Option<&Network> {
        self.networks.get(&id).map(|network| &network.section)
    }

    /// The lists of the subnets of `network`, in their order. Lists of subnets without a port here are not sent.
    pub(super) fn subnet_acls(&self, network: &Network) -> Vec<Option<Variant>> {
        let acl = |subnet: &Subnet| self.resolve_acl(subnet.acl?, network.id, subnet.id).ok();
        network.subnets.iter().map(acl).collect()
    }

    fn resolve_acl(&self, acl: AclId, network: NetworkId, subnet: SubnetId) -> Result<Variant, Unusable> {
        let dependence = self.acls.get(&acl).ok_or(Unusable::NoAcl(acl))?;
        Ok(dependence.variant(acl, network, subnet))
    }

    /// Follows the references of the port that has the MAC address `actual`.
    ///
    /// # Errors
    /// [`Unusable`]: the port is another, or something it refers to is missing. Fails closed.
    pub(super) fn port(&self, nic: NicId, actual: MacAddr) -> Result<(NetworkId, Vec<ResolvedAddress>), Unusable> {
        let port = &self.ports.get(&nic).ok_or(Unusable::NoPolicy)?.section;
        match port.mac {
            expected if expected == actual => self.resolve(port),
            expected => Err(Unusable::WrongMac { expected, actual }),
        }
    }

    fn resolve(&self, port: &PortReferences) -> Result<(NetworkId, Vec<ResolvedAddress>), Unusable> {
        let id = port.network.filter(|_| !port.addresses.is_empty()).ok_or(Unusable::NoPolicy)?;
        let network = self.network(id).ok_or(Unusable::NoNetwork(id))?;
        let resolve = |address: &Reference| {
            let Reference { ca, subnet, acl } = *address;
            let found = network.subnets.iter().find(|candidate| candidate.id == subnet);
            let found = found.ok_or(Unusable::NoSubnet { ca, subnet, network: id })?;
            // The subnet's list must be there as well, or the port would be less protected than it should be.
            found.acl.map(|acl| self.resolve_acl(acl, id, subnet)).transpose()?;
            let acl = acl.map(|acl| self.resolve_acl(acl, id, subnet)).transpose()?;
            Ok(ResolvedAddress { vsid: found.vsid, acl })
        };
        let addresses: Result<_, Unusable> = port.addresses.iter().map(resolve).collect();
        Ok((id, addresses?))
    }
}

impl PortReferences {
    fn of(port: &policy::port::Port) -> Self {
        let reference = |address: &policy::port::PortAddress| Reference {
            ca: address.ca,
            subnet: address.subnet,
            acl: address.acl,
        };
        Self { mac: port.mac, network: port.network, addresses: port.addresses.iter().map(reference).collect() }
    }
}

fn changed_subnets<T: Ord>(
    old: &BTreeSet<(SubnetId, T, bool)>,
    new: &BTreeSet<(SubnetId, T, bool)>,
) -> BTreeSet<SubnetId> {
    old.symmetric_difference(new).map(|(subnet, ..)| *subnet).collect()
}

/// What lists in the network depend on.
fn surroundings(network: &Network) -> impl PartialEq {
    let routers = network.subnets.iter().map(|subnet| (subnet.id, subnet.router));
    (network.address_space.clone(), routers.collect::<BTreeSet<_>>())
}

/// A change, before it is carried out: what has to be remembered of the state that it ends.
#[derive(Debug)]
pub(crate) struct Pending {
    sections: Vec<SectionKey>,
    mappings: Vec<(NetworkId, ShardId, Vec<Mapping>)>,
}

impl Pending {
    /// `state` is the goal state before `change`.
    pub(crate) fn new(state: &GoalState, change: &Change) -> Self {
        let sections: Vec<_> = change.set.iter().map(|(key, _)| *key).chain(change.remove.iter().copied()).collect();
        let mappings = sections.iter().filter_map(|key| match *key {
            SectionKey::Mappings(network, shard) => Some((network, shard, entries(state, network, shard))),
            _ => None,
        });
        let mappings = mappings.collect();
        Self { sections, mappings }
    }

    fn changed_mappings(&self, after: &GoalState) -> BTreeSet<Key> {
        let differing = |(network, shard, before): &(NetworkId, ShardId, Vec<Mapping>)| {
            let after = entries(after, *network, *shard);
            let place = |entry: &Mapping| Key::Mapping(network::id(*network), entry.vsid, entry.ca);
            let gone_or_changed = before.iter().filter(|entry| after.binary_search(entry).is_err());
            let new_or_changed = after.iter().filter(|entry| before.binary_search(entry).is_err());
            gone_or_changed.chain(new_or_changed).map(place).collect::<Vec<_>>()
        };
        self.mappings.iter().flat_map(differing).collect()
    }
}

/// Entries of a shard, in order; none if there is no such section.
pub(super) fn entries(state: &GoalState, network: NetworkId, shard: ShardId) -> Vec<Mapping> {
    match state.section(SectionKey::Mappings(network, shard)).as_deref() {
        Some(Section::Mappings(MappingShard { entries })) => entries.clone(),
        _ => Vec::new(),
    }
}
