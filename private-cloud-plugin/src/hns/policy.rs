//! Policies of HNS networks, subnets and endpoints. [HCN schema; `hcn.md` sections 3 and 4]
//!
//! Only what our documents need is typed; any other policy is kept as it was found.

use super::json;
use policy::net::{MacAddr, Prefix, Vsid};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use std::net::IpAddr;

/// A policy as HNS writes it: what it is about, and its settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Policy {
    /// Selects the meaning of the settings.
    #[serde(rename = "Type")]
    pub kind: String,
    /// As the type says; some have none.
    #[serde(default)]
    pub settings: Value,
}

impl Policy {
    /// The settings, when the policy is of the type that `T` is for and they can be read.
    pub fn settings<T: Settings>(&self) -> Option<T> {
        let wanted = self.kind.eq_ignore_ascii_case(T::TYPE);
        wanted.then(|| json::from_value(self.settings.clone()).ok()).flatten()
    }
}

/// Settings of one type of policy.
pub trait Settings: Serialize + for<'de> Deserialize<'de> {
    /// `Type` of the policy.
    const TYPE: &'static str;

    /// The policy with these settings.
    fn policy(&self) -> Policy {
        // Settings are structs of texts, numbers and lists, which have a JSON form.
        let settings = serde_json::to_value(self).unwrap_or_default();
        Policy { kind: Self::TYPE.to_owned(), settings }
    }
}

/// Declares settings and their type's name.
macro_rules! settings {
    ($($(#[$meta:meta])* $name:ident = $kind:literal { $($(#[$field_meta:meta])* $field:ident: $type:ty,)* })*) => {$(
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "PascalCase")]
        pub struct $name { $($(#[$field_meta])* pub $field: $type,)* }

        impl Settings for $name {
            const TYPE: &'static str = $kind;
        }
    )*};
}

settings! {
    /// On a network: the MAC that its traffic leaves with.
    SourceMac = "SourceMacAddress" {
        /// The address.
        source_mac_address: DashedMac,
    }

    /// On a network: a physical adapter of its switch. Several make a team (SET).
    AdapterName = "NetAdapterName" {
        /// The adapter's name.
        network_adapter_name: String,
    }

    /// On a network of type Overlay: where the addresses of a prefix are.
    RemoteSubnetRoute = "RemoteSubnetRoute" {
        /// Customer addresses.
        destination_prefix: Prefix,
        /// VSID of their subnet.
        isolation_id: Vsid,
        /// The host that they are on.
        provider_address: IpAddr,
        /// MAC of that host's distributed router.
        distributed_router_mac_address: DashedMac,
    }

    /// On a subnet: its VLAN.
    Vlan = "VLAN" {
        /// 1 to 4094.
        isolation_id: u16,
    }

    /// On a subnet of an overlay: its VXLAN identifier.
    SubnetVsid = "VSID" {
        /// 4096 and above.
        isolation_id: Vsid,
    }

    /// On an endpoint: one rule of its firewall.
    AclSettings = "ACL" {
        /// Numbers separated by commas; absent means all.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        protocols: String,
        /// `Allow` or `Block`.
        action: AclAction,
        /// Which side begins the flow.
        direction: AclDirection,
        /// Prefixes of the endpoint separated by commas; absent means all.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        local_addresses: String,
        /// Prefixes of the peer.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        remote_addresses: String,
        /// Ports and ranges of the endpoint.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        local_ports: String,
        /// Ports and ranges of the peer.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        remote_ports: String,
        /// Who enforces it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rule_type: Option<RuleType>,
        /// Lower is judged first.
        #[serde(default)]
        priority: u16,
        /// Name of the rule in the switch.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        id: String,
    }

    /// On an endpoint: its flows leave with the host's address.
    OutboundNat = "OutBoundNAT" {
        /// Prefixes whose peers see the endpoint's own address.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        exceptions: Vec<Prefix>,
    }

    /// On an endpoint: a port of the host that leads to it.
    PortMapping = "PortMapping" {
        /// 6 or 17.
        protocol: u8,
        /// The endpoint's port.
        internal_port: u16,
        /// The host's port.
        external_port: u16,
    }

    /// On an endpoint: a cap on what it sends.
    Qos = "QOS" {
        /// Bytes per second.
        maximum_outgoing_bandwidth_in_bytes: u64,
    }

    /// On an endpoint: a route of the switch.
    SdnRoute = "SDNRoute" {
        /// Where to.
        destination_prefix: Prefix,
        /// By way of.
        next_hop: IpAddr,
        /// Whether it goes to the physical host, which is what makes "tunnel" out of "bridge".
        need_encap: bool,
    }

    /// On an endpoint of another host: where it is.
    ProviderAddress = "ProviderAddress" {
        /// Address of that host.
        provider_address: IpAddr,
    }
}

/// Verdict of an [`AclSettings`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AclAction {
    /// Let pass.
    Allow,
    /// Drop.
    Block,
    /// Go on to the next tier; for tiers only.
    Pass,
}

/// Direction of an [`AclSettings`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AclDirection {
    /// To the endpoint.
    In,
    /// From the endpoint.
    Out,
}

/// Who enforces an [`AclSettings`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RuleType {
    /// Windows Firewall.
    Host,
    /// VFP.
    Switch,
}

/// A MAC as HNS writes it: `00-1D-D8-10-00-07`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DashedMac(pub MacAddr);

impl Serialize for DashedMac {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.to_string().to_uppercase().replace(':', "-"))
    }
}

impl<'de> Deserialize<'de> for DashedMac {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        MacAddr::deserialize(deserializer).map(Self)
    }
}
