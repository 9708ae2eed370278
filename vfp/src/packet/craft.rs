//! Frames that the engine itself writes: answers to a VM, and probes for traces.

use crate::address::Address;
use crate::packet::arp::Arp;
use crate::packet::ethernet::{self, Ethernet, Macs, ether_type};
use crate::packet::ipv4::{self, Ipv4};
use crate::packet::ipv6::{self, Ipv6};
use crate::packet::transport::{Icmp, Tcp, Udp, tcp_flag};
use crate::packet::{IpPacket, checksum, protocol};
use std::net::IpAddr;
use zerocopy::network_endian::U16;
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// Length of an ARP frame, without padding.
const ARP_FRAME: usize = ethernet::LENGTH + size_of::<Arp>();

/// Turns the frame of an ARP request into the reply.
pub(crate) fn arp_reply<'a>(frame: &'a mut [u8], arp: &Arp, mac: [u8; 6]) -> Option<&'a [u8]> {
    let header = Ethernet { destination: arp.sender_mac, source: mac, ether_type: U16::new(ether_type::ARP) };
    let reply = frame.get_mut(..ARP_FRAME)?;
    let (first, rest) = reply.split_at_mut(ethernet::LENGTH);
    first.copy_from_slice(header.as_bytes());
    rest.copy_from_slice(arp.reply(mac).as_bytes());
    Some(reply)
}

/// Turns the frame of an echo request, or of one of its later fragments, into the reply.
///
/// Swapping two addresses leaves every checksum over both of them as it was.
pub(crate) fn echo_reply<'a>(frame: &'a mut [u8], packet: &IpPacket, macs: Macs) -> Option<&'a [u8]> {
    let (header, network) = Ethernet::mut_from_prefix(frame).ok()?;
    (header.destination, header.source) = (macs.destination.octets(), macs.source.octets());
    if packet.source.is_v4() {
        let (ip, _) = Ipv4::mut_from_prefix(network).ok()?;
        std::mem::swap(&mut ip.source, &mut ip.destination);
    } else {
        let (ip, _) = Ipv6::mut_from_prefix(network).ok()?;
        std::mem::swap(&mut ip.source, &mut ip.destination);
    }
    if packet.is_first() {
        let (icmp, _) = Icmp::mut_from_prefix(frame.get_mut(packet.transport_offset..)?).ok()?;
        let reply = if packet.protocol == protocol::ICMP { 0 } else { 129 };
        let (before, after) = (u16::from_be_bytes([icmp.kind, icmp.code]), u16::from_be_bytes([reply, icmp.code]));
        icmp.checksum = U16::new(checksum::replace(icmp.checksum.get(), before, after));
        icmp.kind = reply;
    }
    Some(frame)
}

/// Bytes of the offending packet that an error quotes: its IP header and the first eight behind it, with room for
/// options and extension headers. [RFC 792; RFC 4443 section 2.4 allows more]
const QUOTED: usize = ipv4::MAX_LENGTH + 8;

/// Longest frame that [`time_exceeded`] writes.
pub(crate) const TIME_EXCEEDED: usize = ethernet::LENGTH + ipv6::LENGTH + size_of::<Icmp>() + QUOTED;

/// Writes what the router with the address `router` says to the sender of `frame`, whose hop limit ran out.
pub(crate) fn time_exceeded<'a>(
    buffer: &'a mut [u8; TIME_EXCEEDED],
    frame: &[u8],
    packet: &IpPacket,
    router: IpAddr,
    macs: Macs,
) -> Option<&'a [u8]> {
    let quoted = frame.get(ethernet::LENGTH..)?;
    let quoted = &quoted[..quoted.len().min(QUOTED)];
    let is_v4 = packet.source.is_v4();
    let number = if is_v4 { protocol::ICMP } else { protocol::ICMPV6 };
    let kind = if is_v4 { 11 } else { 3 };
    let zero = U16::ZERO;
    let mut icmp = Icmp { kind, code: 0, checksum: zero, identifier: zero, sequence: zero };
    let length = u16::try_from(size_of::<Icmp>() + quoted.len()).ok()?;
    let mut writer = Writer { buffer, at: 0 };
    writer.ethernet(macs, is_v4)?;
    let source = Address::from(router);
    writer.ip(source, packet.source, number, length)?;
    icmp.checksum = U16::new(transport_checksum(source, packet.source, number, length, &[icmp.as_bytes(), quoted]));
    writer.put(&icmp)?;
    writer.put(quoted)?;
    let Writer { buffer, at } = writer;
    buffer.get(..at)
}

/// A packet of which only the headers matter.
pub(crate) struct ProbeFrame {
    pub(crate) macs: Macs,
    pub(crate) source: Address,
    pub(crate) destination: Address,
    pub(crate) protocol: u8,
    pub(crate) source_port: u16,
    pub(crate) destination_port: u16,
}

impl ProbeFrame {
    /// The frame: a TCP SYN, an empty UDP datagram, an echo request, or a bare IP header. Transport checksums are zero.
    pub(crate) fn write(&self) -> Option<Vec<u8>> {
        let (source, destination) = (U16::new(self.source_port), U16::new(self.destination_port));
        let zero = U16::ZERO;
        let echo = |kind| Icmp { kind, code: 0, checksum: zero, identifier: U16::new(1), sequence: zero };
        let tcp = Tcp {
            source,
            destination,
            sequence: [0; 4],
            acknowledgment: [0; 4],
            offset: 5 << 4,
            flags: tcp_flag::SYN,
            window: U16::new(u16::MAX),
            checksum: zero,
            urgent: zero,
        };
        let udp = Udp { source, destination, length: U16::new(8), checksum: zero };
        let (request, request_v6) = (echo(8), echo(128));
        let transport: &[u8] = match self.protocol {
            protocol::TCP => tcp.as_bytes(),
            protocol::UDP => udp.as_bytes(),
            protocol::ICMP => request.as_bytes(),
            protocol::ICMPV6 => request_v6.as_bytes(),
            _ => &[],
        };
        let length = u16::try_from(transport.len()).ok()?;
        let mut buffer = [0; ethernet::LENGTH + ipv6::LENGTH + size_of::<Tcp>()];
        let mut writer = Writer { buffer: &mut buffer, at: 0 };
        writer.ethernet(self.macs, self.source.is_v4())?;
        writer.ip(self.source, self.destination, self.protocol, length)?;
        writer.put(transport)?;
        let at = writer.at;
        buffer.get(..at).map(<[u8]>::to_vec)
    }
}

/// Checksum of ICMP messages; that of IPv6 covers the addresses. [RFC 4443 section 2.3]
fn transport_checksum(source: Address, destination: Address, number: u8, length: u16, message: &[&[u8]]) -> u16 {
    let (from, to) = (u128::from(source).to_be_bytes(), u128::from(destination).to_be_bytes());
    let tail = [length.to_be_bytes(), [0, number]].concat();
    let pseudo: &[&[u8]] = if source.is_v4() { &[] } else { &[&from, &to, &tail] };
    checksum::of(&[pseudo, message].concat())
}

/// Appends headers to a buffer that is known to be large enough; `None` where it is not.
struct Writer<'a> {
    buffer: &'a mut [u8],
    at: usize,
}

impl Writer<'_> {
    fn put(&mut self, part: &(impl IntoBytes + Immutable + ?Sized)) -> Option<()> {
        let bytes = part.as_bytes();
        self.buffer.get_mut(self.at..self.at + bytes.len())?.copy_from_slice(bytes);
        self.at += bytes.len();
        Some(())
    }

    fn ethernet(&mut self, macs: Macs, is_v4: bool) -> Option<()> {
        let ether_type = U16::new(if is_v4 { ether_type::IPV4 } else { ether_type::IPV6 });
        self.put(&Ethernet { destination: macs.destination.octets(), source: macs.source.octets(), ether_type })
    }

    /// `None` too when the two are not of one family.
    fn ip(&mut self, source: Address, destination: Address, number: u8, payload: u16) -> Option<()> {
        match (source.to_ip(), destination.to_ip()) {
            (IpAddr::V4(from), IpAddr::V4(to)) => self.put(&Ipv4::new(from.octets(), to.octets(), number, payload)),
            (IpAddr::V6(from), IpAddr::V6(to)) => self.put(&Ipv6::new(from.octets(), to.octets(), number, payload)),
            _ => None,
        }
    }
}
