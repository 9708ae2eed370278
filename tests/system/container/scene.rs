//! What most stories here begin with: tenant blue's network, and the VM whose NIC has addresses for containers.

use harness::Result;
use harness::documents::{self, ALLOW_ALL};
use harness::error::claim;
use harness::fabric::Fabric;
use harness::rest::Written;
use harness::vm::{Configure, Vm};
use std::ops::RangeInclusive;

/// The VM's own address.
pub(super) const VM_ADDRESS: &str = "192.168.1.9";

/// Last octets of 192.168.1.0/24 that are on the VM's NIC for its containers.
pub(super) const CONTAINERS: RangeInclusive<u8> = 101..=110;

/// Network `VNet1` 192.168.0.0/16 with `Subnet1` 192.168.1.0/24 and `Subnet2` 192.168.2.0/24, and the list `AllowAll`, which
/// is on nothing yet.
pub(super) async fn network(fabric: &Fabric, name: &str) -> Result<()> {
    let rest = fabric.rest();
    rest.put("/accessControlLists/AllowAll", &documents::acl(&ALLOW_ALL)).await?;
    let subnets =
        [documents::subnet("Subnet1", "192.168.1.0/24", None), documents::subnet("Subnet2", "192.168.2.0/24", None)];
    rest.put(&format!("/virtualNetworks/{name}"), &documents::virtual_network("192.168.0.0/16", &subnets)).await?;
    Ok(())
}

/// A NIC with [`VM_ADDRESS`] and [`CONTAINERS`] in `Subnet1` of `network`, all of them with the list `AllowAll`, and its VM, which
/// configures its own address alone.
pub(super) async fn container_host(fabric: &Fabric, host: usize, name: &str, network: &str) -> Result<Vm> {
    let subnet = format!("{network}/Subnet1");
    let containers = CONTAINERS.map(|octet| format!("192.168.1.{octet}"));
    let addresses = std::iter::once(VM_ADDRESS.to_owned()).chain(containers);
    let addresses: Vec<_> = addresses.map(|address| configuration(&address, &subnet, "AllowAll")).collect();
    let written = fabric.rest().put(&format!("/networkInterfaces/{name}"), &documents::nic(None, &addresses)).await?;
    let stored = written.document["properties"]["ipConfigurations"].as_array().map_or(0, Vec::len);
    claim(stored == 11, || format!("the NIC has {stored} addresses"))?;
    fabric.boot_with(host, name, Configure::Own).await
}

/// A NIC with one address and the list `AllowAll`, and its VM.
pub(super) async fn plain_vm(fabric: &Fabric, host: usize, name: &str, address: &str, subnet: &str) -> Result<Vm> {
    let nic = documents::nic(None, &[configuration(address, subnet, "AllowAll")]);
    fabric.rest().put(&format!("/networkInterfaces/{name}"), &nic).await?;
    fabric.boot(host, name).await
}

/// Puts another list on one address of a NIC, and is sure that it is enforced.
pub(super) async fn set_list(fabric: &Fabric, nic: &str, address: &str, subnet: &str, list: &str) -> Result<()> {
    let document = configuration(address, subnet, list);
    let path = format!("/networkInterfaces/{nic}/ipConfigurations/{}", name_of(address));
    enforced(&fabric.rest().put(&path, &document).await?)
}

/// Every host that must enforce the write has confirmed it.
pub(super) fn enforced(written: &Written) -> Result<()> {
    claim(written.enforced.as_deref() == Some("all"), || format!("x-nc-enforced is {:?}", written.enforced))
}

/// `IP_192_168_1_101`, as the container workflow names it.
pub(super) fn name_of(address: &str) -> String {
    format!("IP_{}", address.replace('.', "_"))
}

fn configuration(address: &str, subnet: &str, list: &str) -> serde_json::Value {
    documents::address(&name_of(address), address, subnet, Some(list))
}
