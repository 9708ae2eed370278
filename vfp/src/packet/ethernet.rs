//! Ethernet II header.

use policy::net::MacAddr;
use zerocopy::network_endian::U16;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

pub(crate) const LENGTH: usize = size_of::<Ethernet>();

/// On the wire, IEEE 802.3 clause 3.
#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub(crate) struct Ethernet {
    pub(crate) destination: [u8; 6],
    pub(crate) source: [u8; 6],
    pub(crate) ether_type: U16,
}

pub(crate) mod ether_type {
    pub(crate) const IPV4: u16 = 0x0800;
    pub(crate) const ARP: u16 = 0x0806;
    /// 802.1Q, 802.1ad, and the tag that came before it.
    pub(crate) const VLAN: [u16; 3] = [0x8100, 0x88a8, 0x9100];
    pub(crate) const IPV6: u16 = 0x86dd;
}

/// Who a frame says it is from and for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Macs {
    pub(crate) destination: MacAddr,
    pub(crate) source: MacAddr,
}

impl Macs {
    pub(crate) const fn of(header: &Ethernet) -> Self {
        Self { destination: MacAddr::new(header.destination), source: MacAddr::new(header.source) }
    }
}
