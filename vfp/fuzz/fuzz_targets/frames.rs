//! Frames of any content through two switches that differ only in the flow cache: neither may panic, and both must say
//! the same. Run with `cargo +nightly fuzz run frames` in the folder above.

#![no_main]

use libfuzzer_sys::fuzz_target;
use policy::net::{MacAddr, PortRange, Vsid};
use std::net::IpAddr;
use vfp::{
    Acl, AclId, AclRule, Action, AddressSet, Condition, Config, Direction, HEADROOM, HostService, Mapping, Network,
    NetworkId, Outer, PortAddress, PortId, PortPolicy, Protocol, Sink, Subnet, Switch, Tag, Time,
};

const NETWORK: NetworkId = NetworkId(1);
const OTHER_HOST: [u8; 4] = [172, 16, 0, 2];

#[derive(Default, PartialEq, Debug)]
struct Out(Vec<(Option<PortId>, Option<Outer>, Vec<u8>)>);

impl Sink for Out {
    fn to_vm(&mut self, port: PortId, frame: &[u8]) {
        self.0.push((Some(port), None, frame.to_vec()));
    }

    fn to_service(&mut self, port: PortId, frame: &[u8]) {
        self.0.push((Some(port), None, frame.to_vec()));
    }

    fn to_underlay(&mut self, outer: Outer, payload: &[u8]) {
        self.0.push((None, Some(outer), payload.to_vec()));
    }
}

fn mac(last: u8) -> MacAddr {
    MacAddr::new([0, 0, 0, 0, 0, last])
}

fn acl(denied_port: u16) -> Acl {
    let condition = Condition {
        protocol: Protocol::Any,
        source: AddressSet::Any,
        source_ports: PortRange::ANY,
        destination: AddressSet::Any,
        destination_ports: PortRange::new(denied_port, u16::MAX).unwrap(),
    };
    let rule = |direction, action| AclRule {
        id: String::new(),
        priority: 100,
        direction,
        action,
        condition: condition.clone(),
    };
    Acl {
        name: String::new(),
        inbound_default: Action::Deny,
        outbound_default: Action::Allow,
        rules: vec![rule(Direction::Inbound, Action::Allow), rule(Direction::Outbound, Action::Deny)],
    }
}

/// Two VMs here, one elsewhere; MACs and addresses are short, so that a fuzzer finds them.
fn switch(unified_flows: bool) -> Switch {
    let config = Config { provider_address: Some([172, 16, 0, 1].into()), unified_flows, ..Config::default() };
    let mut switch = Switch::new(config);
    switch.set_acl(AclId(1), Tag(0), &acl(0x100));
    switch.set_host_service(Some(HostService { address: [1, 0, 1, 200].into(), tcp_port: 0x100, mac: mac(8) }));
    let vsid = |number: u8| Vsid::new(u32::from(number)).unwrap();
    let subnet = |number: u8| Subnet {
        vsid: vsid(number),
        prefix: format!("1.0.{number}.0/24").parse().unwrap(),
        router: IpAddr::from([1, 0, number, 1]),
        acl: Some(AclId(1)),
    };
    let v6 =
        Subnet { vsid: vsid(9), prefix: "100::/64".parse().unwrap(), router: "100::1".parse().unwrap(), acl: None };
    let network = Network { router_mac: mac(9), subnets: vec![subnet(1), subnet(2), v6] };
    switch.set_network(NETWORK, Tag(0), network).unwrap();
    for (number, subnet) in [(1, 1), (2, 2), (3, 1)] {
        let six = IpAddr::from([0x100, 0, 0, 0, 0, 0, 0, 1 + u16::from(number)]);
        let addresses = [(IpAddr::from([1, 0, subnet, 1 + number]), vsid(subnet)), (six, vsid(9))];
        for (ca, vsid) in addresses {
            let pa = if number == 3 { OTHER_HOST } else { [172, 16, 0, 1] };
            switch.set_mapping(NETWORK, vsid, ca, Mapping { mac: mac(number), pa: pa.into() }).unwrap();
        }
        let policy = PortPolicy {
            mac: mac(number),
            network: NETWORK,
            addresses: addresses.map(|(ca, vsid)| PortAddress { ca, vsid, acl: None }).to_vec(),
            outbound_maximum_mbps: None,
            inbound_maximum_mbps: None,
            mac_spoofing: false,
            dhcp_guard: true,
            flow_limit: None,
        };
        if number != 3 {
            switch.set_port(PortId(number.into()), Tag(0), policy).unwrap();
        }
    }
    switch
}

fuzz_target!(|input: &[u8]| {
    let mut switches = [true, false].map(switch);
    let mut now = Time(0);
    let mut rest = input;
    // Each frame: what to do with it, its length, its bytes.
    while let [what, length, tail @ ..] = rest {
        let (frame, next) = tail.split_at(usize::from(*length).min(tail.len()));
        rest = next;
        now = Time(now.0 + u64::from(*what) * 1_000_000_000);
        let port = PortId(1 + u128::from(what & 1));
        let results = switches.each_mut().map(|switch| {
            let mut out = Out::default();
            let mut buffer = [&[0; HEADROOM], frame].concat();
            let outcome = match what & 6 {
                0 => {
                    switch.set_acl(AclId(1), Tag(0), &acl((*length).into()));
                    None
                }
                2 => Some(switch.from_underlay(OTHER_HOST.into(), &mut buffer[HEADROOM..], now, &mut out)),
                _ => {
                    let foretold = switch.trace_frame(port, frame, now).outcome;
                    let outcome = switch.from_vm(port, &mut buffer, now, &mut out);
                    assert_eq!(foretold, outcome);
                    Some(outcome)
                }
            };
            (outcome, out)
        });
        assert_eq!(results[0], results[1]);
    }
});
