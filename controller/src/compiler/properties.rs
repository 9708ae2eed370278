//! Incremental and from scratch are the same: byte for byte, for any sequence of revisions.

use super::*;
use crate::fabric::{self, Acl, Address, Change, Guards, ProviderAddress, Qos, Subnet};
use policy::acl::Action;
use policy::net::{MacAddr, Vsid};
use proptest::collection::vec;
use proptest::option::{of, weighted};
use proptest::prelude::*;
use uuid::Uuid;

/// The last word on every entity: what a compiler that starts now would be told.
#[derive(Default)]
struct World(BTreeMap<(u8, Uuid), Change>);

impl World {
    fn take(&mut self, change: &Change) {
        let key = match change {
            Change::Settings(_) => (0, Uuid::nil()),
            Change::Network(id, _) => (1, id.0),
            Change::Acl(id, _) => (2, id.0),
            Change::Nic(id, _) => (3, id.0),
            Change::Server(id, _) => (4, id.0),
            Change::Binding(id, _) => (5, id.0),
        };
        self.0.insert(key, change.clone());
    }

    fn compiled(&self) -> Compiler {
        let mut compiler = Compiler::default();
        let changes = self.0.values().cloned().collect();
        compiler.apply(&Revision { generation: Generation(0), changes });
        compiler
    }
}

const HOSTS: u128 = 4;

fn id(few: std::ops::Range<u128>) -> impl Strategy<Value = Uuid> {
    few.prop_map(Uuid::from_u128)
}

fn acl_id() -> impl Strategy<Value = AclId> {
    id(0..4).prop_map(AclId)
}

fn subnet() -> impl Strategy<Value = u32> {
    0..3_u32
}

fn subnet_id(n: u32) -> SubnetId {
    SubnetId(Uuid::from_u128(n.into()))
}

fn vsid(n: u32) -> Vsid {
    Vsid::new(4096 + n).unwrap()
}

fn settings() -> impl Strategy<Value = Change> {
    any::<bool>().prop_map(|open| {
        let mut settings = Settings::default();
        settings.without_acl.inbound = if open { Action::Allow } else { Action::Deny };
        Change::Settings(settings)
    })
}

fn network() -> impl Strategy<Value = Change> {
    let subnets = vec((subnet(), of(acl_id())), 0..3);
    (id(0..3), weighted(0.8, subnets)).prop_map(|(id, subnets)| {
        let subnets = subnets.map(|subnets| {
            let by_id: BTreeMap<_, _> = subnets.into_iter().collect();
            let subnet = |(n, acl)| Subnet {
                id: subnet_id(n),
                vsid: vsid(n),
                prefix: format!("10.0.{n}.0/24").parse().unwrap(),
                router: format!("10.0.{n}.1").parse().unwrap(),
                acl,
            };
            by_id.into_iter().map(subnet).collect()
        });
        let network = subnets.map(|subnets| {
            let router_mac = MacAddr::from_u64(2);
            Arc::new(fabric::Network {
                id: NetworkId(id),
                address_space: Vec::new(),
                router_mac,
                subnets,
                dns_servers: Vec::new(),
            })
        });
        Change::Network(NetworkId(id), network)
    })
}

fn acl() -> impl Strategy<Value = Change> {
    (acl_id(), of(any::<bool>())).prop_map(|(id, open)| {
        let inbound_default = if open == Some(true) { Action::Allow } else { Action::Deny };
        let acl = Acl { id, inbound_default, outbound_default: Action::Allow, rules: Vec::new() };
        Change::Acl(id, open.map(|_| Arc::new(acl)))
    })
}

/// Few addresses, so that NICs come to share shards, and even addresses, which the store would not allow.
fn address() -> impl Strategy<Value = Address> {
    (id(0..3), subnet(), 0..4_u8, of(acl_id()), any::<bool>()).prop_map(|(network, n, last, acl, primary)| Address {
        ca: format!("10.0.{n}.{}", 62 + last).parse().unwrap(),
        network: NetworkId(network),
        subnet: subnet_id(n),
        vsid: vsid(n),
        acl,
        primary,
    })
}

fn nic() -> impl Strategy<Value = Change> {
    let content = (0..3_u64, vec(address(), 0..4), 0..3_u64);
    (id(0..6), weighted(0.85, content)).prop_map(|(id, content)| {
        let nic = content.map(|(mac, addresses, cap)| Nic {
            id: NicId(id),
            mac: MacAddr::from_u64(mac),
            addresses,
            qos: Qos { outbound_maximum_mbps: cap, inbound_maximum_mbps: 0 },
            guards: Guards::default(),
            secondary: false,
            dns_servers: Vec::new(),
        });
        Change::Nic(NicId(id), nic.map(Arc::new))
    })
}

fn server() -> impl Strategy<Value = Change> {
    (id(0..HOSTS), weighted(0.8, of(1..4_u8))).prop_map(|(id, content)| {
        let server = content.map(|last| {
            let provider_address = last.map(|last| ProviderAddress {
                address: format!("192.0.2.{last}").parse().unwrap(),
                subnet: "192.0.2.0/24".parse().unwrap(),
                vlan: 0,
            });
            Arc::new(Server { id: HostId(id), agent: None, provider_address })
        });
        Change::Server(HostId(id), server)
    })
}

fn binding() -> impl Strategy<Value = Change> {
    (id(0..6), weighted(0.85, id(0..HOSTS))).prop_map(|(nic, host)| Change::Binding(NicId(nic), host.map(HostId)))
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![1 => settings(), 3 => network(), 2 => acl(), 6 => nic(), 3 => server(), 6 => binding()]
}

/// Name and bytes of every section of every known host.
fn manifests(compiler: &Compiler) -> BTreeMap<HostId, Vec<(SectionKey, String)>> {
    let hosts = (0..HOSTS).map(|n| HostId(Uuid::from_u128(n)));
    let texts = |manifest: &Manifest| manifest.iter().map(|(key, body)| (*key, body.json.get().to_owned())).collect();
    hosts.filter_map(|host| Some((host, compiler.manifest(host).map(texts)?))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn any_sequence_of_revisions_compiles_to_what_its_outcome_compiles_to(
        revisions in vec(vec(change(), 1..12), 1..20)
    ) {
        let (mut world, mut compiler) = (World::default(), Compiler::default());
        let mut before = manifests(&compiler);
        for (n, changes) in revisions.into_iter().enumerate() {
            changes.iter().for_each(|change| world.take(change));
            let outcome = compiler.apply(&Revision { generation: Generation(n as u64), changes });
            let after = manifests(&compiler);
            prop_assert_eq!(&after, &manifests(&world.compiled()));

            let changed: BTreeSet<HostId> =
                after.iter().filter(|(host, sections)| before.get(host) != Some(sections)).map(|(host, _)| *host).collect();
            prop_assert_eq!(outcome.affected, changed);
            before = after;
        }
    }
}
