//! Where the customer addresses of each network live, cut into shards.

use super::render;
use crate::fabric::Nic;
use policy::goal_state::SectionBody;
use policy::ids::{HostId, NetworkId, NicId};
use policy::mapping::{Mapping, MappingShard, ShardId};
use policy::net::{MacAddr, Vsid};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;

/// One address of a NIC on a host, in the order of a shard's entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Row {
    vsid: Vsid,
    ca: IpAddr,
    nic: NicId,
    mac: MacAddr,
    host: HostId,
}

impl Row {
    /// The rows of a NIC that is on `host`.
    pub(super) fn of(nic: &Nic, host: HostId) -> impl Iterator<Item = (NetworkId, Self)> {
        let row = move |address: &crate::fabric::Address| {
            (address.network, Self { vsid: address.vsid, ca: address.ca, nic: nic.id, mac: nic.mac, host })
        };
        nic.enforced().map(row)
    }

    /// The shard that the row belongs to.
    pub(super) fn shard(&self) -> ShardId {
        ShardId::of(self.ca)
    }
}

#[derive(Debug, Default)]
struct Shard {
    rows: BTreeSet<Row>,
    body: Option<SectionBody>,
}

/// All shards of all networks.
#[derive(Debug, Default)]
pub(super) struct Mappings(HashMap<NetworkId, BTreeMap<ShardId, Shard>>);

impl Mappings {
    /// Adds a row.
    pub(super) fn insert(&mut self, network: NetworkId, row: Row) {
        self.0.entry(network).or_default().entry(row.shard()).or_default().rows.insert(row);
    }

    /// Takes a row away.
    pub(super) fn remove(&mut self, network: NetworkId, row: &Row) {
        if let Some(shard) = self.0.get_mut(&network).and_then(|shards| shards.get_mut(&row.shard())) {
            shard.rows.remove(row);
        }
    }

    /// Serialises a shard anew; `None` when it has no entry. Addresses on hosts without provider address have none.
    pub(super) fn render(
        &mut self,
        network: NetworkId,
        id: ShardId,
        provider_address: impl Fn(HostId) -> Option<IpAddr>,
    ) -> Option<SectionBody> {
        let shards = self.0.get_mut(&network)?;
        let shard = shards.get_mut(&id)?;
        if shard.rows.is_empty() {
            shards.remove(&id);
            if shards.is_empty() {
                self.0.remove(&network);
            }
            return None;
        }
        let mut entries = Vec::with_capacity(shard.rows.len());
        for &Row { vsid, ca, nic: _, mac, host } in &shard.rows {
            entries.extend(provider_address(host).map(|pa| Mapping { vsid, ca, mac, pa }));
        }
        // The store lets no two NICs of a network share an address. Should it happen, the lower id has it.
        entries.dedup_by_key(|mapping| (mapping.vsid, mapping.ca));
        shard.body = (!entries.is_empty()).then(|| render(&MappingShard { entries }));
        shard.body.clone()
    }

    /// Every shard of a network that has entries, as last serialised.
    pub(super) fn sections(&self, network: NetworkId) -> impl Iterator<Item = (ShardId, &SectionBody)> {
        let shards = self.0.get(&network).into_iter().flatten();
        shards.filter_map(|(id, shard)| Some((*id, shard.body.as_ref()?)))
    }
}
