//! `private-cloud`: connects containers to a tenant network.

use super::arguments;
use super::call::Call;
use super::delegate::Delegate;
use super::environment::Command;
use super::failure::Failure;
use super::names::Attachment;
use super::outcome::{Interface, Outcome};
use super::sandbox::{self, Inside};
use super::wishes::{Wishes, ipv4_route};
use super::{ipam, status};
use crate::book::{Holder, Lease};
use crate::firewall::{self, Scope};
use crate::kernel;
use crate::network::{EndpointId, NetworkId};
use crate::table;
use crate::vm::{Attached, Change, EndpointSpec, NetworkSpec, Place, VmError};
use ipnet::{IpNet, Ipv4Net};
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

/// Carries out a call; only ADD answers.
pub(super) async fn answer(call: &Call<'_>) -> Result<Option<Outcome>, Failure> {
    match &call.environment.command {
        Command::Add(attachment, namespace) => return add(call, attachment, namespace).await.map(Some),
        Command::Del(attachment, namespace) => del(call, attachment, namespace.as_deref())?,
        Command::Check(attachment, namespace) => check(call, attachment, namespace)?,
        Command::Gc => gc(call)?,
        Command::Status => status(call).await?,
        Command::Version => {}
    }
    Ok(None)
}

/// What a container is to be configured with, and what the runtime is told of it.
struct Given {
    address: Ipv4Net,
    gateway: Option<Ipv4Addr>,
    routes: Vec<(Ipv4Net, Option<Ipv4Addr>)>,
    outcome: Outcome,
}

async fn add(call: &Call<'_>, attachment: &Attachment, namespace: &Path) -> Result<Outcome, Failure> {
    let (wishes, previous) = (call.config.wishes()?, call.config.previous()?);
    let delegate = delegate(call)?;
    if delegate.is_none() {
        arguments::judge(&call.environment.arguments)?;
        if !wishes.mode.uses_tenant_addresses() {
            let problem = format!("with mode {} addresses must come from a plugin such as host-local", wishes.mode);
            return Err(Failure::Config { key: "ipam.type", problem });
        }
    }
    sandbox::visit(namespace)?;
    if sandbox::look(namespace, &attachment.interface)?.is_some() {
        return Err(Failure::Exists(format!("the container has an interface '{}' already", attachment.interface)));
    }
    let attached = match &delegate {
        None => {
            let offer = call.offer().await?;
            attach(call, attachment, namespace, &wishes, |change, network, endpoint| {
                change.merge(&offer);
                Ok(Given::by_us(&ipam::lease(change, network, endpoint, &wishes)?, &wishes))
            })
        }
        Some(delegate) => {
            let given = delegate.add().and_then(|outcome| Given::by_another(outcome, &wishes));
            let attached = given.and_then(|given| {
                attach(call, attachment, namespace, &wishes, |change, network, endpoint| {
                    if wishes.mode.uses_tenant_addresses() {
                        let holder = Holder::Attachment { network: network.clone(), endpoint: endpoint.clone() };
                        change.reserve(given.address.addr(), given.address.trunc(), holder)?;
                    }
                    Ok(given)
                })
            });
            attached.inspect_err(|_| give_back(delegate))
        }
    };
    Ok(attached?.after(previous))
}

/// What another plugin gave is of no use any more.
fn give_back(delegate: &Delegate<'_>) {
    if let Err(failure) = delegate.run("DEL") {
        tracing::warn!(failure = failure.told(), "what an IPAM plugin gave cannot be given back");
    }
}

/// Connects a container with what `give` gives it.
fn attach(
    call: &Call<'_>,
    attachment: &Attachment,
    namespace: &Path,
    wishes: &Wishes,
    give: impl FnOnce(&mut Change<'_>, &NetworkId, &EndpointId) -> Result<Given, VmError>,
) -> Result<Outcome, Failure> {
    let (network, endpoint) = (call.network()?, call.endpoint(attachment)?);
    let outcome = call.vm().change(|change| {
        // One whose device went with its container may be made again.
        let recorded = change.state().endpoints.contains_key(&endpoint);
        if recorded && change.observed().devices.contains_key(&endpoint.host_device()) {
            return Err(VmError::AlreadyAttached(endpoint.clone()));
        }
        let given = give(change, &network, &endpoint)?;
        let spec = NetworkSpec {
            uplink: wishes.uplink.as_ref().map(ToString::to_string),
            subnet: given.address.trunc(),
            gateway: given.gateway,
            mtu: wishes.mtu,
            kind: wishes.mode,
            overlay: wishes.overlay.clone(),
        };
        change.add_network(&network, &spec)?;
        let spec = EndpointSpec { network: network.clone(), address: given.address.addr(), mac: None };
        change.add_endpoint(&endpoint, &spec)?;
        change.publish(&endpoint, &wishes.ports)?;
        let place = Place::Namespace {
            path: namespace.to_owned(),
            interface: attachment.interface.to_string(),
            routes: Some(given.routes),
        };
        let attached = change.attach(&endpoint, &place)?;
        change.protect(namespace, &firewall::render(&wishes.firewall, scope(&endpoint, attachment)))?;
        let mut outcome = given.outcome;
        outcome.interfaces = interfaces(change, &attached, namespace);
        outcome.ips.iter_mut().for_each(|ip| ip.interface = Some(1));
        Ok(outcome)
    });
    Ok(outcome?)
}

/// What the firewall of an attachment is about.
fn scope<'a>(endpoint: &'a EndpointId, attachment: &'a Attachment) -> Scope<'a> {
    Scope { endpoint: endpoint.as_str(), interface: Some(attachment.interface.as_str()) }
}

/// The VM's end and the container's end, in this order.
fn interfaces(change: &Change<'_>, attached: &Attached, namespace: &Path) -> Vec<Interface> {
    let outside = change.observed().devices.get(&attached.host_device).map(|device| device.mac.to_string());
    let outside = Interface::new(&attached.host_device, outside, attached.mtu);
    let mut inside = Interface::new(&attached.container_device, Some(attached.mac.to_string()), attached.mtu);
    inside.sandbox = Some(namespace.display().to_string());
    vec![outside, inside]
}

impl Given {
    /// By the controller, by way of our own book.
    fn by_us(lease: &Lease, wishes: &Wishes) -> Self {
        Self {
            address: ipam::own(lease),
            gateway: lease.routing.gateway,
            routes: ipam::routes(wishes, lease),
            outcome: ipam::outcome(wishes, lease),
        }
    }

    /// By another IPAM plugin. A container has one address here.
    fn by_another(mut outcome: Outcome, wishes: &Wishes) -> Result<Self, Failure> {
        let wrong = |problem: String| Failure::Config { key: "ipam", problem };
        let [ip] = outcome.ips.as_slice() else {
            return Err(wrong(format!("the plugin gave {} addresses; one is needed", outcome.ips.len())));
        };
        let (address, gateway) = match (ip.address, ip.gateway) {
            (IpNet::V4(address), Some(IpAddr::V4(gateway))) => (address, Some(gateway)),
            (IpNet::V4(address), None) => (address, None),
            _ => return Err(wrong(format!("the plugin gave {}; only IPv4 is possible", ip.address))),
        };
        let routes = outcome.routes.iter().map(ipv4_route).collect::<Result<_, _>>()?;
        if let Some(dns) = &wishes.dns {
            outcome.dns = dns.clone();
        }
        Ok(Self { address, gateway: wishes.gateway.or(gateway), routes, outcome })
    }
}

fn del(call: &Call<'_>, attachment: &Attachment, namespace: Option<&Path>) -> Result<(), Failure> {
    let (network, endpoint) = (call.network()?, call.endpoint(attachment)?);
    let removed = call.vm().change(|change| {
        if let Some(namespace) = namespace.filter(|namespace| sandbox::visit(namespace).is_ok()) {
            // The namespace is about to go, and the firewall with it; that it cannot be entered any more is no matter.
            change.protect(namespace, &firewall::remove(scope(&endpoint, attachment))).ok();
        }
        change.remove_endpoint(&endpoint)?;
        drop_if_empty(change, &network)
    });
    // Each has its own to clean up, whatever became of the other.
    let told = tell(call, "DEL");
    removed.map_err(Failure::from).and(told)
}

fn gc(call: &Call<'_>) -> Result<(), Failure> {
    let (network, keep) = (call.network()?, ipam::valid(call)?);
    let collected = call.vm().change(|change| {
        change.collect(&network, |endpoint| keep.contains(endpoint))?;
        drop_if_empty(change, &network)
    });
    let told = tell(call, "GC");
    collected.map_err(Failure::from).and(told)
}

/// A CNI network exists for the runtime alone; here it lives as long as a container is on it.
fn drop_if_empty(change: &mut Change<'_>, network: &NetworkId) -> Result<(), VmError> {
    let used = change.state().endpoints.values().any(|endpoint| endpoint.network == *network);
    if used { Ok(()) } else { change.remove_network(network) }
}

async fn status(call: &Call<'_>) -> Result<(), Failure> {
    let wishes = call.config.wishes()?;
    let (mut state, observed) = call.vm().look()?;
    let proxy = match call.config.ipam {
        Some(_) => None,
        None => {
            let offer = call.offer().await;
            Some(offer.map(|offer| state.book.merge(&offer)).map_err(|failure| failure.told()))
        }
    };
    status::judge(&call.network()?, &wishes, &state, &observed, proxy)?;
    tell(call, "STATUS")
}

fn check(call: &Call<'_>, attachment: &Attachment, namespace: &Path) -> Result<(), Failure> {
    let previous = call.previous()?;
    let wishes = call.config.wishes()?;
    let (network, endpoint) = (call.network()?, call.endpoint(attachment)?);
    sandbox::visit(namespace)?;
    let (index, interface) = ours(&previous, attachment)?;
    let addresses: Vec<IpNet> =
        previous.ips.iter().filter(|ip| ip.interface == Some(index)).map(|ip| ip.address).collect();
    for address in &addresses {
        if let IpAddr::V4(address) = address.addr() {
            call.vm().check(&network, &endpoint, address)?;
        }
    }
    let inside = sandbox::look(namespace, &attachment.interface)?;
    let inside =
        inside.ok_or_else(|| Failure::Drift(format!("the container has no interface '{}'", attachment.interface)))?;
    let wanted = Inside {
        mac: interface.mac.clone().unwrap_or_else(|| inside.mac.clone()),
        up: true,
        addresses,
        routes: previous.routes.iter().map(|route| route.dst).filter(|dst| dst.addr().is_ipv4()).collect(),
    };
    compare(&attachment.interface.to_string(), &wanted, &inside).map_err(Failure::Drift)?;
    let device = endpoint.host_device();
    if !kernel::loaded(table::NAME)?.contains(&device) {
        let problem = format!("the rules of table netdev {} for device {device} are not loaded", table::NAME);
        return Err(Failure::Drift(problem));
    }
    let tables = firewall::tables(&wishes.firewall, scope(&endpoint, attachment));
    let present = kernel::tables_within(namespace)?;
    if let Some(table) = tables.iter().find(|table| !present.contains(table)) {
        return Err(Failure::Drift(format!("the container's firewall is not there: table {table}")));
    }
    tell(call, "CHECK")
}

/// The interface of `previous` that this plugin made, and which one it is.
fn ours<'a>(previous: &'a Outcome, attachment: &Attachment) -> Result<(usize, &'a Interface), Failure> {
    let name = attachment.interface.as_str();
    let mut interfaces = previous.interfaces.iter().enumerate();
    let found = interfaces.find(|(_, interface)| interface.name == name && interface.sandbox.is_some());
    let missing =
        || Failure::Config { key: "prevResult", problem: format!("it has no interface '{name}' in a container") };
    found.ok_or_else(missing)
}

/// What of `wanted` is missing from `inside`. A plugin later in the chain may have added to it.
fn compare(interface: &str, wanted: &Inside, inside: &Inside) -> Result<(), String> {
    if !inside.up {
        return Err(format!("interface '{interface}' is down"));
    }
    if !inside.mac.eq_ignore_ascii_case(&wanted.mac) {
        return Err(format!("interface '{interface}' has MAC {}, not {}", inside.mac, wanted.mac));
    }
    if let Some(address) = wanted.addresses.iter().find(|address| !inside.addresses.contains(address)) {
        return Err(format!("interface '{interface}' does not have address {address}"));
    }
    if let Some(route) = wanted.routes.iter().find(|route| !inside.routes.contains(route)) {
        return Err(format!("the container has no route to {route}"));
    }
    Ok(())
}

/// The plugin that gives the addresses, if it is not ours.
fn delegate<'a>(call: &'a Call<'_>) -> Result<Option<Delegate<'a>>, Failure> {
    let name = call.config.ipam.as_ref();
    name.map(|name| Delegate::find(name.as_str(), &call.environment.path, call.config.input)).transpose()
}

/// Passes the command on to the plugin that gives the addresses, if it is not ours.
fn tell(call: &Call<'_>, command: &str) -> Result<(), Failure> {
    delegate(call)?.map_or(Ok(()), |delegate| delegate.run(command))
}

#[cfg(test)]
mod tests;
