//! Resolvers for guests: `dnsSettings` of network interfaces, `dhcpOptions` of virtual networks.

use super::Members;
use serde_json::Value;
use std::net::IpAddr;

/// `dnsServers` within the property `group`, in the order of the document.
pub(super) fn servers(properties: &Members, group: &str) -> Vec<IpAddr> {
    let servers = properties.get(group).and_then(|settings| settings.get("dnsServers"));
    let texts = servers.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    texts.filter_map(|text| text.parse().ok()).collect()
}
