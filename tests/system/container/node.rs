//! Container hosts on a plain wire: what nat, transparent and overlay need of their surroundings, and no controller.
//!
//! ```text
//!   wire: bridge 10.20.0.0/24 ── node 10.20.0.11 ── containers
//!                             ├─ node 10.20.0.12 ── containers
//!                             └─ peer 10.20.0.1, the router of everybody
//! ```

use harness::fabric::block_on;
use harness::namespace::Namespace;
use harness::{Error, Result, support};
use ipnet::Ipv4Net;
use policy::net::MacAddr;
use private_cloud_plugin::firewall::{self, Era, Isolation, Scope};
use private_cloud_plugin::network::{Endpoint, EndpointId, Kind, NetworkId, PublishedPort};
use private_cloud_plugin::vm::{EndpointSpec, NetworkSpec, Place, Vm, VmError};
use std::net::{IpAddr, Ipv4Addr};
use tempfile::TempDir;

/// Interface of nodes and containers.
pub(super) const ETH0: &str = "eth0";

/// The wire with all that is on it.
pub(super) struct Site {
    /// Two container hosts.
    pub(super) nodes: [Node; 2],
    /// A machine without containers that everybody has as router. Its own interface is [`ETH0`].
    pub(super) peer: Namespace,
    _wire: Namespace,
}

/// A container host.
pub(super) struct Node {
    pub(super) namespace: Namespace,
    pub(super) address: Ipv4Addr,
    pub(super) mac: MacAddr,
    vm: Vm,
    _state: TempDir,
}

/// A container with one interface.
pub(super) struct Container {
    pub(super) namespace: Namespace,
    pub(super) address: Ipv4Addr,
    pub(super) mac: MacAddr,
    id: EndpointId,
}

/// Address of [`Site::peer`].
pub(super) const PEER: Ipv4Addr = Ipv4Addr::new(10, 20, 0, 1);

/// Tells `story` on a new site, or says aloud why it cannot.
pub(super) fn on_a_wire(story: impl AsyncFnOnce(&Site) -> Result<()>) {
    if let Some(missing) = support::missing_for_guests() {
        support::skip_aloud(&missing);
        return;
    }
    let told = Site::new().and_then(|site| block_on(story(&site)));
    if let Err(error) = told {
        panic!("{error}");
    }
}

impl Site {
    fn new() -> Result<Self> {
        let wire = Namespace::new()?;
        wire.ip(&["link add wire type bridge", "link set wire addrgenmode none", "link set wire up"])?;
        let peer = plug(&wire, 1)?;
        let nodes = [Node::new(&wire, 11)?, Node::new(&wire, 12)?];
        Ok(Self { nodes, peer, _wire: wire })
    }
}

/// A machine on the wire with this last octet.
fn plug(wire: &Namespace, octet: u8) -> Result<Namespace> {
    let machine = Namespace::new()?;
    wire.ip(&[
        format!(
            "link add p{octet} type veth peer name {ETH0} address 02:00:00:00:00:{octet:02x} netns {}",
            machine.path().display()
        ),
        format!("link set p{octet} addrgenmode none"),
        format!("link set p{octet} master wire up"),
    ])?;
    let mut lines = vec![
        format!("link set {ETH0} addrgenmode none"),
        format!("link set {ETH0} up"),
        format!("address add 10.20.0.{octet}/24 dev {ETH0}"),
    ];
    if Ipv4Addr::new(10, 20, 0, octet) != PEER {
        lines.push(format!("route add default via {PEER}"));
    }
    machine.ip(&lines)?;
    Ok(machine)
}

impl Node {
    fn new(wire: &Namespace, octet: u8) -> Result<Self> {
        let namespace = plug(wire, octet)?;
        let state = tempfile::tempdir().map_err(Error::io("make a directory"))?;
        let (address, mac) = (Ipv4Addr::new(10, 20, 0, octet), MacAddr::new([2, 0, 0, 0, 0, octet]));
        Ok(Self { namespace, address, mac, vm: Vm::new(state.path()), _state: state })
    }

    /// Tries to create a network.
    pub(super) fn try_network(&self, name: &str, spec: &NetworkSpec) -> Result<Result<(), VmError>> {
        let id = NetworkId::try_from(name.to_owned()).map_err(claim)?;
        self.namespace.run(|| Ok(self.vm.change(|change| change.add_network(&id, spec))))
    }

    /// Creates a network.
    pub(super) fn network(&self, name: &str, spec: &NetworkSpec) -> Result<()> {
        self.try_network(name, spec)?.map_err(claim)
    }

    /// A container with this address on a network, with the default firewall.
    pub(super) fn container(&self, network: &str, address: [u8; 4], ports: &[PublishedPort]) -> Result<Container> {
        let namespace = Namespace::new()?;
        let address = Ipv4Addr::from(address);
        let network = NetworkId::try_from(network.to_owned()).map_err(claim)?;
        let id = EndpointId::try_from(format!("{network}:{address}")).map_err(claim)?;
        let spec = EndpointSpec { network: network.clone(), address, mac: None };
        let place = Place::Namespace { path: namespace.path(), interface: ETH0.to_owned(), routes: None };
        let made = self.namespace.run(|| {
            Ok(self.vm.change(|change| {
                change.add_endpoint(&id, &spec)?;
                change.publish(&id, ports)?;
                let kind = change.state().networks[&network].kind;
                change.protect(&namespace.path(), &default_firewall(kind, id.as_str(), ports))?;
                change.attach(&id, &place)
            }))
        })?;
        made.map_err(claim)?;
        Ok(Container { namespace, address, mac: Endpoint::usual_mac(address), id })
    }

    /// Removes a container from its network; its namespace stays until it is dropped.
    pub(super) fn remove(&self, container: &Container) -> Result<()> {
        let removed = self.namespace.run(|| Ok(self.vm.change(|change| change.remove_endpoint(&container.id))))?;
        removed.map_err(claim)
    }
}

impl Container {
    pub(super) fn ip(&self) -> IpAddr {
        self.address.into()
    }
}

/// A network of this kind with the subnet's first address as gateway.
pub(super) fn subnet(kind: Kind, prefix: &str) -> NetworkSpec {
    let subnet: Ipv4Net = prefix.parse().expect("a prefix");
    NetworkSpec { subnet, gateway: subnet.hosts().next(), ..NetworkSpec::new(kind) }
}

/// What `nft` says in a namespace.
pub(super) fn rules(namespace: &Namespace, arguments: &[&str]) -> Result<String> {
    let output = namespace.command("nft").args(arguments).output().map_err(Error::io("run nft"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let command = format!("nft {}", arguments.join(" "));
    Err(Error::Command { command, output: String::from_utf8_lossy(&output.stderr).into_owned() })
}

fn default_firewall(kind: Kind, endpoint: &str, ports: &[PublishedPort]) -> String {
    let mut rules = firewall::defaults(kind, Isolation::Process, Era::Current);
    for port in ports {
        rules.publish(port.protocol.number(), port.internal);
    }
    firewall::render(&rules, Scope { endpoint, interface: Some(ETH0) })
}

fn claim(error: impl std::fmt::Display) -> Error {
    Error::Claim(error.to_string())
}
