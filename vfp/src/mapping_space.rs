//! A mapping space: which provider address, and which MAC, stands behind a customer address. `vfp.md` section 2.

use crate::address::Address;
use crate::hash::Seeded;
use crate::tenant::network::Mapping;
use policy::net::Vsid;
use std::collections::HashMap;
use std::net::IpAddr;

/// One per routing domain.
pub(crate) struct MappingSpace(HashMap<(Vsid, Address), Mapping, Seeded>);

impl MappingSpace {
    pub(crate) fn new(seed: Seeded) -> Self {
        Self(HashMap::with_hasher(seed))
    }

    pub(crate) fn get(&self, vsid: Vsid, ca: Address) -> Option<&Mapping> {
        self.0.get(&(vsid, ca))
    }

    /// Returns what the address was mapped to before.
    pub(crate) fn insert(&mut self, vsid: Vsid, ca: Address, mapping: Mapping) -> Option<Mapping> {
        self.0.insert((vsid, ca), mapping)
    }

    /// Returns what the address was mapped to.
    pub(crate) fn remove(&mut self, vsid: Vsid, ca: Address) -> Option<Mapping> {
        self.0.remove(&(vsid, ca))
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (Vsid, IpAddr, Mapping)> {
        self.0.iter().map(|((vsid, ca), mapping)| (*vsid, ca.to_ip(), *mapping))
    }
}
