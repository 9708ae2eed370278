//! The network driver: networks, endpoints and their devices (`containers.md` section 4).

use super::Driver;
use super::error::CallError;
use super::ipam::ADDRESS_SPACE;
use super::wire::{
    CreateEndpoint, CreateNetwork, CreatedEndpoint, CreatedInterface, DeleteEndpoint, DeleteNetwork, GENERIC,
    InterfaceName, Join, Joined, Options, PORT_MAP,
};
use crate::network::Kind;
use crate::vm::{EndpointSpec, NetworkSpec, Place, VmError};
use ipnet::Ipv4Net;
use serde_json::Value;

/// Option that names the uplink; docker on Windows calls it so (`containers.md` section 1.1).
pub(super) const INTERFACE: &str = "com.docker.network.windowsshim.interface";
/// Option that docker's own drivers have for the MTU.
pub(super) const MTU: &str = "com.docker.network.driver.mtu";

impl Driver {
    pub(super) async fn create_network(&self, request: Result<CreateNetwork, CallError>) -> Result<(), CallError> {
        let request = request?;
        let spec = network_spec(self.kind, self.uplink.clone(), &request)?;
        self.change(move |change| change.add_network(&request.network, &spec)).await
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
        if publishes(&options) {
            tracing::warn!(%endpoint, %address, "--publish has no effect: the container is reached at its own address");
        }
        let spec = EndpointSpec { network, address, mac };
        let endpoint = self.change(move |change| change.add_endpoint(&endpoint, &spec)).await?;
        let mac_address = mac.is_none().then_some(endpoint.mac);
        Ok(CreatedEndpoint { interface: CreatedInterface { mac_address } })
    }

    pub(super) async fn delete_endpoint(&self, request: Result<DeleteEndpoint, CallError>) -> Result<(), CallError> {
        let DeleteEndpoint { endpoint } = request?;
        self.change(move |change| change.remove_endpoint(&endpoint)).await
    }

    /// Makes the devices. Docker takes the container's end, names it and configures it.
    pub(super) async fn join(&self, request: Result<Join, CallError>) -> Result<Joined, CallError> {
        let Join { endpoint } = request?;
        let joined = self.change(move |change| {
            let attached = change.attach(&endpoint, &Place::Here)?;
            let state = change.state();
            let network = state.endpoints.get(&endpoint).and_then(|found| state.networks.get(&found.network));
            let network = network.ok_or(VmError::NoEndpoint(endpoint))?;
            Ok((attached.container_device, network.gateway))
        });
        let (src_name, gateway) = joined.await?;
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

fn publishes(options: &Options) -> bool {
    let ports = options.as_ref().and_then(|options| options.get(PORT_MAP)).and_then(Value::as_array);
    ports.is_some_and(|ports| !ports.is_empty())
}
