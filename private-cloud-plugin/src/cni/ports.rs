//! The capability `portMappings`: ports of the VM that lead to a container [CNI CONVENTIONS, dynamic plugin fields].

use super::failure::Failure;
use crate::network::Kind;
use crate::network::{PublishedPort, Transport};
use serde::Deserialize;

/// One mapping as runtimes write it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Mapping {
    #[serde(default)]
    host_port: u16,
    container_port: u16,
    #[serde(default)]
    protocol: String,
    #[serde(rename = "hostIP", default)]
    host_ip: String,
}

/// The ports to publish. Other networks than nat have none: the container is reached at its own address.
///
/// # Errors
/// [`Failure::Unsupported`]: a protocol without ports, or one address of the VM only.
pub(super) fn published(kind: Kind, mappings: &[Mapping]) -> Result<Vec<PublishedPort>, Failure> {
    // A container's port may be named without one of the VM's.
    let mappings = mappings.iter().filter(|mapping| mapping.host_port != 0);
    if kind == Kind::Nat {
        return mappings.map(Mapping::published).collect();
    }
    for Mapping { host_port, .. } in mappings {
        tracing::warn!(
            "port {host_port} is not published: with mode {kind} the container is reached at its own address"
        );
    }
    Ok(Vec::new())
}

impl Mapping {
    fn published(&self) -> Result<PublishedPort, Failure> {
        let protocol = match self.protocol.to_ascii_lowercase().as_str() {
            "" | "tcp" => Transport::Tcp,
            "udp" => Transport::Udp,
            _ => {
                let hint = "only tcp and udp can be published".to_owned();
                let value = self.protocol.clone();
                return Err(Failure::Unsupported { key: "runtimeConfig.portMappings.protocol", value, hint });
            }
        };
        if !matches!(self.host_ip.as_str(), "" | "0.0.0.0") {
            let hint = "a port is published at every address of the VM; leave it out".to_owned();
            let value = self.host_ip.clone();
            return Err(Failure::Unsupported { key: "runtimeConfig.portMappings.hostIP", value, hint });
        }
        Ok(PublishedPort { protocol, external: self.host_port, internal: self.container_port })
    }
}
