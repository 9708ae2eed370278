//! The documents that guests read. Their shapes are those of existing clients: `network-proxy.md` 4 and 5.

use policy::net::{MacAddr, Prefix, Vsid};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::IpAddr;

/// What is in force for one network interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listing {
    pub(crate) mac: MacAddr,
    /// It is the VM's first network interface.
    pub(crate) is_primary: bool,
    pub(crate) dns_servers: Vec<IpAddr>,
    /// The interface's own address first.
    pub(crate) addresses: Vec<ListedAddress>,
}

/// One IP configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ListedAddress {
    pub(crate) ca: IpAddr,
    pub(crate) subnet: Prefix,
    pub(crate) router: IpAddr,
    pub(crate) vsid: Vsid,
    /// The VM's own; containers get the others.
    pub(crate) is_primary: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ListNetwork {
    isolation: &'static str,
    #[serde(rename = "IPs")]
    ips: Vec<ListedIp>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ListedIp {
    #[serde(rename = "IP")]
    ip: IpAddr,
    isolation_id: String,
    mask: IpAddr,
    default_gateways: [IpAddr; 1],
    dns_servers: Vec<IpAddr>,
}

/// `ListNetwork`: every IPv4 address that a container may take. The VM's own is not among them, as clients take all.
pub(crate) fn list_network(listing: &Listing) -> String {
    let for_containers = listing.addresses.iter().filter(|address| !address.is_primary && address.ca.is_ipv4());
    let ips = for_containers.map(|address| ListedIp {
        ip: address.ca,
        isolation_id: address.vsid.to_string(),
        mask: address.subnet.net().netmask(),
        default_gateways: [address.router],
        dns_servers: listing.dns_servers.clone(),
    });
    json(&ListNetwork { isolation: "VSID", ips: ips.collect() })
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Interfaces {
    interfaces: Vec<Interface>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Interface {
    mac_address: String,
    is_primary: bool,
    #[serde(rename = "IPSubnets")]
    subnets: Vec<InterfaceSubnet>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct InterfaceSubnet {
    prefix: String,
    #[serde(rename = "IPAddresses")]
    addresses: Vec<InterfaceAddress>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct InterfaceAddress {
    address: IpAddr,
    is_primary: bool,
}

fn interfaces(listings: &[Listing]) -> Interfaces {
    Interfaces { interfaces: listings.iter().map(interface).collect() }
}

/// The interface with all its addresses, one entry for each prefix: clients skip a prefix that they have seen.
fn interface(listing: &Listing) -> Interface {
    let mut subnets: BTreeMap<String, Vec<InterfaceAddress>> = BTreeMap::new();
    for ListedAddress { ca, subnet, is_primary, .. } in &listing.addresses {
        let address = InterfaceAddress { address: *ca, is_primary: *is_primary };
        subnets.entry(subnet.to_string()).or_default().push(address);
    }
    let subnets = subnets.into_iter().map(|(prefix, addresses)| InterfaceSubnet { prefix, addresses });
    // Clients compare with their own MAC stripped of separators, and strip nothing here.
    let mac_address = listing.mac.octets().iter().map(|octet| format!("{octet:02X}")).collect();
    Interface { mac_address, is_primary: listing.is_primary, subnets: subnets.collect() }
}

/// Interfaces and their addresses as JSON.
pub(crate) fn interfaces_json(listings: &[Listing]) -> String {
    json(&interfaces(listings))
}

/// `getinterfaceinfov1`. No value in it can hold a character that XML reserves.
pub(crate) fn interfaces_xml(listings: &[Listing]) -> String {
    let Interfaces { interfaces } = interfaces(listings);
    let mut xml = String::from("<Interfaces>");
    for Interface { mac_address, is_primary, subnets } in interfaces {
        // Writing to a string cannot fail.
        _ = write!(xml, "<Interface MacAddress=\"{mac_address}\" IsPrimary=\"{is_primary}\">");
        for InterfaceSubnet { prefix, addresses } in subnets {
            _ = write!(xml, "<IPSubnet Prefix=\"{prefix}\">");
            for InterfaceAddress { address, is_primary } in addresses {
                _ = write!(xml, "<IPAddress Address=\"{address}\" IsPrimary=\"{is_primary}\"/>");
            }
            xml += "</IPSubnet>";
        }
        xml += "</Interface>";
    }
    xml + "</Interfaces>"
}

/// Maps with text keys and plain values: nothing that JSON cannot hold.
fn json(document: &impl Serialize) -> String {
    serde_json::to_string(document).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing() -> Listing {
        let address = |ca: &str, subnet: &str, router: &str, is_primary| ListedAddress {
            ca: ca.parse().unwrap(),
            subnet: subnet.parse().unwrap(),
            router: router.parse().unwrap(),
            vsid: Vsid::new(5001).unwrap(),
            is_primary,
        };
        Listing {
            mac: MacAddr::new([0, 0x1d, 0xd8, 0xb7, 0x1c, 0x0a]),
            is_primary: true,
            dns_servers: vec!["10.0.0.53".parse().unwrap()],
            addresses: vec![
                address("192.168.1.9", "192.168.1.0/24", "192.168.1.1", true),
                address("192.168.1.101", "192.168.1.0/24", "192.168.1.1", false),
                address("192.168.2.7", "192.168.2.0/25", "192.168.2.1", false),
                address("192.168.1.102", "192.168.1.0/24", "192.168.1.1", false),
                address("fd00:1::7", "fd00:1::/64", "fd00:1::1", false),
            ],
        }
    }

    #[test]
    fn list_network_holds_every_address_for_containers_and_not_the_own_one() {
        let expected = serde_json::json!({ "Isolation": "VSID", "IPs": [
            { "IP": "192.168.1.101", "IsolationId": "5001", "Mask": "255.255.255.0",
              "DefaultGateways": ["192.168.1.1"], "DnsServers": ["10.0.0.53"] },
            { "IP": "192.168.2.7", "IsolationId": "5001", "Mask": "255.255.255.128",
              "DefaultGateways": ["192.168.2.1"], "DnsServers": ["10.0.0.53"] },
            { "IP": "192.168.1.102", "IsolationId": "5001", "Mask": "255.255.255.0",
              "DefaultGateways": ["192.168.1.1"], "DnsServers": ["10.0.0.53"] } ] });
        assert_eq!(serde_json::from_str::<serde_json::Value>(&list_network(&listing())).unwrap(), expected);
    }

    #[test]
    fn an_interface_without_further_addresses_lists_none() {
        let mut listing = listing();
        listing.addresses.truncate(1);
        assert_eq!(list_network(&listing), r#"{"Isolation":"VSID","IPs":[]}"#);
    }

    #[test]
    fn the_xml_has_each_prefix_once_and_flags_the_own_address() {
        let expected = concat!(
            r#"<Interfaces><Interface MacAddress="001DD8B71C0A" IsPrimary="true">"#,
            r#"<IPSubnet Prefix="192.168.1.0/24"><IPAddress Address="192.168.1.9" IsPrimary="true"/>"#,
            r#"<IPAddress Address="192.168.1.101" IsPrimary="false"/>"#,
            r#"<IPAddress Address="192.168.1.102" IsPrimary="false"/></IPSubnet>"#,
            r#"<IPSubnet Prefix="192.168.2.0/25"><IPAddress Address="192.168.2.7" IsPrimary="false"/></IPSubnet>"#,
            r#"<IPSubnet Prefix="fd00:1::/64"><IPAddress Address="fd00:1::7" IsPrimary="false"/></IPSubnet>"#,
            "</Interface></Interfaces>",
        );
        assert_eq!(interfaces_xml(&[listing()]), expected);
    }

    #[test]
    fn the_json_twin_says_the_same_as_the_xml() {
        let document: serde_json::Value = serde_json::from_str(&interfaces_json(&[listing()])).unwrap();
        let interface = &document["Interfaces"][0];
        assert_eq!((&interface["MacAddress"], &interface["IsPrimary"]), (&"001DD8B71C0A".into(), &true.into()));
        let first = serde_json::json!({ "Prefix": "192.168.1.0/24", "IPAddresses": [
            { "Address": "192.168.1.9", "IsPrimary": true }, { "Address": "192.168.1.101", "IsPrimary": false },
            { "Address": "192.168.1.102", "IsPrimary": false } ] });
        assert_eq!(interface["IPSubnets"][0], first);
    }
}
