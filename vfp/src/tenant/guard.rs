//! Guard layer: a VM speaks only for itself, and hears only what is for it. `semantics.md` 3.3, 6.4.

use crate::drop_reason::DropReason;
use crate::packet::ethernet::Macs;
use crate::packet::transport::Transport;
use crate::packet::{IpPacket, arp::Arp};
use crate::tenant::policy::Enforced;
use crate::tenant::walk::{Stop, Walk};
use crate::trace::{Finding, Observer, Stage};
use policy::net::MacAddr;

/// Source ports of DHCP servers. [RFC 2131 section 4.1, RFC 8415 section 7.2]
const DHCP_SERVER: [u16; 2] = [67, 547];

pub(crate) fn outbound(walk: &mut Walk<'_>, observer: &mut impl Observer) -> Result<(), Stop> {
    let Walk { port, packet, transport, arrival, .. } = *walk;
    let source = arrival.macs.source;
    check_source_mac(port, source)?;
    if port.address(packet.source).is_none() {
        return Err(DropReason::SourceAddress.into());
    }
    if port.policy.dhcp_guard && is_dhcp_server(transport) {
        return Err(DropReason::DhcpServer.into());
    }
    observer.note(Stage::Guard, || Finding::SourceOk { mac: source, address: packet.source.to_ip() });
    Ok(())
}

pub(crate) fn inbound(walk: &mut Walk<'_>, observer: &mut impl Observer) -> Result<(), Stop> {
    let destination = walk.arrival.macs.destination;
    if destination != walk.port.policy.mac {
        return Err(DropReason::DestinationMac.into());
    }
    observer.note(Stage::Guard, || Finding::DestinationOk { mac: destination });
    Ok(())
}

/// An ARP sender must be the VM, in the frame's header and in what the message claims. A sender without an address asks
/// whether an address is free. [RFC 5227 section 2.1.1]
pub(crate) fn check_arp(port: &Enforced, macs: Macs, arp: &Arp) -> Result<(), DropReason> {
    check_source_mac(port, macs.source)?;
    check_source_mac(port, MacAddr::new(arp.sender_mac)).map_err(|_| DropReason::ArpSender)?;
    let is_own = arp.sender_ip == [0; 4] || port.address(crate::address::Address::v4(arp.sender_ip)).is_some();
    if is_own { Ok(()) } else { Err(DropReason::ArpSender) }
}

fn check_source_mac(port: &Enforced, mac: MacAddr) -> Result<(), DropReason> {
    let is_own = mac == port.policy.mac || (port.policy.mac_spoofing && !mac.is_multicast());
    if is_own { Ok(()) } else { Err(DropReason::SourceMac) }
}

fn is_dhcp_server(transport: Transport) -> bool {
    matches!(transport, Transport::Udp { ports } if DHCP_SERVER.contains(&ports.source))
}

/// Broadcast and multicast never reach a layer: see [`crate::DropReason::Multicast`].
#[inline]
pub(crate) fn check_unicast(macs: Macs, packet: &IpPacket) -> Result<(), DropReason> {
    let is_unicast = !macs.destination.is_multicast() && packet.destination.is_unicast();
    if is_unicast { Ok(()) } else { Err(DropReason::Multicast) }
}
