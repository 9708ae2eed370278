//! Second pass: serialises what was touched and puts it into the manifests of the hosts in its span.

use super::span::Item;
use super::touched::Touched;
use super::{Compiler, Host, render};
use crate::fabric::{Nic, Server, Settings};
use policy::goal_state::{SectionBody, SectionKey};
use policy::ids::{HostId, NetworkId};
use policy::mapping::ShardId;
use policy::port::{Port, PortAddress};
use std::collections::{BTreeSet, HashMap};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What the second pass did.
#[derive(Debug, Default)]
pub(super) struct Emitted {
    /// Hosts whose manifest changed, known or not.
    pub(super) manifests: BTreeSet<HostId>,
    /// Sections that were serialised.
    pub(super) rendered: usize,
}

impl Emitted {
    fn rendered<T>(&mut self, body: Option<T>) -> Option<T> {
        self.rendered += usize::from(body.is_some());
        body
    }
}

impl Compiler {
    /// Brings all manifests up to date with what was touched.
    pub(super) fn emit(&mut self, touched: &Touched) -> Emitted {
        let mut emitted = Emitted::default();
        self.emit_hosts(touched, &mut emitted);
        self.emit_ports(touched, &mut emitted);
        self.emit_shared(touched, &mut emitted);
        self.emit_spans(touched, &mut emitted);
        let vacated = touched.ports.values().flatten().chain(&touched.hosts);
        for id in vacated {
            if self.hosts.get(id).is_some_and(|host| host.server.is_none() && host.ports.is_empty()) {
                self.hosts.remove(id);
            }
        }
        emitted
    }

    fn emit_hosts(&mut self, touched: &Touched, emitted: &mut Emitted) {
        for id in &touched.hosts {
            let server = self.hosts.get(id).and_then(|host| host.server.as_deref());
            let body = emitted.rendered(server.map(|server| render(&host_section(server, self.settings))));
            put(&mut self.hosts, *id, SectionKey::Host, body.as_ref(), emitted);
        }
    }

    fn emit_ports(&mut self, touched: &Touched, emitted: &mut Emitted) {
        for (id, before) in &touched.ports {
            let placed = self.nics.get(id).and_then(|placement| placement.placed());
            let now = emitted.rendered(placed.map(|(nic, host)| (host, render(&port_section(nic)))));
            if let Some(before) = before.filter(|before| now.as_ref().is_none_or(|(host, _)| host != before)) {
                put(&mut self.hosts, before, SectionKey::Port(*id), None, emitted);
            }
            if let Some((host, body)) = now {
                put(&mut self.hosts, host, SectionKey::Port(*id), Some(&body), emitted);
            }
        }
    }

    fn emit_shared(&mut self, touched: &Touched, emitted: &mut Emitted) {
        for id in &touched.acls {
            for host in self.span.hosts(Item::Acl(*id)) {
                put(&mut self.hosts, host, SectionKey::Acl(*id), self.acls.get(id), emitted);
            }
        }
        for id in &touched.networks {
            let routes = self.networks.get(id).map(|network| &network.routes);
            for host in self.span.hosts(Item::Network(*id)) {
                put(&mut self.hosts, host, SectionKey::Routes(*id), routes, emitted);
            }
        }
        for (network, shard) in &touched.shards {
            let hosts = &self.hosts;
            let provider_address = |host: HostId| hosts.get(&host).and_then(Host::provider_address);
            let body = emitted.rendered(self.mappings.render(*network, *shard, provider_address));
            for host in self.span.hosts(Item::Network(*network)) {
                put(&mut self.hosts, host, SectionKey::Mappings(*network, *shard), body.as_ref(), emitted);
            }
        }
    }

    /// Gives hosts what they entered and takes what they left. What a host stayed in came with the shared sections.
    fn emit_spans(&mut self, touched: &Touched, emitted: &mut Emitted) {
        for (&(item, host), &before) in &touched.spans {
            let now = self.span.holds(item, host);
            match (item, before, now) {
                (Item::Acl(acl), false, true) => {
                    put(&mut self.hosts, host, SectionKey::Acl(acl), self.acls.get(&acl), emitted);
                }
                (Item::Acl(acl), true, false) => put(&mut self.hosts, host, SectionKey::Acl(acl), None, emitted),
                (Item::Network(id), false, true) => {
                    let routes = self.networks.get(&id).map(|network| &network.routes);
                    put(&mut self.hosts, host, SectionKey::Routes(id), routes, emitted);
                    for (shard, body) in self.mappings.sections(id) {
                        put(&mut self.hosts, host, SectionKey::Mappings(id, shard), Some(body), emitted);
                    }
                }
                (Item::Network(id), true, false) => {
                    for key in self.network_sections(id, host) {
                        put(&mut self.hosts, host, key, None, emitted);
                    }
                }
                // A subnet has no section of its own: its list entered or left with it.
                (Item::Subnet(..), ..) | (_, true, true) | (_, false, false) => {}
            }
        }
    }

    /// Sections of the network that are in the host's manifest.
    fn network_sections(&self, id: NetworkId, host: HostId) -> Vec<SectionKey> {
        let first = ShardId::of(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        let last = ShardId::of(IpAddr::V6(Ipv6Addr::from(u128::MAX)));
        let shards = SectionKey::Mappings(id, first)..=SectionKey::Mappings(id, last);
        let held = self.hosts.get(&host).into_iter().flat_map(|host| host.manifest.range(shards.clone()));
        held.map(|(key, _)| *key).chain([SectionKey::Routes(id)]).collect()
    }
}

/// Sets or removes one section of a manifest, and notes the host if that made a difference.
fn put(
    hosts: &mut HashMap<HostId, Host>,
    host: HostId,
    key: SectionKey,
    body: Option<&SectionBody>,
    emitted: &mut Emitted,
) {
    let Some(Host { manifest, .. }) = hosts.get_mut(&host) else { return };
    if manifest.get(&key) == body {
        return;
    }
    emitted.manifests.insert(host);
    match body {
        Some(body) => manifest.insert(key, body.clone()),
        None => manifest.remove(&key),
    };
}

fn host_section(server: &Server, settings: Settings) -> policy::host::Host {
    let Settings { encapsulation, without_acl } = settings;
    policy::host::Host { id: server.id, provider_address: server.provider_address, encapsulation, without_acl }
}

fn port_section(nic: &Nic) -> Port {
    let address = |address: &crate::fabric::Address| PortAddress {
        ca: address.ca,
        subnet: address.subnet,
        acl: address.acl,
        primary: address.primary,
    };
    Port {
        nic: nic.id,
        mac: nic.mac,
        network: nic.network(),
        addresses: nic.enforced().map(address).collect(),
        qos: nic.qos,
        guards: nic.guards,
        secondary: nic.secondary,
        dns_servers: nic.dns_servers.clone(),
    }
}
