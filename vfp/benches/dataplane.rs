//! What a packet costs: a cached flow with VXLAN, and the first packet of a flow under short and long lists, beside a
//! plain copy of the same frame with a look at its headers.

#![expect(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use policy::net::{MacAddr, PortRange, Prefix, Vsid};
use std::hint::black_box;
use std::net::IpAddr;
use std::time::Duration;
use vfp::{
    Acl, AclId, AclRule, Action, AddressSet, Condition, Config, Direction, HEADROOM, Mapping, Network, NetworkId,
    Outcome, Outer, PortAddress, PortId, PortPolicy, Protocol, Sink, Subnet, Switch, Tag, Time,
};

const VM_MAC: MacAddr = MacAddr::new([0, 0x1d, 0xd8, 0, 0, 1]);
const PEER_MAC: MacAddr = MacAddr::new([0, 0x1d, 0xd8, 0, 0, 2]);
const ROUTER_MAC: MacAddr = MacAddr::new([0x40, 0x1d, 0xd8, 0, 0, 1]);
const PORT: PortId = PortId(1);
const NETWORK: NetworkId = NetworkId(1);
const HERE: [u8; 4] = [172, 16, 0, 1];
const THERE: [u8; 4] = [172, 16, 0, 2];
const VM: [u8; 4] = [10, 0, 1, 10];
const PEER: [u8; 4] = [10, 0, 2, 20];

/// Takes what comes out as a socket would: looks at where it goes and at its first bytes.
struct Discard;

impl Sink for Discard {
    fn to_vm(&mut self, port: PortId, frame: &[u8]) {
        black_box((port, frame.first()));
    }

    fn to_service(&mut self, port: PortId, frame: &[u8]) {
        black_box((port, frame.first()));
    }

    fn to_underlay(&mut self, outer: Outer, payload: &[u8]) {
        black_box((outer, payload.first()));
    }
}

/// A list of `rules` rules as tenants write them, of which only the last matches the benchmark's packets.
fn acl(rules: usize) -> Acl {
    let condition = |index: usize| {
        let [.., high, low] = index.to_be_bytes();
        let other: Prefix = format!("10.{}.{low}.0/24", 1 + high % 200).parse().unwrap();
        let port = 1000 + u16::from(high) * 256 + u16::from(low);
        Condition {
            protocol: if index.is_multiple_of(3) { Protocol::Udp } else { Protocol::Tcp },
            source: AddressSet::Any,
            source_ports: PortRange::ANY,
            destination: if index.is_multiple_of(2) { AddressSet::Within(vec![other]) } else { AddressSet::Any },
            destination_ports: PortRange::new(port, port + 3).unwrap(),
        }
    };
    let last = Condition {
        protocol: Protocol::Any,
        source: AddressSet::Within(vec!["10.0.1.0/24".parse().unwrap()]),
        source_ports: PortRange::ANY,
        destination: AddressSet::Within(vec!["10.0.2.0/24".parse().unwrap()]),
        destination_ports: PortRange::ANY,
    };
    let rule = |(index, condition)| AclRule {
        id: format!("rule{index}"),
        priority: u16::try_from(100 + index).unwrap(),
        direction: Direction::Outbound,
        action: Action::Allow,
        condition,
    };
    let conditions = (0..rules - 1).map(condition).chain([last]);
    Acl {
        name: "bench".to_owned(),
        inbound_default: Action::Allow,
        outbound_default: Action::Deny,
        rules: conditions.enumerate().map(rule).collect(),
    }
}

/// One VM under a list, in a network of 10,000 addresses.
fn switch(rules: usize) -> Switch {
    let config = Config { provider_address: Some(HERE.into()), hash_seed: 0x5eed, ..Config::default() };
    let mut switch = Switch::new(config);
    switch.set_acl(AclId(1), Tag(1), &acl(rules));
    let subnet = |number: u8| Subnet {
        vsid: Vsid::new(5000 + u32::from(number)).unwrap(),
        prefix: format!("10.0.{number}.0/24").parse().unwrap(),
        router: IpAddr::from([10, 0, number, 1]),
        acl: None,
    };
    let network = Network { router_mac: ROUTER_MAC, subnets: (0..40).map(subnet).collect() };
    switch.set_network(NETWORK, Tag(1), network).unwrap();
    for (number, last) in (0..40).flat_map(|number| (4..=254).map(move |last| (number, last))) {
        let mapping = Mapping { mac: PEER_MAC, pa: THERE.into() };
        let vsid = Vsid::new(5000 + u32::from(number)).unwrap();
        switch.set_mapping(NETWORK, vsid, IpAddr::from([10, 0, number, last]), mapping).unwrap();
    }
    let policy = PortPolicy {
        mac: VM_MAC,
        network: NETWORK,
        addresses: vec![PortAddress { ca: VM.into(), vsid: Vsid::new(5001).unwrap(), acl: Some(AclId(1)) }],
        outbound_maximum_mbps: std::num::NonZeroU64::new(1_000_000),
        inbound_maximum_mbps: None,
        mac_spoofing: false,
        dhcp_guard: false,
        flow_limit: None,
    };
    switch.set_port(PORT, Tag(1), policy).unwrap();
    switch
}

/// A UDP frame of `length` bytes; the checksum of its IP header is not looked at.
fn frame(source: [u8; 4], destination: [u8; 4], macs: [MacAddr; 2], length: usize) -> Vec<u8> {
    let mut frame = [&macs[1].octets()[..], &macs[0].octets(), &[8, 0, 0x45, 0]].concat();
    frame.extend(u16::try_from(length - 14).unwrap().to_be_bytes());
    frame.extend([0, 0, 0x40, 0, 64, 17, 0, 0]);
    frame.extend([source, destination].concat());
    frame.extend([0x9c, 0x40, 0x13, 0x88]);
    frame.extend(u16::try_from(length - 34).unwrap().to_be_bytes());
    frame.resize(length, 0);
    frame
}

/// Where the ports are in the frame.
const PORTS: std::ops::Range<usize> = 34..38;

fn baseline(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("baseline");
    for length in [64, 1514] {
        let frame = frame(VM, PEER, [VM_MAC, ROUTER_MAC], length);
        let mut out = vec![0; HEADROOM + length];
        group.throughput(Throughput::Elements(1));
        group.bench_function(BenchmarkId::new("copy and look at headers", length), |bencher| {
            bencher.iter(|| {
                let input = black_box(&frame);
                out[HEADROOM..].copy_from_slice(input);
                let header = usize::from(out[HEADROOM + 14] & 15) * 4;
                let tuple = (&out[HEADROOM + 26..HEADROOM + 34], &out[HEADROOM + 14 + header..HEADROOM + 18 + header]);
                black_box(tuple);
            });
        });
    }
    group.finish();
}

fn cached_flow(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("cached flow");
    group.throughput(Throughput::Elements(1));
    for length in [64, 1514] {
        let frame = frame(VM, PEER, [VM_MAC, ROUTER_MAC], length);
        let mut switch = switch(10);
        let mut buffer = [&[0; HEADROOM][..], &frame].concat();
        let mut now = 0;
        // The frame is copied in anew each time, as a socket would write it: the engine edits it in place.
        group.bench_function(BenchmarkId::new("out with VXLAN", length), |bencher| {
            bencher.iter(|| {
                buffer[HEADROOM..].copy_from_slice(black_box(&frame));
                now += 1_000;
                let outcome = switch.from_vm(PORT, &mut buffer, Time(now), &mut Discard);
                assert_eq!(outcome, Outcome::Tunnelled);
            });
        });
        let back = self::frame(PEER, VM, [ROUTER_MAC, VM_MAC], length);
        let payload = [&[8, 0, 0, 0, 0, 0x13, 0x89, 0][..], &back].concat();
        let mut buffer = payload.clone();
        group.bench_function(BenchmarkId::new("in with VXLAN", length), |bencher| {
            bencher.iter(|| {
                buffer.copy_from_slice(black_box(&payload));
                now += 1_000;
                let outcome = switch.from_underlay(THERE.into(), &mut buffer, Time(now), &mut Discard);
                assert_eq!(outcome, Outcome::Delivered);
            });
        });
    }
    // Many flows at once: their state does not fit the inner caches.
    let mut switch = switch(10);
    let frame = frame(VM, PEER, [VM_MAC, ROUTER_MAC], 64);
    let mut buffer = [&[0; HEADROOM][..], &frame].concat();
    let mut number = 0_u32;
    group.bench_function("out with VXLAN, 100,000 flows in turn", |bencher| {
        bencher.iter(|| {
            buffer[HEADROOM..].copy_from_slice(black_box(&frame));
            number = (number + 1) % 100_000;
            buffer[HEADROOM..][PORTS].copy_from_slice(&(number + 0x0100_0000).to_be_bytes());
            assert_eq!(switch.from_vm(PORT, &mut buffer, Time(1), &mut Discard), Outcome::Tunnelled);
        });
    });
    group.finish();
}

fn first_packet(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("first packet");
    group.throughput(Throughput::Elements(1));
    for rules in [10, 1000] {
        let mut switch = switch(rules);
        let frame = frame(VM, PEER, [VM_MAC, ROUTER_MAC], 64);
        let mut buffer = [&[0; HEADROOM][..], &frame].concat();
        let mut number = 0_u32;
        group.bench_function(BenchmarkId::new("rules", rules), |bencher| {
            bencher.iter(|| {
                buffer[HEADROOM..].copy_from_slice(black_box(&frame));
                number = number.wrapping_add(1);
                // Low ports: the rules before the last match none of them.
                let ports = [number >> 9, number & 0x1ff].map(|half| u16::try_from(half & 0xffff).unwrap());
                buffer[HEADROOM..][PORTS].copy_from_slice(&ports.map(u16::to_be_bytes).concat());
                // 100 new flows a second: 24,000 are alive, and as many expire as are added.
                let now = Time(u64::from(number) * 10_000_000);
                assert_eq!(switch.from_vm(PORT, &mut buffer, now, &mut Discard), Outcome::Tunnelled);
            });
        });
    }
    group.finish();
}

fn compile(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("compile list");
    for rules in [10, 1000] {
        let (acl, mut switch) = (acl(rules), switch(10));
        group.bench_function(BenchmarkId::new("rules", rules), |bencher| {
            bencher.iter(|| switch.set_acl(AclId(2), Tag(1), black_box(&acl)));
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .sample_size(50);
    targets = baseline, cached_flow, first_packet, compile
}
criterion_main!(benches);
