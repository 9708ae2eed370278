//! Two tenants with the same address space, made over REST in the steps of the container workflow.

use super::report::Report;
use harness::docker::IMAGE;
use harness::documents::{self, ALLOW_ALL};
use harness::error::claim;
use harness::fabric::Fabric;
use harness::plugin::ContainerHost;
use harness::rest::Rest;
use harness::vm::{Configure, Vm};
use harness::{Error, Result, support};
use serde_json::Value;

/// The VM that hosts containers, and the address by which the workflow finds its NIC.
const CONTAINER_HOST: &str = "192.168.1.9";

/// The list that the workflow attaches to every address.
pub(super) const ALLOW_ALL_LIST: &str = "AllowAll";

/// Last octets of the addresses that the workflow adds for containers.
pub(super) const CONTAINERS: std::ops::RangeInclusive<u8> = 101..=110;

/// The first docker command of the workflow.
const CREATE_NETWORK: &str =
    "docker network create -d l2bridge --subnet=192.168.1.0/24 --gateway=192.168.1.1 MyContainerOverlayNetwork";

/// How the second one begins.
pub(super) const RUN: &str = "docker run --network=MyContainerOverlayNetwork";

/// Running VMs. Tenant blue owns VNet1, tenant red VNet2; both networks are 192.168.0.0/16.
#[derive(Debug)]
pub(super) struct Tenants {
    /// Blue's container host: 192.168.1.9 and .101 to .110, host 1.
    pub(super) web: Web,
    /// Blue's client: 192.168.1.10, host 2.
    pub(super) client: Vm,
    /// Blue's database in the second subnet: 192.168.2.4, host 1.
    pub(super) database: Vm,
    /// Red's VM with the address of blue's container host: 192.168.1.9, host 2.
    pub(super) red_web: Vm,
    /// Red's client, with an address that blue does not have: 192.168.1.20, host 1.
    pub(super) red_client: Vm,
}

/// A VM that hosts containers.
#[derive(Debug)]
pub(super) enum Web {
    /// With a docker engine; its containers have the added addresses.
    Docker(Box<ContainerHost>),
    /// Where there can be no engine, the VM has the added addresses itself.
    Bare(Vm),
}

impl Web {
    pub(super) fn vm(&self) -> &Vm {
        match self {
            Self::Docker(host) => &host.guest.vm,
            Self::Bare(vm) => vm,
        }
    }
}

impl Tenants {
    /// Provisions both tenants and boots their VMs.
    pub(super) async fn provision(fabric: &Fabric, report: &mut Report) -> Result<Self> {
        report.progress("REST: provider network, MAC pool, credential, one server per host");
        fabric.provision().await?;
        let rest = fabric.rest().version("v1");

        report.progress("REST: access control list AllowAll, virtual network VNet1 with Subnet1 192.168.1.0/24");
        rest.put(&format!("/accessControlLists/{ALLOW_ALL_LIST}"), &documents::acl(&ALLOW_ALL)).await?;
        let subnets = [
            documents::subnet("Subnet1", "192.168.1.0/24", None),
            documents::subnet("Subnet2", "192.168.2.0/24", None),
        ];
        let network = documents::virtual_network("192.168.0.0/16", &subnets);
        rest.put("/virtualNetworks/VNet1", &network).await?;

        report.progress("REST: a NIC for the VM that will host containers, 192.168.1.9");
        nic(&rest, "blue-web", CONTAINER_HOST, "VNet1/Subnet1").await?;
        let web = fabric.boot_with(0, "blue-web", Configure::Own).await?;
        report.progress("VM blue-web runs on host-1, its port attached with southbound-agent port attach");

        add_container_addresses(&rest).await?;
        report.progress("REST: NIC read by its address, ten addresses appended, the whole NIC put back");
        let web = host_containers(fabric, web, report).await?;

        report.progress("REST: VNet2 with the same address space; three more NICs; their VMs boot");
        rest.put("/virtualNetworks/VNet2", &network).await?;
        nic(&rest, "blue-client", "192.168.1.10", "VNet1/Subnet1").await?;
        nic(&rest, "blue-db", "192.168.2.4", "VNet1/Subnet2").await?;
        nic(&rest, "red-web", CONTAINER_HOST, "VNet2/Subnet1").await?;
        nic(&rest, "red-client", "192.168.1.20", "VNet2/Subnet1").await?;
        let tenants = Self {
            web,
            client: fabric.boot(1, "blue-client").await?,
            database: fabric.boot(0, "blue-db").await?,
            red_web: fabric.boot(1, "red-web").await?,
            red_client: fabric.boot(0, "red-client").await?,
        };
        report.progress("all five VMs run, the policy of each is in force");
        Ok(tenants)
    }
}

/// A NIC with one address, on which the workflow's list is.
async fn nic(rest: &Rest, name: &str, address: &str, subnet: &str) -> Result<()> {
    let addresses = [documents::address(&name_of(address), address, subnet, Some(ALLOW_ALL_LIST))];
    rest.put(&format!("/networkInterfaces/{name}"), &documents::nic(None, &addresses)).await.map(drop)
}

/// The middle of the container workflow: get the NIC by its address, append ten IP configurations, put the whole NIC.
async fn add_container_addresses(rest: &Rest) -> Result<()> {
    let nics = rest.list("/networkInterfaces").await?;
    let has_address = |nic: &Value| {
        let configurations = nic["properties"]["ipConfigurations"].as_array();
        configurations.is_some_and(|all| all.iter().any(|one| one["properties"]["privateIPAddress"] == CONTAINER_HOST))
    };
    let nic = nics.into_iter().find(has_address);
    let mut nic = nic.ok_or_else(|| Error::Claim(format!("no NIC has the address {CONTAINER_HOST}")))?;
    let path = nic["resourceRef"].as_str().unwrap_or_default().to_owned();
    if let Some(configurations) = nic["properties"]["ipConfigurations"].as_array_mut() {
        configurations.extend(CONTAINERS.map(|octet| {
            let address = format!("192.168.1.{octet}");
            documents::address(&name_of(&address), &address, "VNet1/Subnet1", Some(ALLOW_ALL_LIST))
        }));
    }
    let written = rest.put(&path, &nic).await?;
    let stored = written.document["properties"]["ipConfigurations"].as_array().map_or(0, Vec::len);
    claim(stored == 11, || format!("the NIC has {stored} addresses after ten were appended"))
}

/// Two docker commands in the VM, if there can be an engine.
async fn host_containers(fabric: &Fabric, mut vm: Vm, report: &Report) -> Result<Web> {
    if let Some(missing) = support::missing_for_containers() {
        report.progress(&format!("SKIPPED: no docker engine in the VM; missing: {missing}"));
        fabric.renew(&mut vm).await?;
        return Ok(Web::Bare(vm));
    }
    fabric.enable_proxies()?;
    report.progress("southbound-agent proxy enable, on every host");
    let host = ContainerHost::start(vm).await?;
    report.progress("VM blue-web: a docker engine and private-cloud-plugin docker run in it");
    for line in [CREATE_NETWORK.to_owned(), format!("{RUN} -d --name web1 {IMAGE} sleep 1000000")] {
        report.progress(&format!("VM blue-web: {line}"));
        host.type_in(&line)?;
    }
    for number in 2..=CONTAINERS.count() {
        host.type_in(&format!("{RUN} -d --name web{number} {IMAGE} sleep 1000000"))?;
    }
    report.progress("VM blue-web: the second command nine times more");
    Ok(Web::Docker(Box::new(host)))
}

/// `IP_192_168_1_101`
pub(super) fn name_of(address: &str) -> String {
    format!("IP_{}", address.replace('.', "_"))
}
