//! What most stories begin with: a network, lists, VMs.

use harness::documents::{self, ALLOW_ALL};
use harness::fabric::Fabric;
use harness::rest::Written;
use harness::vm::Vm;
use harness::{Error, Result};

/// TTL of a packet that crossed no router.
pub(super) const SAME_SUBNET: u8 = 64;

/// TTL of a packet that crossed the distributed router once.
pub(super) const OVER_THE_ROUTER: u8 = 63;

/// Network `name` 10.0.0.0/16 with the subnets `web` 10.0.1.0/24 and `db` 10.0.2.0/24, each with this list.
pub(super) async fn network(fabric: &Fabric, name: &str, acl: Option<&str>) -> Result<()> {
    let subnets = [documents::subnet("web", "10.0.1.0/24", acl), documents::subnet("db", "10.0.2.0/24", acl)];
    let network = documents::virtual_network("10.0.0.0/16", &subnets);
    fabric.rest().put(&format!("/virtualNetworks/{name}"), &network).await.map(drop)
}

/// The same with a list, `open`, that lets everything pass.
pub(super) async fn open_network(fabric: &Fabric, name: &str) -> Result<()> {
    acl(fabric, "open", &ALLOW_ALL).await?;
    network(fabric, name, Some("open")).await
}

/// Creates or replaces a list, and is sure that every host in its span enforces it.
pub(super) async fn acl(fabric: &Fabric, name: &str, rules: &[&str]) -> Result<()> {
    let written = fabric.rest().put(&format!("/accessControlLists/{name}"), &documents::acl(rules)).await?;
    enforced(&written)
}

/// Creates a NIC with one address, perhaps with a list on it, and boots its VM.
pub(super) async fn vm(
    fabric: &Fabric,
    host: usize,
    name: &str,
    address: &str,
    subnet: &str,
    acl: Option<&str>,
) -> Result<Vm> {
    nic(fabric, name, address, subnet, acl).await?;
    fabric.boot(host, name).await
}

/// Creates a NIC with one address.
pub(super) async fn nic(fabric: &Fabric, name: &str, address: &str, subnet: &str, acl: Option<&str>) -> Result<()> {
    let nic = documents::nic(None, &[documents::address("primary", address, subnet, acl)]);
    fabric.rest().put(&format!("/networkInterfaces/{name}"), &nic).await.map(drop)
}

/// Every host that must enforce the write has confirmed it.
pub(super) fn enforced(written: &Written) -> Result<()> {
    match written.enforced.as_deref() {
        Some("all") => Ok(()),
        other => Err(Error::Claim(format!("x-nc-enforced is {other:?} after a write"))),
    }
}
