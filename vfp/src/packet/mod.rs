//! Frames parsed into what the engine matches on, and edited in place.

pub(crate) mod arp;
pub(crate) mod checksum;
pub(crate) mod craft;
pub(crate) mod ethernet;
pub(crate) mod ipv4;
pub(crate) mod ipv6;
pub(crate) mod transport;
pub(crate) mod vxlan;

use crate::address::Address;
use crate::drop_reason::DropReason;
use arp::Arp;
use ethernet::{Ethernet, Macs, ether_type};
use ipv4::Ipv4;
use ipv6::Ipv6;
use std::ops::Range;
use transport::{Quoted, Transport};
use zerocopy::FromBytes;

/// Numbers of IP protocols that the engine looks into.
pub(crate) mod protocol {
    pub(crate) const ICMP: u8 = 1;
    pub(crate) const TCP: u8 = 6;
    pub(crate) const UDP: u8 = 17;
    pub(crate) const ICMPV6: u8 = 58;
}

/// Headers that are cut short, or that contradict themselves or each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

impl From<Malformed> for DropReason {
    fn from(_: Malformed) -> Self {
        Self::Malformed
    }
}

/// Whether all the bytes that a header announces must be there.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// A packet: they must; bytes behind them are padding.
    Whole,
    /// The beginning of a packet, as ICMP errors quote it.
    Quoted,
}

impl Extent {
    fn end(self, announced: usize, bytes: &[u8]) -> Result<usize, Malformed> {
        match self {
            Self::Whole if announced > bytes.len() => Err(Malformed),
            _ => Ok(announced.min(bytes.len())),
        }
    }
}

/// What both IP headers say.
#[derive(Clone, Debug)]
pub(crate) struct Layer3 {
    pub(crate) source: Address,
    pub(crate) destination: Address,
    pub(crate) protocol: u8,
    pub(crate) hop_limit: u8,
    /// Bytes behind the IP header, counted from its start.
    pub(crate) payload: Range<usize>,
    pub(crate) fragment: Option<Fragment>,
}

/// Part of a packet that was too large for some link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fragment {
    pub(crate) identification: u32,
    /// In units of eight bytes; 0 for the first.
    pub(crate) offset: u16,
}

/// A frame, parsed. Borrows nothing, so that the frame can be edited.
#[derive(Clone, Debug)]
pub(crate) struct Packet {
    pub(crate) macs: Macs,
    pub(crate) body: Body,
}

/// What a frame carries.
#[derive(Clone, Debug)]
pub(crate) enum Body {
    Arp(Arp),
    Ip(IpPacket),
}

/// An IP packet, parsed.
#[derive(Clone, Debug)]
pub(crate) struct IpPacket {
    pub(crate) source: Address,
    pub(crate) destination: Address,
    pub(crate) protocol: u8,
    pub(crate) hop_limit: u8,
    pub(crate) fragment: Option<Fragment>,
    pub(crate) transport: Transport,
    /// Where the transport header starts in the frame.
    pub(crate) transport_offset: usize,
}

impl Packet {
    /// Parses a frame from its Ethernet header on.
    #[inline]
    pub(crate) fn parse(frame: &[u8]) -> Result<Self, DropReason> {
        let (header, rest) = Ethernet::ref_from_prefix(frame).map_err(|_| Malformed)?;
        let body = match header.ether_type.get() {
            ether_type::IPV4 => Body::Ip(IpPacket::parse(rest, &Ipv4::parse(rest, Extent::Whole)?)?),
            ether_type::IPV6 => Body::Ip(IpPacket::parse(rest, &Ipv6::parse(rest, Extent::Whole)?)?),
            ether_type::ARP => Body::Arp(Arp::parse(rest).ok_or(Malformed)?),
            tag if ether_type::VLAN.contains(&tag) => return Err(DropReason::VlanTagged),
            _ => return Err(DropReason::EtherType),
        };
        Ok(Self { macs: Macs::of(header), body })
    }
}

impl IpPacket {
    /// Whether it starts with the transport header: it is whole, or the first fragment.
    pub(crate) fn is_first(&self) -> bool {
        self.fragment.is_none_or(|fragment| fragment.offset == 0)
    }

    /// What an ICMP error in `frame`, which this was parsed from, is about.
    #[inline]
    pub(crate) fn quoted(&self, frame: &[u8]) -> Option<Quoted> {
        let is_error = self.transport == Transport::Error;
        frame
            .get(self.transport_offset..)
            .filter(|_| is_error)
            .and_then(|message| Quoted::parse(message, self.source.is_v4()))
    }

    #[inline]
    fn parse(bytes: &[u8], layer3: &Layer3) -> Result<Self, Malformed> {
        // Nobody sends to itself over the wire; and the two directions of such a flow could not be told apart.
        if layer3.source == layer3.destination {
            return Err(Malformed);
        }
        let transport = match layer3.fragment {
            // Offset 1 could only lie within the header that the first fragment must hold whole. [RFC 3128]
            Some(Fragment { offset: 1, .. }) if layer3.protocol == protocol::TCP => return Err(Malformed),
            Some(Fragment { offset: 1.., .. }) => Transport::Later,
            _ => Transport::parse(layer3.protocol, bytes.get(layer3.payload.clone()).ok_or(Malformed)?)?,
        };
        Ok(Self {
            source: layer3.source,
            destination: layer3.destination,
            protocol: layer3.protocol,
            hop_limit: layer3.hop_limit,
            fragment: layer3.fragment,
            transport,
            transport_offset: ethernet::LENGTH + layer3.payload.start,
        })
    }
}

/// Reads who the frame says it is from and for now, which an edit may have changed since it was parsed.
#[inline]
pub(crate) fn macs(frame: &[u8]) -> Result<Macs, Malformed> {
    Ethernet::ref_from_prefix(frame).map(|(header, _)| Macs::of(header)).map_err(|_| Malformed)
}

#[cfg(test)]
mod tests;
