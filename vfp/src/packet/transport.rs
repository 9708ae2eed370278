//! What is behind the IP header, as far as flows are told apart by it.

use crate::address::Address;
use crate::packet::{Extent, Malformed, ipv4::Ipv4, ipv6::Ipv6, protocol};
use zerocopy::network_endian::U16;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// TCP control bits. [RFC 9293 section 3.1]
pub(crate) mod tcp_flag {
    pub(crate) const FIN: u8 = 0x01;
    pub(crate) const SYN: u8 = 0x02;
    pub(crate) const RST: u8 = 0x04;
    pub(crate) const ACK: u8 = 0x10;
}

/// Source and destination port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, FromBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct RawPorts {
    source: U16,
    destination: U16,
}

/// On the wire, without options. [RFC 9293 section 3.1]
#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub(crate) struct Tcp {
    pub(crate) source: U16,
    pub(crate) destination: U16,
    pub(crate) sequence: [u8; 4],
    pub(crate) acknowledgment: [u8; 4],
    pub(crate) offset: u8,
    pub(crate) flags: u8,
    pub(crate) window: U16,
    pub(crate) checksum: U16,
    pub(crate) urgent: U16,
}

/// On the wire. [RFC 768]
#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub(crate) struct Udp {
    pub(crate) source: U16,
    pub(crate) destination: U16,
    pub(crate) length: U16,
    pub(crate) checksum: U16,
}

/// The first eight bytes of ICMP messages of both families; for echo messages all fields mean what they say.
/// [RFC 792, RFC 4443]
#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub(crate) struct Icmp {
    pub(crate) kind: u8,
    pub(crate) code: u8,
    pub(crate) checksum: U16,
    pub(crate) identifier: U16,
    pub(crate) sequence: U16,
}

/// Source and destination port of a TCP or UDP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Ports {
    pub(crate) source: u16,
    pub(crate) destination: u16,
}

/// An echo message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Echo {
    pub(crate) identifier: u16,
    /// A request, not a reply.
    pub(crate) request: bool,
}

/// What a packet carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    Tcp {
        ports: Ports,
        flags: u8,
    },
    Udp {
        ports: Ports,
    },
    /// ICMP or ICMPv6 echo.
    Echo(Echo),
    /// An ICMP error: [`Quoted`] says about what.
    Error,
    /// ICMP that is neither echo nor error: judged message by message, no flow.
    Message,
    /// Any other protocol: one flow for each pair of addresses.
    Other,
    /// A fragment other than the first: the ports are in another packet.
    Later,
}

/// The packet that an ICMP error is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Quoted {
    pub(crate) source: Address,
    pub(crate) destination: Address,
    pub(crate) protocol: u8,
    pub(crate) transport: QuotedTransport,
}

/// What is left of a quoted transport header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum QuotedTransport {
    Ports(Ports),
    Echo(Echo),
    Other,
}

impl Transport {
    /// Reads what `protocol` says is in `bytes`, which is no later fragment. A first fragment must hold the whole fixed
    /// header, so that no rule can be dodged by cutting a header in two. [RFC 1858, RFC 3128]
    #[inline]
    pub(crate) fn parse(protocol: u8, bytes: &[u8]) -> Result<Self, Malformed> {
        match protocol {
            protocol::TCP => {
                let (tcp, _) = Tcp::ref_from_prefix(bytes).map_err(|_| Malformed)?;
                let length = usize::from(tcp.offset >> 4) * 4;
                if length < size_of::<Tcp>() {
                    return Err(Malformed);
                }
                let ports = Ports { source: tcp.source.get(), destination: tcp.destination.get() };
                Ok(Self::Tcp { ports, flags: tcp.flags })
            }
            protocol::UDP => {
                let (udp, _) = Udp::ref_from_prefix(bytes).map_err(|_| Malformed)?;
                Ok(Self::Udp { ports: Ports { source: udp.source.get(), destination: udp.destination.get() } })
            }
            protocol::ICMP | protocol::ICMPV6 => {
                let (icmp, _) = Icmp::ref_from_prefix(bytes).map_err(|_| Malformed)?;
                Ok(match Kind::of(protocol, icmp.kind) {
                    Kind::Echo { request } => Self::Echo(Echo { identifier: icmp.identifier.get(), request }),
                    Kind::Error => Self::Error,
                    Kind::Message => Self::Message,
                })
            }
            _ => Ok(Self::Other),
        }
    }
}

enum Kind {
    Echo { request: bool },
    Error,
    Message,
}

impl Kind {
    fn of(protocol: u8, kind: u8) -> Self {
        match (protocol, kind) {
            (protocol::ICMP, 8) | (protocol::ICMPV6, 128) => Self::Echo { request: true },
            (protocol::ICMP, 0) | (protocol::ICMPV6, 129) => Self::Echo { request: false },
            // Unreachable, source quench, time exceeded, parameter problem. A redirect (5) is none: guests take
            // their routes from the controller.
            (protocol::ICMP, 3 | 4 | 11 | 12) | (protocol::ICMPV6, 1..=4) => Self::Error,
            _ => Self::Message,
        }
    }
}

impl Quoted {
    /// What the ICMP error `message` quotes: the IP header and at least eight bytes behind it. `None` when it quotes
    /// less, or nothing that could belong to a flow. [RFC 792; RFC 4443 section 2.4]
    pub(crate) fn parse(message: &[u8], is_v4: bool) -> Option<Self> {
        let bytes = message.get(size_of::<Icmp>()..)?;
        let layer3 = match is_v4 {
            true => Ipv4::parse(bytes, Extent::Quoted),
            false => Ipv6::parse(bytes, Extent::Quoted),
        };
        let layer3 = layer3.ok()?;
        let rest = bytes.get(layer3.payload.clone())?;
        let is_first = layer3.fragment.is_none_or(|fragment| fragment.offset == 0);
        let transport = match layer3.protocol {
            protocol::TCP | protocol::UDP if is_first => {
                let (raw, _) = RawPorts::ref_from_prefix(rest).ok()?;
                QuotedTransport::Ports(Ports { source: raw.source.get(), destination: raw.destination.get() })
            }
            protocol::ICMP | protocol::ICMPV6 if is_first => {
                let (icmp, _) = Icmp::ref_from_prefix(rest).ok()?;
                match Kind::of(layer3.protocol, icmp.kind) {
                    Kind::Echo { request } => {
                        QuotedTransport::Echo(Echo { identifier: icmp.identifier.get(), request })
                    }
                    Kind::Error | Kind::Message => return None,
                }
            }
            protocol::TCP | protocol::UDP | protocol::ICMP | protocol::ICMPV6 => return None,
            _ => QuotedTransport::Other,
        };
        Some(Self { source: layer3.source, destination: layer3.destination, protocol: layer3.protocol, transport })
    }
}
