//! What is done to the headers of a flow's packets: the composed result of all layers. `vfp.md` section 2.2.

use crate::address::Address;
use crate::packet::ethernet::{self, Ethernet};
use crate::packet::{ipv4, ipv6};
use crate::table::Slot;
use policy::net::{MacAddr, Vsid};
use std::fmt;
use zerocopy::FromBytes;

/// Where a frame goes when it has passed all layers of a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outlet {
    /// To the VM of the port.
    Vm,
    /// To another port of this switch, or back to the same.
    Port(Slot),
    /// To another host, encapsulated.
    Tunnel(Tunnel),
}

/// A pushed encapsulation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tunnel {
    /// Network identifier: the subnet of the destination.
    pub(crate) vsid: Vsid,
    /// Provider address of the other host.
    pub(crate) destination: Address,
    /// UDP source port.
    pub(crate) source_port: u16,
}

/// One action for each header; `None` leaves it alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Transposition {
    pub(crate) source_mac: Option<MacAddr>,
    pub(crate) destination_mac: Option<MacAddr>,
    pub(crate) decrement_ttl: bool,
    pub(crate) outlet: Outlet,
}

impl Transposition {
    /// Leaves everything alone.
    pub(crate) const IGNORE: Self =
        Self { source_mac: None, destination_mac: None, decrement_ttl: false, outlet: Outlet::Vm };

    /// Edits the inner headers of `frame`.
    #[inline]
    pub(crate) fn apply(&self, frame: &mut [u8]) {
        let Ok((header, network)) = Ethernet::mut_from_prefix(frame) else { return };
        if let Some(mac) = self.source_mac {
            header.source = mac.octets();
        }
        if let Some(mac) = self.destination_mac {
            header.destination = mac.octets();
        }
        if self.decrement_ttl {
            match header.ether_type.get() {
                ethernet::ether_type::IPV4 => ipv4::decrement_ttl(network),
                ethernet::ether_type::IPV6 => ipv6::decrement_hop_limit(network),
                _ => {}
            }
        }
    }
}

impl fmt::Display for Transposition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(mac) = self.source_mac {
            write!(f, "source MAC {mac}, ")?;
        }
        if let Some(mac) = self.destination_mac {
            write!(f, "destination MAC {mac}, ")?;
        }
        if self.decrement_ttl {
            f.write_str("TTL - 1, ")?;
        }
        match self.outlet {
            Outlet::Vm => f.write_str("to the VM"),
            Outlet::Port(_) => f.write_str("to a port of this host"),
            Outlet::Tunnel(Tunnel { vsid, destination, .. }) => write!(f, "VXLAN {vsid} to {destination}"),
        }
    }
}
