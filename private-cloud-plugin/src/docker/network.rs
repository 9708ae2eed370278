//! The network driver: networks, endpoints and their devices (`containers.md` section 4).

use super::Driver;
use super::error::CallError;
use super::ipam::ADDRESS_SPACE;
use super::wire::{
    CreateEndpoint, CreateNetwork, CreatedEndpoint, CreatedInterface, DeleteEndpoint, DeleteNetwork, GENERIC, INTERNAL,
    InterfaceName, Join, Joined, Options, PORT_MAP, PortMapping,
};
use crate::network::{Kind, PublishedPort, Transport};
use crate::vm::{EndpointSpec, NetworkSpec, Place, VmError};
use ipnet::Ipv4Net;
use serde::Deserialize;
use serde_json::Value;

/// Option that names the uplink; docker on Windows calls it so (`containers.md` section 1.1).
pub(super) const INTERFACE: &str = "com.docker.network.windowsshim.interface";
/// Option that docker's own drivers have for the MTU.
pub(super) const MTU: &str = "com.docker.network.driver.mtu";

impl Driver {
    pub(super) async fn create_network(&self, request: Result<CreateNetwork, CallError>) -> Result<(), CallError> {
        let request = request?;
        let spec = network_spec(self.kind, self.uplink.clone(), &request)?;
        let leftovers = self.leftovers.clone();
        let added = self.change(move |change| {
            leftovers.spare(&request.network);
            change.add_network(&request.network, &spec)
        });
        added.await
    }

    pub(super) async fn delete_network(&self, request: Result<DeleteNetwork, CallError>) -> Result<(), CallError> {
        let DeleteNetwork { network } = request?;
        let removed = self.change(move |change| {
            // Docker deletes no network that has endpoints: what is left of them is what docker lost track of.
            change.collect(&network, |_| false)?;
            change.remove_network(&network)
        });
        removed.await
    }

    pub(super) async fn create_endpoint(
        &self,
        request: Result<CreateEndpoint, CallError>,
    ) -> Result<CreatedEndpoint, CallError> {
        let CreateEndpoint { network, endpoint, options, interface } = request?;
        let interface = interface.unwrap_or_default();
        if !interface.address_ipv6.is_empty() {
            return Err(CallError::Ipv6);
        }
        let wrong = |_| CallError::Address { text: interface.address.clone() };
        let address = interface.address.parse::<Ipv4Net>().map_err(wrong)?.addr();
        let mac = match interface.mac_address.as_str() {
            "" => None,
            text => Some(text.parse().map_err(|_| CallError::Address { text: text.to_owned() })?),
        };
        let ports = published(self.kind, &options)?;
        let spec = EndpointSpec { network, address, mac };
        let added = self.change(move |change| {
            let added = change.add_endpoint(&endpoint, &spec)?;
            change.publish(&endpoint, &ports)?;
            Ok(added)
        });
        let endpoint = added.await?;
        let mac_address = mac.is_none().then_some(endpoint.mac);
        Ok(CreatedEndpoint { interface: CreatedInterface { mac_address } })
    }

    pub(super) async fn delete_endpoint(&self, request: Result<DeleteEndpoint, CallError>) -> Result<(), CallError> {
        let DeleteEndpoint { endpoint } = request?;
        self.change(move |change| change.remove_endpoint(&endpoint)).await
    }

    /// Makes the devices. Docker takes the container's end, names it and configures it.
    pub(super) async fn join(&self, request: Result<Join, CallError>) -> Result<Joined, CallError> {
        let Join { endpoint, sandbox } = request?;
        let id = endpoint.clone();
        let joined = self.change(move |change| {
            let attached = change.attach(&endpoint, &Place::Here)?;
            let state = change.state();
            let found = state.endpoints.get(&endpoint);
            let found = found.and_then(|found| Some((state.networks.get(&found.network)?, found)));
            let (network, found) = found.ok_or(VmError::NoEndpoint(endpoint))?;
            Ok((attached.container_device, network.gateway, found.published.clone()))
        });
        let (src_name, gateway, ports) = joined.await?;
        if !sandbox.as_os_str().is_empty() {
            self.protect_soon(id, &ports, sandbox);
        }
        Ok(Joined {
            interface_name: InterfaceName { src_name, dst_prefix: "eth" },
            gateway: gateway.map(|gateway| gateway.to_string()).unwrap_or_default(),
            disable_gateway_service: true,
        })
    }
}

/// What is asked for, if it can be had.
fn network_spec(kind: Kind, uplink: Option<String>, request: &CreateNetwork) -> Result<NetworkSpec, CallError> {
    if request.ipv6.as_ref().is_some_and(|data| !data.is_empty()) {
        return Err(CallError::Ipv6);
    }
    if request.options.as_ref().and_then(|options| options.get(INTERNAL)) == Some(&Value::Bool(true)) {
        return Err(CallError::Internal);
    }
    let data = request.ipv4.as_deref().unwrap_or_default();
    let [data] = data else { return Err(CallError::Subnets(kind, data.len())) };
    if kind.uses_tenant_addresses() && data.address_space != ADDRESS_SPACE {
        return Err(CallError::ForeignAddresses(kind));
    }
    let mut spec = NetworkSpec::new(kind);
    spec.subnet = data.pool.trunc();
    spec.gateway = data.gateway.map(|gateway| gateway.addr());
    spec.uplink = uplink;
    let options = request.options.as_ref().and_then(|options| options.get(GENERIC));
    for (name, value) in options.and_then(Value::as_object).into_iter().flatten() {
        let text = value.as_str().unwrap_or_default();
        let wrong = |option, why| CallError::OptionValue(option, value.to_string(), why);
        match name.as_str() {
            INTERFACE if !text.is_empty() => spec.uplink = Some(text.to_owned()),
            INTERFACE => return Err(wrong(INTERFACE, "it names a network device of the VM")),
            MTU => {
                let mtu = text.parse().ok().filter(|mtu| (68..=65535).contains(mtu));
                spec.mtu = Some(mtu.ok_or_else(|| wrong(MTU, "it is a number of bytes, 68 to 65535"))?);
            }
            _ => return Err(CallError::Option(name.clone(), kind)),
        }
    }
    Ok(spec)
}

/// The published ports of an endpoint. Only nat has any: elsewhere the container is reached at its own address.
fn published(kind: Kind, options: &Options) -> Result<Vec<PublishedPort>, CallError> {
    let ports = options.as_ref().and_then(|options| options.get(PORT_MAP)).and_then(Value::as_array);
    let ports = ports.map(Vec::as_slice).unwrap_or_default();
    if kind == Kind::Nat {
        return ports.iter().map(publish).collect();
    }
    if !ports.is_empty() {
        tracing::warn!("--publish has no effect on an {kind} network: the container is reached at its own address");
    }
    Ok(Vec::new())
}

fn publish(port: &Value) -> Result<PublishedPort, CallError> {
    let refused = |why| CallError::Publish(port.to_string(), why);
    let mapping = PortMapping::deserialize(port).map_err(|_| refused("it is no port mapping"))?;
    let protocol = [Transport::Tcp, Transport::Udp].into_iter().find(|known| known.number() == mapping.proto);
    let protocol = protocol.ok_or_else(|| refused("only tcp and udp have ports"))?;
    let (external, internal) = (mapping.host_port, mapping.port);
    if external == 0 || ![0, external].contains(&mapping.host_port_end) {
        return Err(refused("say one port of the VM, as in 8080:80"));
    }
    if !["", "0.0.0.0"].contains(&mapping.host_ip.as_str()) {
        return Err(refused("ports are published at every address of the VM; leave the address out"));
    }
    Ok(PublishedPort { protocol, external, internal })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn ports(kind: Kind, mapping: Value) -> Result<Vec<PublishedPort>, CallError> {
        let options = json!({ PORT_MAP: [mapping] });
        published(kind, &options.as_object().cloned())
    }

    #[test]
    fn an_internal_network_is_refused_for_it_would_not_be_one() {
        let request = json!({
            "NetworkID": "blue",
            "Options": {INTERNAL: true, GENERIC: {}},
            "IPv4Data": [{"AddressSpace": ADDRESS_SPACE, "Pool": "192.168.1.0/24", "Gateway": "192.168.1.1/24"}],
            "IPv6Data": [],
        });
        let mut request: CreateNetwork = serde_json::from_value(request).unwrap();
        assert!(matches!(network_spec(Kind::L2Bridge, None, &request), Err(CallError::Internal)));
        request.options.as_mut().unwrap().remove(INTERNAL);
        assert!(network_spec(Kind::L2Bridge, None, &request).is_ok());
    }

    #[test]
    fn a_published_port_leads_to_a_nat_container_and_is_ignored_elsewhere() {
        let mapping = json!({"Proto": 17, "IP": "", "Port": 53, "HostIP": "", "HostPort": 5353, "HostPortEnd": 5353});
        let expected = PublishedPort { protocol: Transport::Udp, external: 5353, internal: 53 };
        assert_eq!(ports(Kind::Nat, mapping.clone()).unwrap(), [expected]);
        assert_eq!(ports(Kind::L2Bridge, mapping).unwrap(), []);
    }

    #[test]
    fn a_published_port_that_cannot_be_is_refused_with_the_cure() {
        for (mapping, part) in [
            (json!({"Proto": 132, "Port": 80, "HostPort": 8080}), "only tcp and udp"),
            (json!({"Proto": 6, "Port": 80}), "say one port"),
            (json!({"Proto": 6, "Port": 80, "HostPort": 8000, "HostPortEnd": 8010}), "say one port"),
            (json!({"Proto": 6, "Port": 80, "HostPort": 8080, "HostIP": "10.0.0.4"}), "every address of the VM"),
            (json!("8080:80"), "no port mapping"),
        ] {
            let error = ports(Kind::Nat, mapping).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }
}
