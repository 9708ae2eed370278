//! What the lab claims of containers, where a docker engine can run.

use super::claims::{hops, unreachable};
use super::report::Report;
use super::tenants::{CONTAINERS, RUN, Tenants, Web, name_of};
use harness::ask::PROXY;
use harness::docker::{Container, IMAGE};
use harness::documents;
use harness::error::claim;
use harness::fabric::Fabric;
use harness::plugin::ContainerHost;
use harness::vm::Vm;
use harness::{Error, Result};
use serde_json::Value;
use std::collections::BTreeSet;
use std::net::IpAddr;

/// Two of the containers, which give their addresses to another network for a while.
const LENT: [&str; 2] = ["web9", "web10"];

/// Checks every claim.
pub(super) async fn check_all(fabric: &Fabric, tenants: &Tenants, report: &mut Report) {
    let Web::Docker(host) = &tenants.web else { return };
    report.claim("docker run, ten times: containers have the addresses added over REST", addresses(host));
    report.claim("containers reach each other, their VM, and VMs on the other host", reach(host, tenants));
    report.claim("l2bridge: lists of the host do not touch what stays in the VM", bridged(fabric, host, tenants).await);
    report.claim("l2tunnel: the host's lists apply even between containers of one VM", tunnelled(fabric, host).await);
    report.claim("equal addresses, two tenants: the network proxy tells each its own", told(host, tenants));
}

fn addresses(host: &ContainerHost) -> Result<String> {
    let containers = (1..=CONTAINERS.count()).map(|number| Container::find(&host.guest, &format!("web{number}")));
    let found: BTreeSet<IpAddr> = containers.map(|found| found.map(|found| found.address)).collect::<Result<_>>()?;
    let expected: BTreeSet<IpAddr> = CONTAINERS.map(|octet| IpAddr::from([192, 168, 1, octet])).collect();
    claim(found == expected, || format!("they have {found:?}"))?;
    Ok(format!("docker inspect: 192.168.1.{} … {}, each once", CONTAINERS.start(), CONTAINERS.end()))
}

fn reach(host: &ContainerHost, Tenants { client, .. }: &Tenants) -> Result<String> {
    let (first, last) = (Container::find(&host.guest, "web1")?, Container::find(&host.guest, "web10")?);
    let vm = host.guest.vm.address();
    for address in [last.address, vm, client.address()] {
        host.type_in(&format!("docker exec web1 ping -c 1 -w 5 {address}"))?;
    }
    hops(client, first.address)?;
    Ok(format!("docker exec web1 ping {}, {vm}, {}; and back from there", last.address, client.address()))
}

async fn bridged(fabric: &Fabric, host: &ContainerHost, Tenants { client, .. }: &Tenants) -> Result<String> {
    let (first, second) = (Container::find(&host.guest, "web1")?, Container::find(&host.guest, "web2")?);
    set_list(fabric, &host.guest.vm, second.address, "Closed").await?;
    let inside = first.namespace.ping(second.address)?;
    let outside = unreachable(client, second.address);
    set_list(fabric, &host.guest.vm, second.address, super::tenants::ALLOW_ALL_LIST).await?;
    outside?;
    claim(inside.is_some(), || format!("{} does not reach {}", first.address, second.address))?;
    Ok(format!("{} denies everything: silent to the other host, answers {}", second.address, first.address))
}

async fn tunnelled(fabric: &Fabric, host: &ContainerHost) -> Result<String> {
    host.type_in(&format!("docker rm --force {}", LENT.join(" ")))?;
    host.create_network("l2tunnel", "192.168.1.0/24", "192.168.1.1", "Tunnel")?;
    let judged = judged(fabric, host).await;
    host.type_in("docker rm --force tunnel1 tunnel2; docker network rm Tunnel")?;
    for name in LENT {
        host.type_in(&format!("{RUN} -d --name {name} {IMAGE} sleep 1000000"))?;
    }
    judged
}

async fn judged(fabric: &Fabric, host: &ContainerHost) -> Result<String> {
    let (first, second) = (host.run("Tunnel", "tunnel1")?, host.run("Tunnel", "tunnel2")?);
    let before = first.namespace.ping(second.address)?;
    set_list(fabric, &host.guest.vm, second.address, "Closed").await?;
    let during = first.namespace.ping(second.address)?;
    set_list(fabric, &host.guest.vm, second.address, super::tenants::ALLOW_ALL_LIST).await?;
    claim(before.is_some(), || format!("{} does not reach {}", first.address, second.address))?;
    claim(during.is_none(), || format!("{} still reaches {}", first.address, second.address))?;
    Ok(format!("{} > {}: answered, and silent while the list of the latter denies", first.address, second.address))
}

async fn set_list(fabric: &Fabric, vm: &Vm, address: IpAddr, list: &str) -> Result<()> {
    let rest = fabric.rest();
    rest.put("/accessControlLists/Closed", &documents::acl(&["100 in deny * * > *"])).await?;
    let (address, id) = (address.to_string(), name_of(&address.to_string()));
    let configuration = documents::address(&id, &address, "VNet1/Subnet1", Some(list));
    rest.put(&format!("/networkInterfaces/{}/ipConfigurations/{id}", vm.name), &configuration).await.map(drop)
}

fn told(host: &ContainerHost, Tenants { red_web, .. }: &Tenants) -> Result<String> {
    let count = |vm: &Vm| {
        let answer = vm.namespace.get(PROXY, "/ListNetwork")?;
        let answer = answer.ok_or_else(|| Error::Claim(format!("{} gets no answer", vm.name)))?;
        let list: Value = serde_json::from_str(&answer.body).unwrap_or_default();
        let addresses = list["IPs"].as_array().map(Vec::len);
        addresses.ok_or_else(|| Error::Claim(format!("{} is told '{}'", vm.name, answer.body)))
    };
    let (blue, red) = (count(&host.guest.vm)?, count(red_web)?);
    claim(blue == 10 && red == 0, || format!("blue is told {blue} addresses, red {red}"))?;
    let address = red_web.address();
    Ok(format!("GET http://169.254.169.254:6642/ListNetwork from {address}: {blue} for blue, {red} for red"))
}
