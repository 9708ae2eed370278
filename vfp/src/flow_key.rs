//! What tells flows apart, and who opened them.

use crate::address::Address;
use crate::direction::Direction;
use crate::packet::transport::{Echo, Ports, Quoted, QuotedTransport, Transport};
use crate::packet::{IpPacket, protocol};
use crate::tcp_state::may_open;
use std::fmt;
use std::hash::{Hash, Hasher};

/// Both directions of a conversation, as the port's VM sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FlowKey {
    pub(crate) local: Address,
    pub(crate) remote: Address,
    /// Echo: the identifier.
    pub(crate) local_port: u16,
    /// Echo: 0 when the VM asks and 1 when it answers, so that two pings with one identifier stay apart.
    pub(crate) remote_port: u16,
    pub(crate) protocol: u8,
}

/// The flow that a packet belongs to, which may not be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Conversation {
    pub(crate) key: FlowKey,
    /// Whether the packet may open it. Answers may not: an answer that nobody asked for must not open the way for the
    /// questions.
    pub(crate) opens: bool,
}

/// A packet as rules see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Tuple {
    pub(crate) source: Address,
    pub(crate) destination: Address,
    pub(crate) protocol: u8,
    /// TCP and UDP only.
    pub(crate) ports: Option<Ports>,
}

impl FlowKey {
    fn new(source: Address, destination: Address, protocol: u8, ports: Ports, direction: Direction) -> Self {
        match direction {
            Direction::Outbound => Self {
                local: source,
                remote: destination,
                local_port: ports.source,
                remote_port: ports.destination,
                protocol,
            },
            Direction::Inbound => Self {
                local: destination,
                remote: source,
                local_port: ports.destination,
                remote_port: ports.source,
                protocol,
            },
        }
    }

    fn echo(source: Address, destination: Address, protocol: u8, echo: Echo, direction: Direction) -> Self {
        let asker = if echo.request { direction } else { direction.reverse() };
        let key = Self::new(source, destination, protocol, Ports { source: 0, destination: 0 }, direction);
        Self { local_port: echo.identifier, remote_port: u16::from(asker == Direction::Inbound), ..key }
    }

    /// Key of the flow that the packet quoted by an ICMP error belongs to; `direction` is that of the quoted packet.
    pub(crate) fn of_quoted(quoted: &Quoted, direction: Direction) -> Self {
        let Quoted { source, destination, protocol, transport } = *quoted;
        match transport {
            QuotedTransport::Ports(ports) => Self::new(source, destination, protocol, ports, direction),
            QuotedTransport::Echo(echo) => Self::echo(source, destination, protocol, echo, direction),
            QuotedTransport::Other => {
                Self::new(source, destination, protocol, Ports { source: 0, destination: 0 }, direction)
            }
        }
    }

    /// A packet of the flow in `direction`, as rules see it.
    pub(crate) fn tuple(&self, direction: Direction) -> Tuple {
        let Self { local, remote, local_port, remote_port, protocol } = *self;
        let (source, destination, ports) = match direction {
            Direction::Outbound => (local, remote, Ports { source: local_port, destination: remote_port }),
            Direction::Inbound => (remote, local, Ports { source: remote_port, destination: local_port }),
        };
        Tuple { source, destination, protocol, ports: has_ports(protocol).then_some(ports) }
    }
}

const fn has_ports(number: u8) -> bool {
    matches!(number, protocol::TCP | protocol::UDP)
}

impl Conversation {
    /// `None` for packets that are judged one by one: ICMP other than echo, and fragments whose first is not known.
    /// `transport`: of the packet that this belongs to, if it is a later fragment.
    #[inline]
    pub(crate) fn of(packet: &IpPacket, transport: Transport, direction: Direction) -> Option<Self> {
        let IpPacket { source, destination, protocol, .. } = *packet;
        let key = |ports| FlowKey::new(source, destination, protocol, ports, direction);
        let (key, opens) = match transport {
            Transport::Tcp { ports, flags } => (key(ports), may_open(flags)),
            Transport::Udp { ports } => (key(ports), true),
            Transport::Echo(echo) => (FlowKey::echo(source, destination, protocol, echo, direction), echo.request),
            Transport::Other => (key(Ports { source: 0, destination: 0 }), true),
            Transport::Error | Transport::Message | Transport::Later => return None,
        };
        Some(Self { key, opens })
    }
}

impl Tuple {
    /// A packet that belongs to no flow, as rules see it.
    pub(crate) const fn of(packet: &IpPacket, transport: Transport) -> Self {
        let ports = match transport {
            Transport::Tcp { ports, .. } | Transport::Udp { ports } => Some(ports),
            _ => None,
        };
        Self { source: packet.source, destination: packet.destination, protocol: packet.protocol, ports }
    }
}

impl Hash for FlowKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let Self { local, remote, local_port, remote_port, protocol } = *self;
        local.hash(state);
        remote.hash(state);
        // One word instead of three.
        state.write_u64(u64::from(protocol) << 32 | u64::from(local_port) << 16 | u64::from(remote_port));
    }
}

/// Name of an IP protocol where it has a common one.
pub(crate) struct ProtocolName(pub(crate) u8);

impl fmt::Display for ProtocolName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            protocol::ICMP => f.write_str("icmpv4"),
            protocol::TCP => f.write_str("tcp"),
            protocol::UDP => f.write_str("udp"),
            protocol::ICMPV6 => f.write_str("icmpv6"),
            number => write!(f, "protocol {number}"),
        }
    }
}

impl fmt::Display for Tuple {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { source, destination, protocol, ports } = self;
        let name = ProtocolName(*protocol);
        match ports {
            None => write!(f, "{name} {source} > {destination}"),
            Some(ports) => write!(f, "{name} {source}:{} > {destination}:{}", ports.source, ports.destination),
        }
    }
}
