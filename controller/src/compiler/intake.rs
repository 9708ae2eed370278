//! First pass: takes changes into the model and notes what they touch.

use super::mappings::Row;
use super::span::Item;
use super::touched::Touched;
use super::{Compiler, Network, Placement, render};
use crate::fabric::{self, Acl, Change, Nic, Server, Settings};
use policy::ids::{AclId, HostId, NetworkId, NicId, SubnetId};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

impl Compiler {
    /// Takes one change.
    pub(super) fn take(&mut self, change: &Change, touched: &mut Touched) {
        match change {
            Change::Settings(settings) => self.take_settings(*settings, touched),
            Change::Acl(id, acl) => self.take_acl(*id, acl.as_deref(), touched),
            Change::Network(id, network) => self.take_network(*id, network.as_deref(), touched),
            Change::Server(id, server) => self.take_server(*id, server.clone(), touched),
            Change::Nic(id, nic) => self.place(*id, |placement| placement.nic.clone_from(nic), touched),
            Change::Binding(id, host) => self.place(*id, |placement| placement.host = *host, touched),
        }
    }

    fn take_settings(&mut self, settings: Settings, touched: &mut Touched) {
        if self.settings != settings {
            self.settings = settings;
            touched.hosts.extend(self.hosts.keys());
        }
    }

    fn take_acl(&mut self, id: AclId, acl: Option<&Acl>, touched: &mut Touched) {
        touched.acls.insert(id);
        match acl {
            Some(acl) => {
                touched.rendered += 1;
                self.acls.insert(id, render(acl));
            }
            None => {
                self.acls.remove(&id);
            }
        }
    }

    fn take_network(&mut self, id: NetworkId, network: Option<&fabric::Network>, touched: &mut Touched) {
        touched.networks.insert(id);
        let subnet_acls = |network: &fabric::Network| -> BTreeMap<SubnetId, AclId> {
            network.subnets.iter().filter_map(|subnet| Some((subnet.id, subnet.acl?))).collect()
        };
        let now = network.map(subnet_acls).unwrap_or_default();
        let before = match network {
            Some(network) => {
                touched.rendered += 1;
                self.networks.insert(id, Network { routes: render(network), subnet_acls: now.clone() })
            }
            None => self.networks.remove(&id),
        };
        let before = before.map(|network| network.subnet_acls).unwrap_or_default();
        let subnets: BTreeSet<SubnetId> = before.keys().chain(now.keys()).copied().collect();
        for subnet in subnets.into_iter().filter(|subnet| before.get(subnet) != now.get(subnet)) {
            let hosts: Vec<HostId> = self.span.hosts(Item::Subnet(id, subnet)).collect();
            for host in hosts {
                if let Some(acl) = now.get(&subnet) {
                    self.enter(Item::Acl(*acl), host, touched);
                }
                if let Some(acl) = before.get(&subnet) {
                    self.leave(Item::Acl(*acl), host, touched);
                }
            }
        }
    }

    fn take_server(&mut self, id: HostId, server: Option<Arc<Server>>, touched: &mut Touched) {
        touched.hosts.insert(id);
        let host = self.hosts.entry(id).or_default();
        let before = host.provider_address();
        host.server = server;
        if host.provider_address() != before {
            let placed = host.ports.iter().filter_map(|nic| self.nics.get(nic)?.placed());
            let rows = placed.flat_map(|(nic, host)| Row::of(nic, host));
            touched.shards.extend(rows.map(|(network, row)| (network, row.shard())));
        }
    }

    /// Changes a NIC or the host it is on.
    fn place(&mut self, id: NicId, change: impl FnOnce(&mut Placement), touched: &mut Touched) {
        let before = self.nics.get(&id).cloned().unwrap_or_default();
        let mut now = before.clone();
        change(&mut now);
        if now == before {
            return;
        }
        touched.ports.entry(id).or_insert(before.placed().map(|(_, host)| host));

        // Entering first keeps the counts of what both need above zero.
        if let Some((nic, host)) = now.placed() {
            self.hosts.entry(host).or_default().ports.insert(id);
            uses(nic).for_each(|item| self.enter(item, host, touched));
        }
        if let Some((nic, host)) = before.placed() {
            uses(nic).for_each(|item| self.leave(item, host, touched));
            if now.placed().is_none_or(|(_, now)| now != host)
                && let Some(host) = self.hosts.get_mut(&host)
            {
                host.ports.remove(&id);
            }
        }

        let rows = |placement: &Placement| -> BTreeSet<(NetworkId, Row)> {
            placement.placed().into_iter().flat_map(|(nic, host)| Row::of(nic, host)).collect()
        };
        let (rows_before, rows_now) = (rows(&before), rows(&now));
        for (network, row) in rows_before.difference(&rows_now) {
            self.mappings.remove(*network, row);
            touched.shards.insert((*network, row.shard()));
        }
        for (network, row) in rows_now.difference(&rows_before) {
            self.mappings.insert(*network, *row);
            touched.shards.insert((*network, row.shard()));
        }

        match now == Placement::default() {
            true => self.nics.remove(&id),
            false => self.nics.insert(id, now),
        };
    }

    fn enter(&mut self, item: Item, host: HostId, touched: &mut Touched) {
        if self.span.enter(item, host) {
            touched.spans.entry((item, host)).or_insert(false);
            if let Some(acl) = self.list_of(item) {
                self.enter(Item::Acl(acl), host, touched);
            }
        }
    }

    fn leave(&mut self, item: Item, host: HostId, touched: &mut Touched) {
        if self.span.leave(item, host) {
            touched.spans.entry((item, host)).or_insert(true);
            if let Some(acl) = self.list_of(item) {
                self.leave(Item::Acl(acl), host, touched);
            }
        }
    }

    /// The list that a host needs because it needs `item`.
    fn list_of(&self, item: Item) -> Option<AclId> {
        match item {
            Item::Subnet(network, subnet) => self.networks.get(&network)?.subnet_acls.get(&subnet).copied(),
            Item::Network(_) | Item::Acl(_) => None,
        }
    }
}

/// What a host needs for the NIC's port.
fn uses(nic: &Nic) -> impl Iterator<Item = Item> {
    let of_address = |address: &fabric::Address| {
        [Some(Item::Subnet(address.network, address.subnet)), address.acl.map(Item::Acl)].into_iter().flatten()
    };
    nic.network().map(Item::Network).into_iter().chain(nic.enforced().flat_map(of_address))
}
