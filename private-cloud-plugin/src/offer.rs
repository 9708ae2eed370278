//! What the host's network proxy offers: the addresses that the controller gave to this NIC for containers.

use ipnet::Ipv4Net;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr;

/// The answer to one `GET /ListNetwork`, by subnet. Only IPv4: containers have no IPv6 addresses on tenant networks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offer {
    /// Offered subnets, by prefix.
    pub subnets: BTreeMap<Ipv4Net, Subnet>,
}

/// One subnet of an [`Offer`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subnet {
    /// Router of the subnet; `None` when the network has none.
    pub gateway: Option<Ipv4Addr>,
    /// Name servers, in order of preference.
    pub dns: Vec<IpAddr>,
    /// Addresses that containers may use. Never the gateway, nor the first or last address of the subnet.
    pub addresses: BTreeSet<Ipv4Addr>,
}

/// Why an answer of the proxy cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OfferError {
    /// Not the expected JSON.
    #[error("the answer is no JSON document of the form {{\"IPs\": [{{\"IP\": …, \"Mask\": …}}]}}: {0}")]
    Json(#[from] serde_json::Error),
    /// A value that is none.
    #[error("IPs[{index}].{field}: '{value}' {reason}")]
    Value {
        /// Which entry, counted from 0.
        index: usize,
        /// Member of the entry.
        field: &'static str,
        /// What was found.
        value: String,
        /// What is wrong with it.
        reason: &'static str,
    },
}

/// `network-proxy.md` section 4. `Isolation` and `IsolationId` mean nothing to a guest.
#[derive(Deserialize)]
struct Document {
    #[serde(rename = "IPs")]
    entries: Option<Vec<Entry>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    #[serde(rename = "IP")]
    ip: String,
    mask: String,
    default_gateways: Option<Vec<String>>,
    dns_servers: Option<Vec<String>>,
}

impl Offer {
    /// Reads the JSON document of `network-proxy.md` section 4. IPv6 entries are passed over.
    ///
    /// # Errors
    /// Anything that is not of that form; one bad value spoils the whole, because a half-understood list would look as
    /// if addresses had been withdrawn.
    pub fn parse(json: &[u8]) -> Result<Self, OfferError> {
        let document: Document = serde_json::from_slice(json)?;
        let mut offer = Self::default();
        for (index, entry) in document.entries.unwrap_or_default().into_iter().enumerate() {
            offer.add(index, entry)?;
        }
        Ok(offer)
    }

    /// The subnet that offers `address`.
    pub fn subnet_of(&self, address: Ipv4Addr) -> Option<(&Ipv4Net, &Subnet)> {
        self.subnets.iter().find(|(_, subnet)| subnet.addresses.contains(&address))
    }

    fn add(&mut self, index: usize, entry: Entry) -> Result<(), OfferError> {
        let IpAddr::V4(address) = value(index, "IP", &entry.ip)? else { return Ok(()) };
        let wrong = |field, value: &str, reason| OfferError::Value { index, field, value: value.to_owned(), reason };
        let mask: Ipv4Addr = value(index, "Mask", &entry.mask)?;
        let net =
            Ipv4Net::with_netmask(address, mask).map_err(|_| wrong("Mask", &entry.mask, "is no subnet mask"))?.trunc();
        if !can_be_a_containers(address) {
            return Err(wrong("IP", &entry.ip, "is no address that a container can have"));
        }
        if net.prefix_len() < 31 && (address == net.network() || address == net.broadcast()) {
            return Err(wrong("IP", &entry.ip, "is the first or last address of its subnet"));
        }
        let mut gateways = Vec::new();
        for text in entry.default_gateways.unwrap_or_default() {
            if let IpAddr::V4(gateway) = value(index, "DefaultGateways", &text)? {
                if !net.contains(&gateway) || gateway == address {
                    return Err(wrong("DefaultGateways", &text, "is no other address of the subnet"));
                }
                gateways.push(gateway);
            }
        }
        let mut dns = Vec::new();
        for text in entry.dns_servers.unwrap_or_default() {
            dns.push(value(index, "DnsServers", &text)?);
        }
        let subnet = self.subnets.entry(net).or_insert_with(|| Subnet {
            gateway: gateways.first().copied(),
            dns,
            addresses: BTreeSet::new(),
        });
        if subnet.gateway != gateways.first().copied() {
            let found = gateways.first().map(Ipv4Addr::to_string).unwrap_or_default();
            return Err(wrong("DefaultGateways", &found, "is not what an earlier entry of the same subnet says"));
        }
        subnet.addresses.insert(address);
        Ok(())
    }
}

/// Not one that means something else on every network [RFC 6890 section 2.2.2].
fn can_be_a_containers(address: Ipv4Addr) -> bool {
    let is_this_network = address.octets()[0] == 0;
    let is_special =
        address.is_loopback() || address.is_link_local() || address.is_multicast() || address.is_broadcast();
    !is_this_network && !is_special
}

fn value<T: FromStr>(index: usize, field: &'static str, text: &str) -> Result<T, OfferError> {
    let wrong = |_| OfferError::Value { index, field, value: text.to_owned(), reason: "is no address" };
    text.trim().parse().map_err(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(ip: &str, mask: &str, gateway: &str) -> String {
        format!(
            r#"{{"Isolation":"VSID","IPs":[{{"IP":"{ip}","IsolationId":"5001","Mask":"{mask}",
                "DefaultGateways":["{gateway}"],"DnsServers":["10.0.0.53"]}}]}}"#
        )
    }

    #[test]
    fn addresses_are_sorted_into_their_subnets() {
        let json = r#"{"Isolation":"VSID","IPs":[
            {"IP":"192.168.1.102","IsolationId":"1","Mask":"255.255.255.0","DefaultGateways":["192.168.1.1"],"DnsServers":["10.0.0.53","10.0.0.54"]},
            {"IP":"192.168.1.101","IsolationId":"1","Mask":"255.255.255.0","DefaultGateways":["192.168.1.1"],"DnsServers":[]},
            {"IP":"192.168.2.7","IsolationId":"2","Mask":"255.255.255.128","DefaultGateways":null}]}"#;
        let offer = Offer::parse(json.as_bytes()).unwrap();
        let first = &offer.subnets[&"192.168.1.0/24".parse().unwrap()];
        assert_eq!(first.gateway, Some(Ipv4Addr::new(192, 168, 1, 1)));
        assert_eq!(first.dns.len(), 2);
        assert_eq!(
            first.addresses.iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["192.168.1.101", "192.168.1.102"]
        );
        assert_eq!(offer.subnets[&"192.168.2.0/25".parse().unwrap()].gateway, None);
    }

    #[test]
    fn a_nic_without_extra_addresses_offers_nothing() {
        for json in [r#"{"Isolation":"","IPs":[]}"#, r#"{"IPs":null}"#, "{}"] {
            assert_eq!(Offer::parse(json.as_bytes()).unwrap(), Offer::default(), "{json}");
        }
    }

    #[test]
    fn an_ipv6_entry_is_passed_over() {
        assert_eq!(Offer::parse(entry("fd00::5", "ffff::", "fd00::1").as_bytes()).unwrap(), Offer::default());
    }

    #[test]
    fn a_bad_value_is_named() {
        for (json, field) in [
            (entry("192.168.1", "255.255.255.0", "192.168.1.1"), "IPs[0].IP: '192.168.1' is no address"),
            (entry("192.168.1.7", "255.0.255.0", "192.168.1.1"), "IPs[0].Mask: '255.0.255.0' is no subnet mask"),
            (
                entry("192.168.1.7", "255.255.255.0", "10.0.0.1"),
                "IPs[0].DefaultGateways: '10.0.0.1' is no other address",
            ),
            (entry("192.168.1.1", "255.255.255.0", "192.168.1.1"), "IPs[0].DefaultGateways: '192.168.1.1' is no other"),
            (entry("192.168.1.0", "255.255.255.0", "192.168.1.1"), "IPs[0].IP: '192.168.1.0' is the first or last"),
            (entry("192.168.1.255", "255.255.255.0", "192.168.1.1"), "IPs[0].IP: '192.168.1.255' is the first or last"),
            ("<Interfaces/>".to_owned(), "the answer is no JSON document"),
        ] {
            let error = Offer::parse(json.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(field), "{error}");
        }
    }

    #[test]
    fn an_address_that_means_something_else_is_refused() {
        for ip in ["0.0.0.0", "0.0.0.5", "127.0.0.5", "169.254.169.254", "224.0.0.5", "255.255.255.255"] {
            let json = format!(r#"{{"IPs":[{{"IP":"{ip}","Mask":"255.255.255.255"}}]}}"#);
            let error = Offer::parse(json.as_bytes()).unwrap_err().to_string();
            assert_eq!(error, format!("IPs[0].IP: '{ip}' is no address that a container can have"));
        }
    }

    #[test]
    fn entries_of_a_subnet_that_disagree_about_the_gateway_are_refused() {
        let json = r#"{"IPs":[{"IP":"10.0.0.5","Mask":"255.255.255.0","DefaultGateways":["10.0.0.1"]},
                              {"IP":"10.0.0.6","Mask":"255.255.255.0","DefaultGateways":["10.0.0.2"]}]}"#;
        assert!(
            Offer::parse(json.as_bytes()).unwrap_err().to_string().starts_with("IPs[1].DefaultGateways: '10.0.0.2'")
        );
    }
}
