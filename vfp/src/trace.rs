//! A packet's walk, explained: which layer found what. The walk is the real one, without its side effects.

use crate::direction::Direction;
use crate::drop_reason::DropReason;
use crate::ids::PortId;
use crate::process::Outcome;
use crate::tenant::acl::Action;
use policy::net::{MacAddr, Vsid};
use std::fmt;
use std::net::IpAddr;

/// Parts of a port. Layers first, VM side first: the order of declaration is the order in which packets from the VM
/// pass them, and packets to the VM pass them in reverse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// Checks that the VM is who it says it is.
    Guard,
    /// Access control lists, stateful.
    Acl,
    /// The distributed router of the network.
    Router,
    /// From customer to provider addresses.
    Encapsulation,
    /// Rate caps. No layer: it meters what all layers let through, packet by packet.
    Queue,
    /// The flow table, in front of all layers.
    FlowTable,
}

impl Stage {
    /// The layers in the order of packets from the VM.
    pub(crate) const LAYERS: [Self; 4] = [Self::Guard, Self::Acl, Self::Router, Self::Encapsulation];
}

/// Which attachment a list was found by, most specific first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attachment {
    /// The IP configuration that has the packet's local address.
    Address,
    /// The primary IP configuration: the local address is none of the port's.
    PrimaryAddress,
    /// The subnet of the address.
    Subnet,
}

/// What a stage found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// The packet as rules see it.
    Packet(String),
    /// It belongs to a flow that is known.
    KnownFlow {
        /// Direction of the packet that opened it: the one that rules judge.
        opened: Direction,
        /// False: stopped by an earlier change of policy.
        admitted: bool,
    },
    /// It opens a flow.
    NewFlow,
    /// It is judged alone, not as part of a flow.
    NoFlow,
    /// MAC and address are the VM's own.
    SourceOk {
        /// MAC of the frame.
        mac: MacAddr,
        /// Source address.
        address: IpAddr,
    },
    /// The frame is for the VM's MAC.
    DestinationOk {
        /// MAC of the frame.
        mac: MacAddr,
    },
    /// A rule, or the default of a list, decided.
    Judged {
        /// Verdict.
        action: Action,
        /// Direction that was judged.
        direction: Direction,
        /// The list that decided, and how it is attached; `None` when no list reaches the port.
        list: Option<(String, Attachment)>,
        /// The rule; `None` for a default.
        rule: Option<String>,
    },
    /// Source and destination are in one subnet: nothing is rewritten.
    SameSubnet {
        /// That subnet.
        vsid: Vsid,
    },
    /// The distributed router passes the packet from one subnet to another.
    Routed {
        /// Subnet of the source.
        from: Vsid,
        /// Subnet of the destination.
        to: Vsid,
    },
    /// The destination is on a port of this host.
    LocalPort {
        /// Customer address.
        ca: IpAddr,
        /// MAC of the port.
        mac: MacAddr,
        /// The port.
        port: PortId,
    },
    /// The destination is on another host.
    Tunnel {
        /// Customer address.
        ca: IpAddr,
        /// MAC of the NIC.
        mac: MacAddr,
        /// Network identifier.
        vsid: Vsid,
        /// The host.
        pa: IpAddr,
    },
    /// The packet came from the host that its source address is mapped to.
    SourceHostOk {
        /// Source address.
        ca: IpAddr,
        /// The host.
        pa: IpAddr,
    },
    /// There is a rate cap.
    Cap {
        /// In Mbit/s.
        mbps: u64,
    },
    /// An ARP request is answered.
    Resolved {
        /// Address that was asked for.
        address: IpAddr,
        /// MAC in the answer.
        mac: MacAddr,
    },
    /// The packet is handed to a service of the host, whatever its source.
    Served {
        /// Address of the service.
        address: IpAddr,
    },
    /// The engine answers the packet itself.
    Answered(&'static str),
    /// The stage drops the packet.
    Dropped(DropReason),
}

/// One line of a trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Port that the packet is at.
    pub port: PortId,
    /// Direction at that port.
    pub direction: Direction,
    /// Part of the port.
    pub stage: Stage,
    /// What it found.
    pub finding: Finding,
}

/// Everything that was found on a packet's way, and where it ended. Prints one line for each step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// In the order of the packet's way.
    pub steps: Vec<Step>,
    /// What becomes of such a packet. Rate caps are not applied: they depend on the traffic beside it.
    pub outcome: Outcome,
}

/// Takes findings while a packet walks. The packet path passes `()`, which costs nothing.
pub(crate) trait Observer {
    fn note(&mut self, stage: Stage, finding: impl FnOnce() -> Finding);
}

impl Observer for () {
    fn note(&mut self, _: Stage, _: impl FnOnce() -> Finding) {}
}

/// Collects the steps at one port.
pub(crate) struct Recorder<'a> {
    pub(crate) port: PortId,
    pub(crate) direction: Direction,
    pub(crate) steps: &'a mut Vec<Step>,
}

impl Observer for Recorder<'_> {
    fn note(&mut self, stage: Stage, finding: impl FnOnce() -> Finding) {
        let Self { port, direction, ref mut steps } = *self;
        steps.push(Step { port, direction, stage, finding: finding() });
    }
}

/// A packet to trace, in the words of rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probe {
    /// From the port's VM, or towards it.
    pub direction: Direction,
    /// IP protocol number. TCP probes are opening packets, ICMP probes echo requests.
    pub protocol: u8,
    /// Source address.
    pub source: IpAddr,
    /// Destination address, of the same family.
    pub destination: IpAddr,
    /// TCP and UDP.
    pub source_port: u16,
    /// TCP and UDP.
    pub destination_port: u16,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Guard => "guard",
            Self::Acl => "acl",
            Self::Router => "router",
            Self::Encapsulation => "encapsulation",
            Self::Queue => "queue",
            Self::FlowTable => "flow table",
        })
    }
}

impl fmt::Display for Attachment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Address => "IP configuration",
            Self::PrimaryAddress => "primary IP configuration",
            Self::Subnet => "subnet",
        })
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Packet(text) => f.write_str(text),
            Self::KnownFlow { opened, admitted: true } => write!(f, "belongs to a flow opened {opened}"),
            Self::KnownFlow { opened, admitted: false } => {
                write!(f, "belongs to a flow opened {opened} that policy has stopped")
            }
            Self::NewFlow => f.write_str("opens a flow"),
            Self::NoFlow => f.write_str("is judged alone"),
            Self::SourceOk { mac, address } => write!(f, "source {mac} {address} is the VM's own"),
            Self::DestinationOk { mac } => write!(f, "destination {mac} is the VM's"),
            Self::Judged { action, direction, list: None, .. } => {
                write!(f, "{action} {direction}: no list reaches the port")
            }
            Self::Judged { action, direction, list: Some((list, attachment)), rule } => match rule {
                Some(rule) => write!(f, "{action} {direction}: list {list} of the {attachment}, rule {rule}"),
                None => write!(f, "{action} {direction}: list {list} of the {attachment}, default action"),
            },
            Self::SameSubnet { vsid } => write!(f, "within subnet {vsid}"),
            Self::Routed { from, to } => write!(f, "routed from subnet {from} to subnet {to}, TTL - 1"),
            Self::LocalPort { ca, mac, port } => write!(f, "{ca} is {mac} at port {port} of this host"),
            Self::Tunnel { ca, mac, vsid, pa } => write!(f, "{ca} is {mac} at host {pa}: VXLAN {vsid}"),
            Self::SourceHostOk { ca, pa } => write!(f, "{ca} is mapped to host {pa}, where it came from"),
            Self::Cap { mbps } => write!(f, "capped at {mbps} Mbit/s"),
            Self::Resolved { address, mac } => write!(f, "ARP reply: {address} is at {mac}"),
            Self::Served { address } => write!(f, "{address} is a service of this host"),
            Self::Answered(what) => write!(f, "answered here: {what}"),
            Self::Dropped(reason) => write!(f, "DROPPED: {reason}"),
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { port, direction, stage, finding } = self;
        write!(f, "{port} {direction:<3} {stage:<13} {finding}")
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.steps.iter().try_for_each(|step| writeln!(f, "{step}"))?;
        self.outcome.fmt(f)
    }
}
