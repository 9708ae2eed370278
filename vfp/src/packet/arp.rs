//! Address resolution for IPv4 over Ethernet. [RFC 826]

use zerocopy::network_endian::U16;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

pub(crate) const REQUEST: u16 = 1;
pub(crate) const REPLY: u16 = 2;

/// On the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub(crate) struct Arp {
    hardware: U16,
    protocol: U16,
    hardware_length: u8,
    protocol_length: u8,
    pub(crate) operation: U16,
    pub(crate) sender_mac: [u8; 6],
    pub(crate) sender_ip: [u8; 4],
    pub(crate) target_mac: [u8; 6],
    pub(crate) target_ip: [u8; 4],
}

impl Arp {
    /// A request by `sender` for the MAC of `target_ip`.
    pub(crate) fn request(sender_mac: [u8; 6], sender_ip: [u8; 4], target_ip: [u8; 4]) -> Self {
        Self {
            hardware: U16::new(1),
            protocol: U16::new(super::ethernet::ether_type::IPV4),
            hardware_length: 6,
            protocol_length: 4,
            operation: U16::new(REQUEST),
            sender_mac,
            sender_ip,
            target_mac: [0; 6],
            target_ip,
        }
    }

    /// `None` when it is cut short, or not about IPv4 over Ethernet.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let (arp, _) = Self::read_from_prefix(bytes).ok()?;
        let Self { hardware, protocol, hardware_length, protocol_length, .. } = arp;
        let expected = Self::request([0; 6], [0; 4], [0; 4]);
        let same_kind = hardware == expected.hardware
            && protocol == expected.protocol
            && hardware_length == expected.hardware_length
            && protocol_length == expected.protocol_length;
        same_kind.then_some(arp)
    }

    /// The reply to this request that says `mac` has the target address.
    pub(crate) fn reply(&self, mac: [u8; 6]) -> Self {
        Self {
            operation: U16::new(REPLY),
            sender_mac: mac,
            sender_ip: self.target_ip,
            target_mac: self.sender_mac,
            target_ip: self.sender_ip,
            ..*self
        }
    }
}
