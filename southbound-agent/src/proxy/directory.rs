//! What is in force, as guests may know it.
//!
//! The agent changes the directory and the engine's policy under one lock of this directory. A guest therefore never
//! reads of an address before the engine lets it pass, and never after the engine has stopped letting it pass.

use crate::proxy::answer::Answer;
use crate::proxy::documents::{ListedAddress, Listing};
use crate::proxy::request::Request;
use crate::proxy::routes::Routes;
use crate::proxy::settings::ProxySettings;
use policy::goal_state::ContentHash;
use policy::ids::{NetworkId, NicId, VmId};
use policy::network::Network;
use policy::port::{Port, PortAddress};
use std::collections::{BTreeSet, HashMap};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use uuid::Uuid;

/// The ports that can ask, with what they may be told.
#[derive(Debug, Default)]
pub(crate) struct Directory(RwLock<Published>);

/// The content.
#[derive(Debug, Default)]
pub(crate) struct Published {
    ports: HashMap<NicId, Entry>,
    /// Ports of VMs that are known to have them.
    by_vm: BTreeSet<(VmId, NicId)>,
    networks: HashMap<NetworkId, Network>,
    routes: Routes,
    /// The documents about interfaces show all of the VM, not only the one that asks.
    all_interfaces: bool,
}

#[derive(Debug)]
struct Entry {
    hash: ContentHash,
    port: Port,
    vm: Option<VmId>,
}

impl Directory {
    /// Answer to a request that came from the port of the network interface.
    pub(super) fn answer(&self, nic: NicId, request: &Request) -> Answer {
        let published = self.read();
        Answer::to(request, &published.routes, &published.listings(nic))
    }

    /// How many addresses containers of the network interface may take; `None` while nothing is in force for it.
    pub(crate) fn listed(&self, nic: NicId) -> Option<usize> {
        let listing = self.read().listing(nic)?;
        Some(listing.addresses.iter().filter(|address| !address.is_primary).count())
    }

    /// To change content and policy together. Readers wait.
    pub(crate) fn write(&self) -> RwLockWriteGuard<'_, Published> {
        // No holder panics between two changes that belong together.
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self) -> RwLockReadGuard<'_, Published> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Published {
    /// Answers follow these settings from now on.
    pub(crate) fn follow(&mut self, settings: &ProxySettings) {
        let ProxySettings { enabled: _, routes, all_interfaces } = settings;
        (self.routes, self.all_interfaces) = (routes.clone(), *all_interfaces);
    }

    /// Whether the port is published with this content already.
    pub(crate) fn holds(&self, nic: NicId, hash: ContentHash, vm: Option<VmId>) -> bool {
        self.ports.get(&nic).is_some_and(|held| held.hash == hash && held.vm == vm)
    }

    /// The port's policy is in force.
    pub(crate) fn put(&mut self, hash: ContentHash, port: Port, vm: Option<VmId>) {
        self.remove(port.nic);
        self.by_vm.extend(vm.map(|vm| (vm, port.nic)));
        self.ports.insert(port.nic, Entry { hash, port, vm });
    }

    /// The port is gone, or its policy is not in force.
    pub(crate) fn remove(&mut self, nic: NicId) {
        if let Some(Entry { vm: Some(vm), .. }) = self.ports.remove(&nic) {
            self.by_vm.remove(&(vm, nic));
        }
    }

    /// The network has this shape.
    pub(crate) fn put_network(&mut self, network: Network) {
        self.networks.insert(network.id, network);
    }

    /// The network is gone.
    pub(crate) fn remove_network(&mut self, id: NetworkId) {
        self.networks.remove(&id);
    }

    /// These are all the networks there are.
    pub(crate) fn set_networks(&mut self, networks: impl IntoIterator<Item = Network>) {
        self.networks = networks.into_iter().map(|network| (network.id, network)).collect();
    }

    /// What the network interface may be told: of itself first, and of the others of its VM if the settings say so. Empty
    /// while nothing is in force for it.
    fn listings(&self, nic: NicId) -> Vec<Listing> {
        let vm = self.ports.get(&nic).and_then(|entry| entry.vm).filter(|_| self.all_interfaces);
        let others =
            vm.into_iter().flat_map(|vm| self.by_vm.range((vm, NicId(Uuid::nil()))..=(vm, NicId(Uuid::max()))));
        let others = others.map(|(_, other)| *other).filter(|other| *other != nic);
        match self.listing(nic) {
            Some(own) => [own].into_iter().chain(others.filter_map(|other| self.listing(other))).collect(),
            None => Vec::new(),
        }
    }

    fn listing(&self, nic: NicId) -> Option<Listing> {
        let Entry { port, .. } = self.ports.get(&nic)?;
        let network = self.networks.get(&port.network?)?;
        let own = own(&port.addresses)?;
        let listed = port.addresses.iter().filter_map(|address| listed(address, address.ca == own.ca, network));
        let mut addresses: Vec<ListedAddress> = listed.collect();
        // Stable: the others keep the order of the document.
        addresses.sort_by_key(|address| !address.is_primary);
        let resolvers = if port.dns_servers.is_empty() { &network.dns_servers } else { &port.dns_servers };
        Some(Listing { mac: port.mac, is_primary: !port.secondary, dns_servers: resolvers.clone(), addresses })
    }
}

/// The VM's own address: the one that is said to be, else the first. Clients take IPv4 addresses alone, and all that are
/// not the VM's own; so an IPv6 address that happens to be first is not taken for it.
fn own(addresses: &[PortAddress]) -> Option<&PortAddress> {
    let said = addresses.iter().find(|address| address.primary);
    said.or_else(|| addresses.iter().find(|address| address.ca.is_ipv4())).or(addresses.first())
}

/// An address with what its subnet says. Addresses that no guest can use are left out, whoever allowed them.
fn listed(address: &PortAddress, is_primary: bool, network: &Network) -> Option<ListedAddress> {
    let subnet = network.subnets.iter().find(|subnet| subnet.id == address.subnet)?;
    let ca = address.ca;
    let is_reserved = ca == subnet.router
        || ca == subnet.prefix.network()
        || (ca.is_ipv4() && ca == subnet.prefix.last())
        || !subnet.prefix.contains(ca);
    let listed = ListedAddress { ca, subnet: subnet.prefix, router: subnet.router, vsid: subnet.vsid, is_primary };
    (!is_reserved).then_some(listed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use policy::ids::SubnetId;
    use policy::net::{MacAddr, Vsid};
    use policy::network::Subnet;
    use policy::port::{Guards, Qos};
    use uuid::Uuid;

    const NIC: NicId = NicId(Uuid::from_u128(1));
    const NETWORK: NetworkId = NetworkId(Uuid::from_u128(2));
    const SUBNET: SubnetId = SubnetId(Uuid::from_u128(3));

    fn port(addresses: &[(&str, bool)]) -> Port {
        let address = |(ca, primary): &(&str, bool)| PortAddress {
            ca: ca.parse().unwrap(),
            subnet: SUBNET,
            acl: None,
            primary: *primary,
        };
        Port {
            nic: NIC,
            mac: MacAddr::from_u64(7),
            network: Some(NETWORK),
            addresses: addresses.iter().map(address).collect(),
            qos: Qos::default(),
            guards: Guards::default(),
            secondary: false,
            dns_servers: Vec::new(),
        }
    }

    fn network() -> Network {
        let subnet = Subnet {
            id: SUBNET,
            vsid: Vsid::new(5001).unwrap(),
            prefix: "192.168.1.0/24".parse().unwrap(),
            router: "192.168.1.1".parse().unwrap(),
            acl: None,
        };
        let resolver = "10.0.0.53".parse().unwrap();
        let router_mac = MacAddr::from_u64(9);
        Network {
            id: NETWORK,
            address_space: Vec::new(),
            router_mac,
            subnets: vec![subnet],
            dns_servers: vec![resolver],
        }
    }

    fn listing(port: Port) -> Option<Listing> {
        let directory = Directory::default();
        let mut published = directory.write();
        published.put_network(network());
        published.put(ContentHash::of(b"port"), port, None);
        drop(published);
        directory.read().listing(NIC)
    }

    fn shown(listing: &Listing) -> Vec<(String, bool)> {
        listing.addresses.iter().map(|address| (address.ca.to_string(), address.is_primary)).collect()
    }

    #[test]
    fn the_flagged_address_is_the_vms_own_and_else_the_first() {
        let flagged = listing(port(&[("192.168.1.101", false), ("192.168.1.9", true)])).unwrap();
        assert_eq!(shown(&flagged), [("192.168.1.9".to_owned(), true), ("192.168.1.101".to_owned(), false)]);
        let unflagged = listing(port(&[("192.168.1.9", false), ("192.168.1.101", false)])).unwrap();
        assert_eq!(shown(&unflagged), [("192.168.1.9".to_owned(), true), ("192.168.1.101".to_owned(), false)]);
    }

    #[test]
    fn an_ipv6_address_that_comes_first_does_not_give_the_vms_own_to_containers() {
        let addresses = ["fd00::9", "192.168.1.9", "192.168.1.101"].map(|ca| (ca, false));
        let listing = listing(port(&addresses)).unwrap();
        assert_eq!(shown(&listing), [("192.168.1.9".to_owned(), true), ("192.168.1.101".to_owned(), false)]);
    }

    #[test]
    fn addresses_that_no_guest_can_use_are_never_listed() {
        let reserved = ["192.168.1.0", "192.168.1.1", "192.168.1.255", "10.9.9.9"].map(|ca| (ca, false));
        let listing = listing(port(&[&[("192.168.1.9", true)], &reserved[..]].concat())).unwrap();
        assert_eq!(shown(&listing), [("192.168.1.9".to_owned(), true)]);
    }

    #[test]
    fn resolvers_of_the_interface_go_before_those_of_the_network() {
        assert_eq!(listing(port(&[("192.168.1.9", true)])).unwrap().dns_servers, network().dns_servers);
        let own = vec!["192.168.1.53".parse().unwrap()];
        let port = Port { dns_servers: own.clone(), ..port(&[("192.168.1.9", true)]) };
        assert_eq!(listing(port).unwrap().dns_servers, own);
    }

    #[test]
    fn all_interfaces_of_a_vm_are_shown_if_the_settings_say_so_and_never_those_of_another() {
        let (vm, other_vm) = (VmId(Uuid::from_u128(8)), VmId(Uuid::from_u128(9)));
        let nic = |number: u128| NicId(Uuid::from_u128(number));
        let directory = Directory::default();
        let mut published = directory.write();
        published.put_network(network());
        for (number, vm) in [(1_u8, Some(vm)), (2, Some(other_vm)), (3, Some(vm)), (4, None)] {
            let mac = MacAddr::from_u64(number.into());
            let port = Port { nic: nic(number.into()), mac, ..port(&[("192.168.1.9", true)]) };
            published.put(ContentHash::of(b"port"), port, vm);
        }
        let macs = |published: &Published, asks: u128| -> Vec<u64> {
            published.listings(nic(asks)).iter().map(|listing| listing.mac.to_u64()).collect()
        };
        assert_eq!(macs(&published, 3), [3], "the one that asks");
        published.follow(&ProxySettings { all_interfaces: true, ..ProxySettings::default() });
        assert_eq!(macs(&published, 3), [3, 1]);
        assert_eq!((macs(&published, 2), macs(&published, 4)), (vec![2], vec![4]));
        published.remove(nic(1));
        assert_eq!((macs(&published, 3), macs(&published, 1)), (vec![3], vec![]));
    }

    #[test]
    fn what_is_not_in_force_is_not_listed() {
        assert_eq!(listing(Port { network: None, ..port(&[]) }), None);
        assert_eq!(listing(port(&[])), None);
        let directory = Directory::default();
        directory.write().put(ContentHash::of(b"port"), port(&[("192.168.1.9", true)]), None);
        assert_eq!(directory.read().listing(NIC), None, "the network has not come yet");
        directory.write().put_network(network());
        assert!(directory.read().listing(NIC).is_some());
        directory.write().remove(NIC);
        assert_eq!(directory.read().listing(NIC), None);
    }
}
