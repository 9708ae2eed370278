//! What one change costs the compiler, in a small fabric and in one ten times as large.
//!
//! The times should be the same: cost follows what changed, not what exists. Ten hosts, one virtual network, NICs spread
//! evenly, four addresses in five taken. `cargo bench -p controller --bench compiler`.
#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]

use controller::compiler::Compiler;
use controller::fabric::{Acl, Address, Change, Guards, Network, Nic, ProviderAddress, Qos, Revision, Server, Subnet};
use policy::acl::{AclRule, Action, AddressMatch, Direction, Protocol};
use policy::ids::{AclId, Generation, HostId, NetworkId, NicId, SubnetId};
use policy::net::{MacAddr, PortRange, Vsid};
use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};
use uuid::Uuid;

const HOSTS: u32 = 10;
const SMALL: u32 = 1_000;
const LARGE: u32 = 10_000;
const ROUNDS: u32 = 300;

const NETWORK: NetworkId = NetworkId(Uuid::from_u128(1));
const SUBNET: SubnetId = SubnetId(Uuid::from_u128(2));
const ACL: AclId = AclId(Uuid::from_u128(3));

fn host(n: u32) -> HostId {
    HostId(Uuid::from_u128((4 << 64) | u128::from(n)))
}

fn nic_id(n: u32) -> NicId {
    NicId(Uuid::from_u128((5 << 64) | u128::from(n)))
}

fn vsid() -> Vsid {
    Vsid::new(Vsid::MIN_TENANT).expect("the lowest id fits")
}

fn server(n: u32, last: u8) -> Change {
    let address = IpAddr::from([10, 250, last, u8::try_from(n).expect("ten hosts") + 1]);
    let subnet = "10.250.0.0/16".parse().expect("a prefix");
    let provider_address = Some(ProviderAddress { address, subnet, vlan: 0 });
    Change::Server(host(n), Some(Arc::new(Server { id: host(n), agent: None, provider_address })))
}

fn network(acl: Option<AclId>) -> Change {
    let prefix = "10.0.0.0/16".parse().expect("a prefix");
    let router = IpAddr::from([10, 0, 0, 1]);
    let subnet = Subnet { id: SUBNET, vsid: vsid(), prefix, router, acl };
    let router_mac = MacAddr::new([2, 0, 0, 0, 0, 1]);
    let network = Network {
        id: NETWORK,
        address_space: vec![prefix],
        router_mac,
        subnets: vec![subnet],
        dns_servers: Vec::new(),
    };
    Change::Network(NETWORK, Some(Arc::new(network)))
}

fn acl(rules: u16, action: Action) -> Change {
    let rule = |n: u16| AclRule {
        id: format!("rule-{n}"),
        priority: 100 + n,
        direction: Direction::Inbound,
        action,
        protocol: Protocol::Tcp,
        source: AddressMatch::Any,
        source_ports: PortRange::ANY,
        destination: AddressMatch::Any,
        destination_ports: PortRange::new(n, n).expect("one port"),
        logging: false,
    };
    let rules = (0..rules).map(rule).collect();
    let acl = Acl { id: ACL, inbound_default: Action::Allow, outbound_default: Action::Allow, rules };
    Change::Acl(ACL, Some(Arc::new(acl)))
}

fn nic(n: u32, mac: u64) -> Change {
    // Every fifth address stays free.
    let ca = IpAddr::V4(Ipv4Addr::from(0x0a00_0004 + n + n / 4));
    let address = Address { ca, network: NETWORK, subnet: SUBNET, vsid: vsid(), acl: None, primary: true };
    let nic = Nic {
        id: nic_id(n),
        mac: MacAddr::from_u64(mac),
        addresses: vec![address],
        qos: Qos::default(),
        guards: Guards::default(),
        secondary: false,
        dns_servers: Vec::new(),
    };
    Change::Nic(nic.id, Some(Arc::new(nic)))
}

fn bind(n: u32, on: u32) -> Change {
    Change::Binding(nic_id(n), Some(host(on)))
}

/// A compiler with its revision counter.
struct Fabric {
    compiler: Compiler,
    generation: u64,
    nics: u32,
}

impl Fabric {
    fn apply(&mut self, changes: Vec<Change>) -> Duration {
        self.generation += 1;
        let revision = Revision { generation: Generation(self.generation), changes };
        let started = Instant::now();
        black_box(self.compiler.apply(&revision));
        started.elapsed()
    }

    /// Everything in one revision, as at the start of the controller.
    fn start(nics: u32) -> (Self, Duration) {
        let mut fabric = Self { compiler: Compiler::default(), generation: 0, nics };
        let servers = (0..HOSTS).map(|n| server(n, 0));
        let nics = (0..nics).flat_map(|n| [nic(n, u64::from(n)), bind(n, n % HOSTS)]);
        let took = fabric.apply(servers.chain([network(None), acl(10, Action::Allow)]).chain(nics).collect());
        (fabric, took)
    }

    /// Median time of a change.
    fn median(&mut self, mut change: impl FnMut(u32, u32) -> Vec<Change>) -> Duration {
        // Pushers hold the manifests of the last generation, so that changing one copies what differs.
        let mut times: Vec<Duration> = (0..ROUNDS)
            .map(|round| {
                let held: Vec<_> = (0..HOSTS).map(|n| self.compiler.manifest(host(n)).cloned()).collect();
                let took = self.apply(change(round, self.nics));
                drop(held);
                took
            })
            .collect();
        times.sort_unstable();
        times[times.len() / 2]
    }
}

/// Spreads rounds over the NICs.
fn pick(round: u32, nics: u32) -> u32 {
    round.wrapping_mul(2_654_435_761) % nics
}

fn allow_or_deny(round: u32) -> Action {
    if round.is_multiple_of(2) { Action::Deny } else { Action::Allow }
}

fn main() {
    let ((mut small, small_start), (mut large, large_start)) = (Fabric::start(SMALL), Fabric::start(LARGE));
    println!("| what | figure | baseline in the same run | target | met |");
    println!("| ---- | ------ | ------------------------ | ------ | --- |");
    let line = |name: &str, small: Duration, large: Duration| {
        println!("| compile: {name}, {LARGE} NICs | {large:.1?} | {SMALL} NICs {small:.1?} | - |  |");
    };
    type MakeChange = fn(u32, u32) -> Vec<Change>;
    let changes: [(&str, MakeChange); 6] = [
        ("a NIC gets another MAC", |round, nics| vec![nic(pick(round, nics), u64::from(round) << 20)]),
        ("a NIC moves to another host", |round, nics| vec![bind(pick(round, nics), round % HOSTS)]),
        ("a list of 10 rules changes", |round, _| vec![acl(10, allow_or_deny(round))]),
        ("a subnet gets or loses its list", |round, _| vec![network(round.is_multiple_of(2).then_some(ACL))]),
        ("a list of 10 rules changes, on every host", |round, _| match round {
            0 => vec![network(Some(ACL))],
            _ => vec![acl(10, allow_or_deny(round))],
        }),
        ("a NIC comes, bound to a host", |round, nics| {
            vec![nic(nics + round, u64::from(round)), bind(nics + round, round % HOSTS)]
        }),
    ];
    for (name, change) in changes {
        line(name, small.median(change), large.median(change));
    }
    let moved = |round: u32, _| vec![server(0, u8::try_from(round % 200).unwrap_or_default() + 1)];
    line("a host of a tenth of the NICs has another PA", small.median(moved), large.median(moved));
    line("start with everything", small_start, large_start);
}
