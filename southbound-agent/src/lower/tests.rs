//! From goal states to programmed objects: what comes out, and that following changes comes to the same as starting
//! over.

use crate::datapath::clock::Clock;
use crate::driver::software::{SharedSwitch, Software};
use crate::driver::{Key, Programmed, Step, VfpDriver};
use crate::goal_state::GoalState;
use crate::lower::goal::Goal;
use crate::lower::index::{Index, Pending};
use crate::lower::{network, port};
use crate::ports::{Attachment, Attachments, PortChange};
use crate::reconcile;
use crate::reconcile::plan::differences;
use policy::GOAL_STATE_VERSION;
use policy::acl::{Acl, AclRule, Action, AddressMatch, Direction, Protocol, ServiceTag};
use policy::goal_state::{SectionBody, SectionKey, Update};
use policy::host::{DefaultVerdict, Encapsulation, Host};
use policy::ids::{AclId, AttachId, Epoch, Generation, HostId, NetworkId, NicId, SubnetId};
use policy::mapping::{Mapping, MappingShard, ShardId};
use policy::net::{MacAddr, PortRange, Vsid};
use policy::network::{Network, Subnet};
use policy::port::{Guards, Port, PortAddress, Qos};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use uuid::Uuid;
use vfp::{AddressSet, Config, Switch};

/// A small world in which everything can change. Numbers are turned into ids, addresses and sections.
#[derive(Clone, Debug, Default)]
struct World {
    pa: u8,
    /// List number to kind (0: no tags, 1: network tags, 2: probe tag) and a number that its rule carries.
    acls: BTreeMap<u8, (u8, u16)>,
    /// Network number to third octet of its address space, and per subnet a VSID offset and perhaps a list.
    networks: BTreeMap<u8, (u8, Subnets)>,
    /// NIC number to MAC, network, subnet, and perhaps a list.
    nics: BTreeMap<u8, (u8, u8, u8, Option<u8>)>,
    /// Network, last octet (block boundaries included) to PA.
    mappings: BTreeMap<(u8, u8), u8>,
    /// Attached NICs with the MAC of the device.
    attached: BTreeMap<u8, u8>,
}

type Subnets = BTreeMap<u8, (u8, Option<u8>)>;

fn id(kind: u8, number: u8) -> Uuid {
    Uuid::from_u128(u128::from(kind) << 8 | u128::from(number))
}

fn acl_id(number: u8) -> AclId {
    AclId(id(1, number))
}

fn network_id(number: u8) -> NetworkId {
    NetworkId(id(2, number))
}

fn subnet_id(network: u8, number: u8) -> SubnetId {
    SubnetId(id(3, network * 16 + number))
}

fn nic_id(number: u8) -> NicId {
    NicId(id(4, number))
}

fn address(network: u8, last: u8) -> IpAddr {
    [10, network, 0, last].into()
}

fn acl(number: u8, kind: u8, priority: u16) -> Acl {
    let source = match kind {
        0 => AddressMatch::Prefix("192.168.0.0/16".parse().unwrap()),
        1 => AddressMatch::Tag(ServiceTag::Internet),
        _ => AddressMatch::Tag(ServiceTag::AzureLoadBalancer),
    };
    let rule = AclRule {
        id: "rule".to_owned(),
        priority,
        direction: Direction::Inbound,
        action: Action::Allow,
        protocol: Protocol::Tcp,
        source,
        source_ports: PortRange::ANY,
        destination: if kind == 1 { AddressMatch::Tag(ServiceTag::VirtualNetwork) } else { AddressMatch::Any },
        destination_ports: "80".parse().unwrap(),
        logging: false,
    };
    let (inbound_default, outbound_default) = (Action::Deny, Action::Allow);
    Acl { id: acl_id(number), inbound_default, outbound_default, rules: vec![rule] }
}

fn vsid(network: u8, offset: u8) -> Vsid {
    Vsid::new(5000 + u32::from(network) * 100 + u32::from(offset)).unwrap()
}

impl World {
    fn sections(&self) -> Vec<(SectionKey, SectionBody)> {
        let without_acl = DefaultVerdict { inbound: Action::Deny, outbound: Action::Allow };
        let pa = policy::host::ProviderAddress {
            address: [172, 16, 0, self.pa].into(),
            subnet: "172.16.0.0/24".parse().unwrap(),
            vlan: 0,
        };
        let provider_address = (self.pa > 0).then_some(pa);
        let host = Host { id: HostId(id(9, 1)), provider_address, encapsulation: Encapsulation::Vxlan, without_acl };
        let mut sections = vec![(SectionKey::Host, SectionBody::new(&host).unwrap())];
        for (&number, &(kind, priority)) in &self.acls {
            let body = SectionBody::new(&acl(number, kind, priority)).unwrap();
            sections.push((SectionKey::Acl(acl_id(number)), body));
        }
        for (&number, (space, subnets)) in &self.networks {
            let subnet = |(&subnet, &(offset, acl)): (&u8, &(u8, Option<u8>))| Subnet {
                id: subnet_id(number, subnet),
                vsid: vsid(number, offset * 4 + subnet),
                prefix: format!("10.{number}.{subnet}.0/24").parse().unwrap(),
                router: [10, number, subnet, 1].into(),
                acl: acl.map(acl_id),
            };
            let network = Network {
                id: network_id(number),
                address_space: vec![format!("10.{number}.{space}.0/20").parse().unwrap()],
                router_mac: MacAddr::from_u64(0x0200_0000_0001),
                subnets: subnets.iter().map(subnet).collect(),
                dns_servers: Vec::new(),
            };
            sections.push((SectionKey::Routes(network_id(number)), SectionBody::new(&network).unwrap()));
        }
        for (&number, &(mac, network, subnet, acl)) in &self.nics {
            let address = PortAddress {
                ca: address(network, number),
                subnet: subnet_id(network, subnet),
                acl: acl.map(acl_id),
                primary: true,
            };
            let port = Port {
                nic: nic_id(number),
                mac: MacAddr::from_u64(mac.into()),
                network: Some(network_id(network)),
                addresses: vec![address],
                qos: Qos::default(),
                guards: Guards::default(),
                secondary: false,
                dns_servers: Vec::new(),
            };
            sections.push((SectionKey::Port(nic_id(number)), SectionBody::new(&port).unwrap()));
        }
        let mut shards: BTreeMap<(NetworkId, ShardId), Vec<Mapping>> = BTreeMap::new();
        for (&(network, last), &pa) in &self.mappings {
            let (ca, pa) = (address(network, last), [172, 16, 0, pa].into());
            let entry = Mapping { vsid: vsid(network, 0), ca, mac: MacAddr::from_u64(last.into()), pa };
            shards.entry((network_id(network), ShardId::of(ca))).or_default().push(entry);
        }
        sections.extend(shards.into_iter().map(|((network, shard), entries)| {
            (SectionKey::Mappings(network, shard), SectionBody::new(&MappingShard { entries }).unwrap())
        }));
        sections
    }

    fn ports(&self) -> Attachments {
        let mut ports = Attachments::default();
        for (&number, &mac) in &self.attached {
            ports.apply(PortChange::Attach(Attachment {
                profile_id: nic_id(number),
                attach_id: AttachId(id(5, number)),
                device: format!("tap{number}"),
                mac: MacAddr::from_u64(mac.into()),
                vm: None,
            }));
        }
        ports
    }
}

/// An agent's policy side: held state, index, driver.
struct Host1 {
    state: GoalState,
    index: Index,
    ports: Attachments,
    driver: Software,
}

impl Host1 {
    fn new() -> Self {
        let driver = Software::new(SharedSwitch::new(Switch::new(Config::default())), Clock::start());
        Self { state: GoalState::default(), index: Index::default(), ports: Attachments::default(), driver }
    }

    fn goal(&self) -> Goal<'_> {
        Goal { state: &self.state, index: &self.index, ports: &self.ports, provider_address: None, proxy: None }
    }

    /// Follows to `world`, programming only what the change touches. Returns that.
    fn follow(&mut self, world: &World) -> BTreeSet<Key> {
        let sections = world.sections();
        let generation = self.state.in_force().map_or(1, |(_, generation)| generation.0 + 1);
        let update = Update {
            version: GOAL_STATE_VERSION,
            epoch: Epoch(id(0, 0)),
            generation: Generation(generation),
            base: None,
            set: sections.iter().map(|(key, body)| (*key, body.hash)).collect(),
            remove: Vec::new(),
            bodies: sections.iter().map(|(_, body)| (body.hash, body.json.clone())).collect(),
        };
        let change = self.state.judge(&update, None).unwrap();
        let pending = Pending::new(&self.state, &change);
        self.state.apply(change);
        let mut touched = self.index.update(&self.state, pending);
        let ports = world.ports();
        let both = self.ports.iter().chain(ports.iter());
        touched.extend(both.filter(|port| self.ports.get(port.profile_id) != ports.get(port.profile_id)).map(key_of));
        self.ports = ports;
        let goal =
            Goal { state: &self.state, index: &self.index, ports: &self.ports, provider_address: None, proxy: None };
        let outcome = reconcile::apply(&mut self.driver, goal, touched.iter().copied());
        assert!(outcome.failed.is_empty(), "{outcome:?}");
        touched
    }

    fn programmed(&mut self) -> Programmed {
        self.driver.read().unwrap()
    }
}

fn key_of(port: &Attachment) -> Key {
    Key::Port(port::id(port.profile_id))
}

/// Two NICs in one subnet of one network, both with lists; the second is attached with another MAC than its policy's.
fn small_world() -> World {
    World {
        pa: 1,
        acls: [(0, (0, 100)), (1, (1, 100)), (2, (2, 100))].into(),
        networks: [(0, (0, [(0, (0, Some(1)))].into()))].into(),
        nics: [(4, (4, 0, 0, Some(0))), (5, (5, 0, 0, Some(2)))].into(),
        mappings: [((0, 4), 1), ((0, 5), 1), ((0, 70), 2)].into(),
        attached: [(4, 4), (5, 6)].into(),
    }
}

fn after(change: impl FnOnce(&mut World)) -> (Host1, BTreeSet<Key>) {
    let mut world = small_world();
    let mut host = Host1::new();
    host.follow(&world);
    change(&mut world);
    let touched = host.follow(&world);
    (host, touched)
}

#[test]
fn everything_the_ports_need_is_programmed_and_a_second_pass_has_nothing_to_do() {
    let mut host = Host1::new();
    host.follow(&small_world());
    let read = host.programmed();
    assert_eq!((read.acls.len(), read.networks.len(), read.mappings.len()), (3, 1, 3));
    assert_eq!(read.host.provider_address, Some([172, 16, 0, 1].into()));
    assert!(read.ports[&port::id(nic_id(4))].is_some());
    assert_eq!(read.ports[&port::id(nic_id(5))], None, "a port with a foreign MAC is blocked");

    let goal = Goal { state: &host.state, index: &host.index, ports: &host.ports, provider_address: None, proxy: None };
    let outcome = reconcile::reconcile(&mut host.driver, goal).unwrap();
    assert_eq!(outcome, reconcile::Outcome::default());
}

#[test]
fn drift_is_healed_by_the_next_pass() {
    let mut host = Host1::new();
    host.follow(&small_world());
    let good = host.programmed();
    let id = port::id(nic_id(4));
    let stranger = vfp::PortId(77);
    host.driver.apply(vec![
        Step::BlockPort(id),
        Step::BlockPort(stranger),
        Step::RemoveMapping(network::id(network_id(0)), vsid(0, 0), address(0, 5)),
    ]);
    let goal = Goal { state: &host.state, index: &host.index, ports: &host.ports, provider_address: None, proxy: None };
    let outcome = reconcile::reconcile(&mut host.driver, goal).unwrap();
    assert_eq!(outcome.applied, 3);
    assert_eq!(host.programmed(), good);
}

#[test]
fn a_change_touches_what_depends_on_it_and_nothing_else() {
    let mapping = |last| Key::Mapping(network::id(network_id(0)), vsid(0, 0), address(0, last));
    let network = Key::Network(network::id(network_id(0)));
    let nic = |number| Key::Port(port::id(nic_id(number)));
    let (_, touched) = after(|world| _ = world.mappings.insert((0, 5), 3));
    assert_eq!(touched, [mapping(5)].into());
    let (_, touched) = after(|world| _ = world.mappings.remove(&(0, 70)));
    assert_eq!(touched, [mapping(70)].into());
    let (_, touched) = after(|world| world.pa = 2);
    assert_eq!(touched, [Key::Host].into());
    let (_, touched) = after(|world| _ = world.acls.insert(0, (0, 200)));
    assert_eq!(touched, [Key::Acl(vfp::AclId(acl_id(0).0.as_u128()))].into());
    let (_, touched) = after(|world| _ = world.nics.insert(5, (6, 0, 0, Some(2))));
    assert_eq!(touched, [nic(5)].into());

    // Another list for the subnet: the network, and the lists that come and go, but no port.
    let (host, touched) = after(|world| _ = world.networks.insert(0, (0, [(0, (0, Some(0)))].into())));
    assert!(touched.contains(&network) && !touched.contains(&nic(4)) && !touched.contains(&nic(5)), "{touched:?}");
    assert_eq!(host.index.variants().count(), 2);
}

#[test]
fn service_tags_stand_for_the_surroundings_of_the_port() {
    let mut host = Host1::new();
    host.follow(&small_world());
    let goal = host.goal();
    let acl = |number| {
        let variant = host.index.variants().find(|variant| variant.acl == acl_id(number)).unwrap();
        match &goal.steps([Key::Acl(variant.id())])[..] {
            [Step::Acl(_, _, acl)] => acl.rules[0].condition.clone(),
            other => panic!("{other:?}"),
        }
    };
    let space = vec!["10.0.0.0/20".parse().unwrap()];
    assert_eq!(acl(1).source, AddressSet::Outside(space.clone()));
    assert_eq!(acl(1).destination, AddressSet::Within(space));
    assert_eq!(acl(2).source, AddressSet::Within(vec!["10.0.0.1/32".parse().unwrap()]));
    assert_eq!(acl(0).source, AddressSet::Within(vec!["192.168.0.0/16".parse().unwrap()]));
}

#[test]
fn a_port_is_blocked_while_anything_it_needs_is_missing() {
    let blocked = |change: fn(&mut World), message: &str| {
        let (mut host, _) = after(change);
        let id = port::id(nic_id(4));
        assert_eq!(host.programmed().ports.get(&id), Some(&None), "{message}");
        let attachment = host.ports.get(nic_id(4)).unwrap();
        let error = host.goal().port(attachment).unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
    };
    blocked(|world| _ = world.nics.remove(&4), "no policy");
    blocked(|world| world.networks.clear(), "network");
    blocked(|world| _ = world.networks.insert(0, (0, [(1, (1, None))].into())), "subnet");
    blocked(|world| _ = world.acls.remove(&0), "access control list");
    blocked(|world| _ = world.acls.remove(&1), "access control list");
    blocked(|world| _ = world.attached.insert(4, 9), "MAC address");
}

#[test]
fn the_primary_address_comes_first() {
    let address = |last: u8, primary| PortAddress { ca: address(0, last), subnet: subnet_id(0, 0), acl: None, primary };
    let port = Port {
        nic: nic_id(1),
        mac: MacAddr::from_u64(1),
        network: Some(network_id(0)),
        addresses: vec![address(1, false), address(2, true), address(3, false)],
        qos: Qos { outbound_maximum_mbps: 10, inbound_maximum_mbps: 0 },
        guards: Guards { flow_limit: u64::MAX, ..Guards::default() },
        secondary: false,
        dns_servers: Vec::new(),
    };
    let resolved = [port::ResolvedAddress { vsid: vsid(0, 0), acl: None }; 3];
    let lowered = port::lower(&port, network_id(0), &resolved);
    let last = |address: &vfp::PortAddress| match address.ca {
        IpAddr::V4(v4) => v4.octets()[3],
        IpAddr::V6(_) => 0,
    };
    assert_eq!(lowered.addresses.iter().map(last).collect::<Vec<_>>(), [2, 1, 3]);
    assert_eq!(lowered.outbound_maximum_mbps.map(u64::from), Some(10));
    assert_eq!((lowered.inbound_maximum_mbps, lowered.flow_limit.map(u32::from)), (None, Some(u32::MAX)));
}

fn worlds() -> impl Strategy<Value = World> {
    let list = || prop::option::of(0u8..3);
    let subnets = prop::collection::btree_map(0u8..3, (0u8..2, list()), 0..3);
    (
        0u8..3,
        prop::collection::btree_map(0u8..3, (0u8..3, 100u16..103), 0..4),
        prop::collection::btree_map(0u8..2, ((0u8..2).prop_map(|space| space * 16), subnets), 0..3),
        prop::collection::btree_map(10u8..14, (0u8..2, 0u8..2, 0u8..3, list()), 0..4),
        prop::collection::btree_map((0u8..2, prop::sample::select(vec![10u8, 63, 64, 200])), 1u8..4, 0..5),
        prop::collection::btree_map(10u8..14, 0u8..2, 0..4),
    )
        .prop_map(|(pa, acls, networks, nics, mappings, attached)| World {
            pa,
            acls,
            networks,
            nics,
            mappings,
            attached,
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn following_changes_comes_to_the_same_as_starting_over(worlds in prop::collection::vec(worlds(), 1..6)) {
        let mut host = Host1::new();
        for world in &worlds {
            host.follow(world);
            let left = differences(&host.goal().names(), &host.programmed());
            prop_assert_eq!(left, BTreeSet::new());

            let mut fresh = Host1::new();
            fresh.follow(world);
            prop_assert_eq!(host.goal().names(), fresh.goal().names());
            prop_assert_eq!(host.programmed(), fresh.programmed());
            prop_assert_eq!(format!("{:?}", host.index.variants().collect::<Vec<_>>()), format!("{:?}", fresh.index.variants().collect::<Vec<_>>()));
        }
    }
}
