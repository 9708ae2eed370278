//! What most stories here begin with: a tenant's network, and VMs whose NICs have addresses for containers.

use harness::docker::Container;
use harness::documents::{self, ALLOW_ALL};
use harness::error::claim;
use harness::fabric::Fabric;
use harness::namespace::Namespace;
use harness::ping::Echo;
use harness::plugin::ContainerHost;
use harness::rest::Written;
use harness::vm::{Configure, Vm};
use harness::{Error, Result};
use serde_json::Value;
use std::collections::BTreeSet;
use std::net::IpAddr;

/// TTL of a packet that crossed no router.
pub(super) const SAME_SUBNET: u8 = 64;

/// TTL of a packet that crossed the distributed router once.
pub(super) const OVER_THE_ROUTER: u8 = 63;

/// The name that every story gives its docker network, as in the workflow.
pub(super) const DOCKER_NETWORK: &str = "MyContainerOverlayNetwork";

/// The list that blocks whatever comes to an address. What it answers is never asked for.
pub(super) const QUARANTINE: &str = "Quarantine";

/// Network `name` 192.168.0.0/16 with `Subnet1` 192.168.1.0/24 and `Subnet2` 192.168.2.0/24, and the lists `AllowAll` and
/// [`QUARANTINE`], which are on nothing yet; every host's network proxy is switched on.
pub(super) async fn network(fabric: &Fabric, name: &str) -> Result<()> {
    fabric.enable_proxies()?;
    let rest = fabric.rest();
    rest.put("/accessControlLists/AllowAll", &documents::acl(&ALLOW_ALL)).await?;
    let blocked = documents::acl(&["100 in deny * * > *", "100 out allow * * > *"]);
    rest.put(&format!("/accessControlLists/{QUARANTINE}"), &blocked).await?;
    let subnets =
        [documents::subnet("Subnet1", "192.168.1.0/24", None), documents::subnet("Subnet2", "192.168.2.0/24", None)];
    rest.put(&format!("/virtualNetworks/{name}"), &documents::virtual_network("192.168.0.0/16", &subnets)).await?;
    Ok(())
}

/// The NIC of the workflow, 192.168.1.9 with .101 to .110 for containers, and its VM on host 0, which configures its own address
/// alone.
pub(super) async fn container_vm(fabric: &Fabric, name: &str, network: &str) -> Result<Vm> {
    vm_with(fabric, 0, name, &format!("{network}/Subnet1"), 9, 101..=110).await
}

/// A NIC with the own address `own` and others for containers in a subnet, all of them with the list `AllowAll`, and its VM,
/// which configures its own address alone. Addresses are given by their last octets.
pub(super) async fn vm_with(
    fabric: &Fabric,
    host: usize,
    name: &str,
    subnet: &str,
    own: u8,
    containers: impl IntoIterator<Item = u8>,
) -> Result<Vm> {
    let octets = std::iter::once(own).chain(containers);
    let addresses: Vec<Value> =
        octets.map(|octet| configuration(&address_in(subnet, octet).to_string(), subnet, "AllowAll")).collect();
    let written = fabric.rest().put(&format!("/networkInterfaces/{name}"), &documents::nic(None, &addresses)).await?;
    let stored = written.document["properties"]["ipConfigurations"].as_array().map_or(0, Vec::len);
    claim(stored == addresses.len(), || format!("the NIC has {stored} addresses"))?;
    fabric.boot_with(host, name, Configure::Own).await
}

/// The container host of the workflow with plugin and engine, and the docker network of the workflow with this driver.
pub(super) async fn container_host(fabric: &Fabric, driver: &str) -> Result<ContainerHost> {
    let web = ContainerHost::start(container_vm(fabric, "web", "VNet1").await?).await?;
    web.create_network(driver, "192.168.1.0/24", "192.168.1.1", DOCKER_NETWORK)?;
    Ok(web)
}

/// A second container host, on host 1, in `Subnet1` or `Subnet2`: .19 with .121 to .123 for containers.
pub(super) async fn other_container_host(fabric: &Fabric, driver: &str, subnet: &str) -> Result<ContainerHost> {
    let path = format!("VNet1/{subnet}");
    let vm = vm_with(fabric, 1, &format!("far-{subnet}"), &path, 19, 121..=123).await?;
    let far = ContainerHost::start(vm).await?;
    let third = address_in(&path, 0).to_string();
    far.create_network(driver, &format!("{third}/24"), &address_in(&path, 1).to_string(), DOCKER_NETWORK)?;
    Ok(far)
}

/// A VM without containers: one address with the list `AllowAll`.
pub(super) async fn plain_vm(fabric: &Fabric, host: usize, name: &str, subnet: &str, octet: u8) -> Result<Vm> {
    let nic = documents::nic(None, &[configuration(&address_in(subnet, octet).to_string(), subnet, "AllowAll")]);
    fabric.rest().put(&format!("/networkInterfaces/{name}"), &nic).await?;
    fabric.boot(host, name).await
}

/// Adds one address with the list `AllowAll` to a NIC, or puts another list on one that it has; every host has confirmed it.
pub(super) async fn set_address(fabric: &Fabric, nic: &str, address: IpAddr, list: &str) -> Result<()> {
    let address = address.to_string();
    let subnet = if address.starts_with("192.168.2.") { "VNet1/Subnet2" } else { "VNet1/Subnet1" };
    let path = format!("/networkInterfaces/{nic}/ipConfigurations/{}", name_of(&address));
    enforced(&fabric.rest().put(&path, &configuration(&address, subnet, list)).await?)
}

/// Takes one address from a NIC; every host has confirmed it.
pub(super) async fn withdraw_address(fabric: &Fabric, nic: &str, address: IpAddr) -> Result<()> {
    let path = format!("/networkInterfaces/{nic}/ipConfigurations/{}", name_of(&address.to_string()));
    enforced(&fabric.rest().delete(&path).await?)
}

/// There is an answer, and it came over as many routers as this TTL tells.
pub(super) fn reaches(from: &Namespace, to: IpAddr, ttl: u8) -> Result<()> {
    let echo = from.ping(to)?;
    claim(echo == Some(Echo { ttl }), || format!("ping {to}: {echo:?}, expected TTL {ttl}"))
}

/// There is no answer.
pub(super) fn does_not_reach(from: &Namespace, to: IpAddr) -> Result<()> {
    let echo = from.ping(to)?;
    claim(echo.is_none(), || format!("ping {to}: {echo:?}, expected silence"))
}

/// The text of a command's failure.
pub(super) fn refusal(result: Result<impl std::fmt::Debug>) -> Result<String> {
    match result {
        Err(Error::Command { output, .. }) => Ok(output),
        other => Err(Error::Claim(format!("a refusal was expected in place of {other:?}"))),
    }
}

/// Every address that the workflow added to the NIC.
pub(super) fn all() -> BTreeSet<IpAddr> {
    (101..=110).map(near).collect()
}

/// Fills the docker network of the workflow, and gives its containers.
pub(super) fn fill(web: &ContainerHost) -> Result<Vec<Container>> {
    (1..=10).map(|number| web.run(DOCKER_NETWORK, &format!("c{number}"))).collect()
}

/// A text that has all of these words.
pub(super) fn contains(text: &str, words: &[&str]) -> Result<()> {
    let missing: Vec<_> = words.iter().filter(|word| !text.contains(**word)).collect();
    claim(missing.is_empty(), || format!("'{text}' says nothing of {missing:?}"))
}

/// An address of the workflow's first subnet.
pub(super) fn near(octet: u8) -> IpAddr {
    address_in("VNet1/Subnet1", octet)
}

/// An address of its second subnet.
pub(super) fn across(octet: u8) -> IpAddr {
    address_in("VNet1/Subnet2", octet)
}

/// Every host that must enforce the write has confirmed it.
pub(super) fn enforced(written: &Written) -> Result<()> {
    claim(written.enforced.as_deref() == Some("all"), || format!("x-nc-enforced is {:?}", written.enforced))
}

fn address_in(subnet: &str, octet: u8) -> IpAddr {
    let third = if subnet.ends_with("/Subnet2") { 2 } else { 1 };
    IpAddr::from([192, 168, third, octet])
}

/// `IP_192_168_1_101`, as the container workflow names it.
fn name_of(address: &str) -> String {
    format!("IP_{}", address.replace('.', "_"))
}

fn configuration(address: &str, subnet: &str, list: &str) -> Value {
    documents::address(&name_of(address), address, subnet, Some(list))
}
