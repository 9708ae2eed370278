//! Two hosts and their VMs, with an underlay that loses nothing.

use crate::frame::{Packet, Payload, SYN, Seen};
use policy::net::{MacAddr, PortRange, Prefix, Vsid};
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;
use vfp::{
    Acl, AclId, AclRule, Action, AddressSet, Condition, Config, Direction, DropReason, HEADROOM, Limits, Mapping,
    Network, NetworkId, Outcome, Outer, PortAddress, PortId, PortPolicy, Protocol, Sink, Subnet, Switch, Tag, Time,
};

pub(crate) const ROUTER_MAC: MacAddr = MacAddr::new([0x40, 0x1d, 0xd8, 0, 0, 1]);

/// Names a VM; also makes its port id and its MAC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Vm(pub(crate) u8);

impl Vm {
    pub(crate) fn port(self) -> PortId {
        PortId(self.0.into())
    }

    pub(crate) fn mac(self) -> MacAddr {
        MacAddr::new([0, 0x1d, 0xd8, 0, 0, self.0])
    }
}

/// Provider address of a host.
pub(crate) fn pa(host: usize) -> IpAddr {
    Ipv4Addr::new(172, 16, 0, u8::try_from(host).unwrap() + 1).into()
}

/// Where a frame went, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Trip {
    /// Of the sending host's switch, then of the receiving host's.
    pub(crate) outcomes: Vec<Outcome>,
    /// What came out, at which port of which host.
    pub(crate) received: Vec<(usize, PortId, Vec<u8>)>,
    /// What the host's own service got, and from which port.
    pub(crate) served: Vec<(PortId, Vec<u8>)>,
    /// What went over the underlay.
    pub(crate) tunnelled: Vec<(Outer, Vec<u8>)>,
}

impl Trip {
    /// The frame that `vm` received; fails when anything else happened.
    #[track_caller]
    pub(crate) fn received_by(&self, vm: Vm) -> Seen {
        assert_eq!(self.outcomes.last(), Some(&Outcome::Delivered), "{self:?}");
        let [(_, port, frame)] = &self.received[..] else { panic!("{self:?}") };
        assert_eq!(*port, vm.port());
        Seen::of(frame)
    }

    #[track_caller]
    pub(crate) fn assert_dropped(&self, reason: DropReason) {
        assert_eq!(self.outcomes.last(), Some(&Outcome::Dropped(reason)));
        assert!(self.received.is_empty());
    }

    pub(crate) fn is_delivered(&self) -> bool {
        self.outcomes.last() == Some(&Outcome::Delivered)
    }

    /// VXLAN network identifier of the one payload on the underlay.
    #[track_caller]
    pub(crate) fn vni(&self) -> u32 {
        let [(_, payload)] = &self.tunnelled[..] else { panic!("{self:?}") };
        assert_eq!((payload[0], &payload[1..4], payload[7]), (8, &[0; 3][..], 0), "RFC 7348 section 5");
        u32::from_be_bytes([0, payload[4], payload[5], payload[6]])
    }
}

/// Collects what one switch lets out.
#[derive(Default)]
pub(crate) struct Out {
    pub(crate) to_vm: Vec<(PortId, Vec<u8>)>,
    pub(crate) to_service: Vec<(PortId, Vec<u8>)>,
    pub(crate) to_underlay: Vec<(Outer, Vec<u8>)>,
}

impl Sink for Out {
    fn to_vm(&mut self, port: PortId, frame: &[u8]) {
        self.to_vm.push((port, frame.to_vec()));
    }

    fn to_service(&mut self, port: PortId, frame: &[u8]) {
        self.to_service.push((port, frame.to_vec()));
    }

    fn to_underlay(&mut self, outer: Outer, payload: &[u8]) {
        self.to_underlay.push((outer, payload.to_vec()));
    }
}

/// One VM as the fabric knows it.
#[derive(Clone, Debug)]
pub(crate) struct Placed {
    pub(crate) vm: Vm,
    pub(crate) host: usize,
    pub(crate) policy: PortPolicy,
}

pub(crate) struct Fabric {
    pub(crate) hosts: [Switch; 2],
    pub(crate) placed: Vec<Placed>,
    networks: Vec<(NetworkId, Network)>,
    pub(crate) now: Time,
}

/// Networks by number: subnet N of network M is 10.0.N.0/24 with VSID M * 100 + 5000 + N, so networks overlap.
pub(crate) fn vsid(network: u128, subnet: u8) -> Vsid {
    Vsid::new(5000 + u32::try_from(network).unwrap() * 100 + u32::from(subnet)).unwrap()
}

pub(crate) fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

impl Fabric {
    /// Network 0 with the subnets 1 to 3 on both hosts, and the list 0 that allows everything.
    pub(crate) fn new() -> Self {
        Self::with_config(&Config::default())
    }

    pub(crate) fn with_limits(limits: Limits) -> Self {
        Self::with_config(&Config { limits, ..Config::default() })
    }

    pub(crate) fn with_config(config: &Config) -> Self {
        let hosts = [0, 1].map(|host| Switch::new(Config { provider_address: Some(pa(host)), ..config.clone() }));
        let mut fabric = Self { hosts, placed: Vec::new(), networks: Vec::new(), now: Time(1_000_000_000) };
        fabric.set_acl(0, &[]);
        fabric.set_network(0, None);
        fabric
    }

    /// The network with one list for all its subnets.
    pub(crate) fn set_network(&mut self, network: u128, acl: Option<u128>) {
        let subnet = |number: u8| Subnet {
            vsid: vsid(network, number),
            prefix: format!("10.0.{number}.0/24").parse().unwrap(),
            router: Ipv4Addr::new(10, 0, number, 1).into(),
            acl: acl.map(AclId),
        };
        let mut subnets: Vec<Subnet> = (1..=3).map(subnet).collect();
        for number in 1..=2_u8 {
            subnets.push(Subnet {
                vsid: vsid(network, 10 + number),
                prefix: format!("fd00:{number}::/64").parse().unwrap(),
                router: format!("fd00:{number}::1").parse().unwrap(),
                acl: acl.map(AclId),
            });
        }
        let shape = Network { router_mac: ROUTER_MAC, subnets };
        for host in &mut self.hosts {
            host.set_network(NetworkId(network), Tag(network), shape.clone()).unwrap();
        }
        self.networks.retain(|(id, _)| *id != NetworkId(network));
        self.networks.push((NetworkId(network), shape));
    }

    /// A list from lines such as `100 in deny tcp 10.0.0.0/8:* > *:80`, and `in deny` or `out deny` for a default.
    pub(crate) fn set_acl(&mut self, id: u128, lines: &[&str]) {
        let acl = acl(id, lines);
        for host in &mut self.hosts {
            host.set_acl(AclId(id), Tag(id), &acl);
        }
    }

    /// A VM with addresses of network 0; each may have a list.
    pub(crate) fn vm(&mut self, number: u8, host: usize, addresses: &[(&str, Option<u128>)]) -> Vm {
        self.vm_in(0, number, host, addresses)
    }

    pub(crate) fn vm_in(&mut self, network: u128, number: u8, host: usize, own: &[(&str, Option<u128>)]) -> Vm {
        let vm = Vm(number);
        let subnets = &self.networks.iter().find(|(id, _)| *id == NetworkId(network)).unwrap().1.subnets;
        let addresses = own.iter().map(|(ca, acl)| {
            let ca = ip(ca);
            let vsid = subnets.iter().find(|subnet| subnet.prefix.contains(ca)).unwrap().vsid;
            PortAddress { ca, vsid, acl: acl.map(AclId) }
        });
        let policy = PortPolicy {
            mac: vm.mac(),
            network: NetworkId(network),
            addresses: addresses.collect(),
            outbound_maximum_mbps: None,
            inbound_maximum_mbps: None,
            mac_spoofing: false,
            dhcp_guard: false,
            flow_limit: None,
        };
        self.placed.push(Placed { vm, host, policy });
        self.change(vm, |_| {});
        self.map(vm, host);
        vm
    }

    /// Changes a VM's policy and puts it in force.
    pub(crate) fn change(&mut self, vm: Vm, change: impl FnOnce(&mut PortPolicy)) {
        let placed = self.placed.iter_mut().find(|placed| placed.vm == vm).unwrap();
        change(&mut placed.policy);
        self.hosts[placed.host].set_port(vm.port(), Tag(1), placed.policy.clone()).unwrap();
    }

    /// Tells both hosts that the VM is on `host`.
    pub(crate) fn map(&mut self, vm: Vm, host: usize) {
        let policy = self.placed(vm).policy.clone();
        for switch in &mut self.hosts {
            for address in &policy.addresses {
                let mapping = Mapping { mac: policy.mac, pa: pa(host) };
                switch.set_mapping(policy.network, address.vsid, address.ca, mapping).unwrap();
            }
        }
    }

    pub(crate) fn placed(&self, vm: Vm) -> &Placed {
        self.placed.iter().find(|placed| placed.vm == vm).unwrap()
    }

    pub(crate) fn ca(&self, vm: Vm) -> IpAddr {
        self.placed(vm).policy.addresses[0].ca
    }

    pub(crate) fn switch(&mut self, vm: Vm) -> &mut Switch {
        let host = self.placed(vm).host;
        &mut self.hosts[host]
    }

    /// Sends an IP packet with the VM's own MAC to the router's MAC.
    pub(crate) fn send(&mut self, vm: Vm, packet: &Packet) -> Trip {
        self.send_frame(vm, &packet.frame(vm.mac(), ROUTER_MAC))
    }

    /// Sends a payload between the primary addresses of two VMs.
    pub(crate) fn exchange(&mut self, from: Vm, to: Vm, payload: Payload) -> Trip {
        let packet = Packet::new(self.ca(from), self.ca(to), payload);
        self.send(from, &packet)
    }

    /// Hands a frame to the VM's switch, and what leaves it to the other host's.
    pub(crate) fn send_frame(&mut self, vm: Vm, frame: &[u8]) -> Trip {
        let host = self.placed(vm).host;
        let mut buffer = [&[0xee; HEADROOM], frame].concat();
        let mut out = Out::default();
        let first = self.hosts[host].from_vm(vm.port(), &mut buffer, self.now, &mut out);
        let Out { to_vm, to_service: served, to_underlay: tunnelled } = out;
        let mut trip = Trip { outcomes: vec![first], received: Vec::new(), served, tunnelled };
        trip.received.extend(to_vm.into_iter().map(|(port, frame)| (host, port, frame)));
        for (outer, payload) in trip.tunnelled.clone() {
            let other = (0..2).find(|host| pa(*host) == outer.destination).expect("a host of the fabric");
            let arrival = self.arrive(other, pa(host), &payload);
            trip.outcomes.extend(arrival.outcomes);
            trip.received.extend(arrival.received);
        }
        trip
    }

    /// Hands a payload from the underlay to a host.
    pub(crate) fn arrive(&mut self, host: usize, from: IpAddr, payload: &[u8]) -> Trip {
        let mut out = Out::default();
        let outcome = self.hosts[host].from_underlay(from, &mut payload.to_vec(), self.now, &mut out);
        let received = out.to_vm.into_iter().map(|(port, frame)| (host, port, frame)).collect();
        Trip { outcomes: vec![outcome], received, served: out.to_service, tunnelled: out.to_underlay }
    }

    pub(crate) fn wait(&mut self, duration: Duration) {
        self.now = self.now.after(duration);
    }

    /// The VM's flows, one line each, sorted.
    pub(crate) fn flows(&mut self, vm: Vm) -> Vec<String> {
        let now = self.now;
        let mut lines: Vec<String> = self.switch(vm).flows(vm.port(), now).map(|flow| flow.to_string()).collect();
        lines.sort();
        lines
    }
}

pub(crate) fn syn(destination: u16) -> Payload {
    tcp(40_000, destination, SYN)
}

pub(crate) fn tcp(source: u16, destination: u16, flags: u8) -> Payload {
    Payload::Tcp { source, destination, flags }
}

pub(crate) fn udp(source: u16, destination: u16) -> Payload {
    Payload::Udp { source, destination }
}

pub(crate) fn echo(identifier: u16, request: bool) -> Payload {
    Payload::Echo { identifier, request }
}

/// See [`Fabric::set_acl`].
pub(crate) fn acl(id: u128, lines: &[&str]) -> Acl {
    let mut acl = Acl {
        name: format!("list{id}"),
        inbound_default: Action::Allow,
        outbound_default: Action::Allow,
        rules: Vec::new(),
    };
    for line in lines {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            ["in", action] => acl.inbound_default = parse_action(action),
            ["out", action] => acl.outbound_default = parse_action(action),
            [priority, direction, action, protocol, source, ">", destination] => {
                let ((source, source_ports), (destination, destination_ports)) = (side(source), side(destination));
                let protocol = parse_protocol(protocol);
                acl.rules.push(AclRule {
                    id: format!("r{priority}"),
                    priority: priority.parse().unwrap(),
                    direction: if direction == "in" { Direction::Inbound } else { Direction::Outbound },
                    action: parse_action(action),
                    condition: Condition { protocol, source, source_ports, destination, destination_ports },
                });
            }
            _ => panic!("no rule: {line}"),
        }
    }
    acl
}

fn parse_action(text: &str) -> Action {
    if text == "allow" { Action::Allow } else { Action::Deny }
}

fn parse_protocol(text: &str) -> Protocol {
    match text {
        "*" => Protocol::Any,
        "tcp" => Protocol::Tcp,
        "udp" => Protocol::Udp,
        "icmpv4" => Protocol::IcmpV4,
        "icmpv6" => Protocol::IcmpV6,
        _ => panic!("no protocol: {text}"),
    }
}

/// `ADDRESSES` or `ADDRESSES:PORTS`; addresses are `*`, a prefix, or `!` and a prefix. IPv6 needs the ports.
fn side(text: &str) -> (AddressSet, PortRange) {
    let (addresses, ports) = text.rsplit_once(':').unwrap_or((text, "*"));
    let prefix = |text: &str| vec![text.parse::<Prefix>().unwrap()];
    let set = match addresses.strip_prefix('!') {
        Some(prefixes) => AddressSet::Outside(prefix(prefixes)),
        None if addresses == "*" => AddressSet::Any,
        None => AddressSet::Within(prefix(addresses)),
    };
    (set, ports.parse().unwrap())
}
