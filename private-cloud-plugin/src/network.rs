//! Container networks and endpoints: the words that state, facade and renderers share.

pub mod overlay;
mod published;

pub use published::{PublishedPort, Transport};

use ipnet::Ipv4Net;
use overlay::Overlay;
use policy::net::MacAddr;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt::{self, Write};
use std::net::Ipv4Addr;
use std::str::FromStr;

/// The five drivers (`containers.md` section 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Own prefix behind the VM's address.
    Nat,
    /// The container's own MAC on the wire.
    Transparent,
    /// VXLAN between VMs.
    Overlay,
    /// Tenant addresses behind the VM's MAC; neighbours in the VM and subnet are bridged locally.
    L2Bridge,
    /// Tenant addresses behind the VM's MAC; everything goes through the physical host.
    L2Tunnel,
}

impl Kind {
    /// Every kind, in the order of the documentation.
    pub const ALL: [Self; 5] = [Self::Nat, Self::Transparent, Self::Overlay, Self::L2Bridge, Self::L2Tunnel];

    /// Name of the docker driver, of the CNI `mode`, and of the HNS network type without regard to case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nat => "nat",
            Self::Transparent => "transparent",
            Self::Overlay => "overlay",
            Self::L2Bridge => "l2bridge",
            Self::L2Tunnel => "l2tunnel",
        }
    }

    /// Whether containers use addresses that the controller gave to the VM's NIC.
    pub const fn uses_tenant_addresses(self) -> bool {
        matches!(self, Self::L2Bridge | Self::L2Tunnel)
    }

    /// Whether the VM is the containers' router: it has their gateway's address and forwards for them.
    pub const fn routed_by_the_vm(self) -> bool {
        matches!(self, Self::Nat | Self::Overlay)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A word that is no [`Kind`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is no network driver; there are nat, transparent, overlay, l2bridge and l2tunnel")]
pub struct NoSuchKind(String);

impl FromStr for Kind {
    type Err = NoSuchKind;

    fn from_str(text: &str) -> Result<Self, NoSuchKind> {
        let kind = Self::ALL.into_iter().find(|kind| kind.name().eq_ignore_ascii_case(text));
        kind.ok_or_else(|| NoSuchKind(text.to_owned()))
    }
}

/// An id that is empty, longer than 255 bytes, or not made of visible ASCII characters.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is no id: 1 to 255 visible ASCII characters are")]
pub struct NotAnId(String);

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String")]
        pub struct $name(String);

        impl $name {
            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = NotAnId;

            fn try_from(text: String) -> Result<Self, NotAnId> {
                let good = (1..=255).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
                if good { Ok(Self(text)) } else { Err(NotAnId(text)) }
            }
        }

        impl FromStr for $name {
            type Err = NotAnId;

            fn from_str(text: &str) -> Result<Self, NotAnId> {
                text.to_owned().try_into()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
    };
}

id! {
    /// A container network: docker's id, or one that is made from the name of a CNI network.
    NetworkId
}
id! {
    /// One connection of a container to a network: docker's id, or one that is made from what CNI calls an attachment.
    EndpointId
}

/// Whether docker made this id: 64 hexadecimal digits. Those of CNI networks have a colon.
pub fn is_dockers(id: &str) -> bool {
    id.len() == 64 && id.bytes().all(|byte| byte.is_ascii_hexdigit())
}

impl EndpointId {
    /// Name of the end of the device pair that stays with the VM. Longer ids than a device name may be are hashed.
    pub fn host_device(&self) -> String {
        device_name(&self.0, 'h')
    }

    /// Name of the container's end until whoever made the container has taken it.
    pub fn container_device(&self) -> String {
        device_name(&self.0, 'c')
    }
}

/// Every device that this program makes has a name with this beginning, and no other device has.
pub const DEVICE_PREFIX: &str = "pc-";

/// 3 + 10 + 1 characters; Linux allows 15.
fn device_name(id: &str, end: char) -> String {
    let mut name = DEVICE_PREFIX.to_owned();
    for byte in Sha256::digest(id).iter().take(5) {
        // Writing to a string does not fail.
        write!(name, "{byte:02x}").ok();
    }
    name.push(end);
    name
}

/// What makes a network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    /// Which driver.
    pub kind: Kind,
    /// The VM's device that leads to the fabric.
    pub uplink: String,
    /// Subnet of the containers.
    pub subnet: Ipv4Net,
    /// Router of the containers.
    pub gateway: Option<Ipv4Addr>,
    /// MTU of the containers' devices in bytes; the uplink's if not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mtu: Option<u32>,
    /// MAC of the router, where frames are to be addressed to it (l2tunnel).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway_mac: Option<MacAddr>,
    /// What makes it an overlay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overlay: Option<Overlay>,
}

/// One connection of a container to a network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// Its network.
    pub network: NetworkId,
    /// The container's address.
    pub address: Ipv4Addr,
    /// The container's MAC. With l2bridge and l2tunnel it is never seen outside the VM.
    pub mac: MacAddr,
    /// Whether its devices were made. They may be gone since: a container takes them with it.
    #[serde(default)]
    pub attached: bool,
    /// Ports of the VM that lead to it (nat).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub published: Vec<PublishedPort>,
}

impl Endpoint {
    /// The MAC of the container with this address unless somebody wants another one: the same for an address each time,
    /// so that neighbours in the VM need not learn anew.
    pub fn usual_mac(address: Ipv4Addr) -> MacAddr {
        let [a, b, c, d] = address.octets();
        // Locally administered, like docker's 02:42.
        MacAddr::new([0x02, 0x50, a, b, c, d])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_name_fits_and_differs_by_endpoint_and_end() {
        let id: EndpointId = "f".repeat(64).parse().unwrap();
        let other: EndpointId = "e".repeat(64).parse().unwrap();
        assert_eq!(id.host_device().len(), 14);
        assert!(id.host_device().starts_with(DEVICE_PREFIX));
        assert_ne!(id.host_device(), id.container_device());
        assert_ne!(id.host_device(), other.host_device());
    }

    #[test]
    fn an_id_with_blanks_or_without_characters_is_refused() {
        for text in ["", "a b", "a\n", "ä", &"x".repeat(256)] {
            assert!(text.parse::<NetworkId>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_kind_is_read_in_any_case() {
        assert_eq!("L2Bridge".parse(), Ok(Kind::L2Bridge));
        assert!("bridge".parse::<Kind>().is_err());
        for kind in Kind::ALL {
            assert_eq!(kind.name().parse(), Ok(kind));
        }
    }
}
