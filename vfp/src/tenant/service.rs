//! A service of the host that every VM reaches at the same link-local address, such as the network proxy.
//!
//! It is on no wire and in no network: the switch answers ARP for its address, and hands the TCP segments for it to the
//! host together with the name of the port they came from. That name is who asked. What the frame claims to come from
//! is not looked at, so that a VM reaches the service from any of its addresses, and gains nothing by inventing one.
//! (`network-proxy.md` 1, 7)

use crate::address::Address;
use crate::drop_reason::DropReason;
use crate::packet::arp::REQUEST;
use crate::packet::ethernet::Macs;
use crate::packet::transport::Transport;
use crate::packet::{Body, IpPacket};
use policy::net::MacAddr;
use std::net::Ipv4Addr;

/// Where VMs find the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostService {
    /// Its address, the same on every port.
    pub address: Ipv4Addr,
    /// Its TCP port.
    pub tcp_port: u16,
    /// MAC in answers to ARP requests for the address. Frames to this MAC never leave the host.
    pub mac: MacAddr,
}

/// What is done with a frame that is for the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Claim {
    /// An ARP request for its address.
    Resolve,
    /// A segment for it.
    HandOver,
}

impl HostService {
    /// Whether the frame of a VM is the service's, and what becomes of it then.
    #[inline]
    pub(crate) fn claim(&self, macs: Macs, body: &Body) -> Option<Result<Claim, DropReason>> {
        let is_ours = match body {
            Body::Arp(arp) => arp.target_ip == self.address.octets(),
            Body::Ip(packet) => packet.destination == Address::v4(self.address.octets()),
        };
        (is_ours || macs.destination == self.mac).then(|| self.judge(macs, body, is_ours))
    }

    fn judge(&self, macs: Macs, body: &Body, is_ours: bool) -> Result<Claim, DropReason> {
        // The answer goes to the frame's source.
        if macs.source.is_multicast() {
            return Err(DropReason::SourceMac);
        }
        match body {
            Body::Arp(arp) if is_ours && arp.operation.get() == REQUEST => Ok(Claim::Resolve),
            Body::Arp(_) => Err(DropReason::ArpIgnored),
            Body::Ip(packet) if is_ours && self.serves(packet) => Ok(Claim::HandOver),
            Body::Ip(_) => Err(DropReason::HostService),
        }
    }

    /// Fragments are refused: no request is so long that an honest guest would send any.
    fn serves(&self, packet: &IpPacket) -> bool {
        let for_port = matches!(packet.transport, Transport::Tcp { ports, .. } if ports.destination == self.tcp_port);
        for_port && packet.fragment.is_none() && packet.source.is_unicast()
    }
}
