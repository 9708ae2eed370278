//! What the lab claims, and how each claim is put to the test.

use super::report::Report;
use super::tenants::{CONTAINERS, Tenants, name_of};
use harness::capture::Capture;
use harness::documents::{self, ALLOW_ALL};
use harness::error::claim;
use harness::fabric::{FABRIC_DEVICE, Fabric};
use harness::iperf::{tcp_mbps, udp_mbps};
use harness::vm::Vm;
use harness::{Error, Result};
use serde_json::json;
use std::net::{IpAddr, Ipv4Addr};

/// Rate cap that one claim sets, in Mbit/s.
const CAP: u32 = 50;

/// Checks every claim. `Err` only when the lab itself cannot go on.
pub(super) async fn check_all(fabric: &mut Fabric, tenants: &mut Tenants, report: &mut Report) -> Result<()> {
    report.claim("same subnet, across hosts: VMs reach each other", across_hosts(tenants));
    report.claim("two subnets, one host: the distributed router joins them", across_subnets(tenants));
    report.claim("on the fabric, each tenant's packets carry its own VXLAN VNI", separate_vnis(fabric, tenants).await);
    report.claim("equal addresses, two tenants: each reaches its own VM", own_vm(tenants).await);
    report.claim("no address of the other tenant is reachable", other_tenant(tenants));
    report.claim("each address added for containers is reachable", containers(tenants));
    report.claim("a list on one added address bites there and nowhere else", container_list(fabric, tenants).await);
    super::containers::check_all(fabric, tenants, report).await;
    report.claim("a new deny rule stops an established flow", established_flow(fabric, tenants).await);
    report.claim("packets with a foreign source address are dropped", spoofed_source(tenants).await);
    report.claim("the rate cap of a NIC holds", rate_cap(fabric, tenants).await);
    report.claim("live migration: traffic and policy follow the VM", migration(fabric, tenants).await);
    report.claim("controller killed: hosts keep enforcing, and it loses nothing", fail_static(fabric, tenants).await);
    Ok(())
}

fn across_hosts(Tenants { web, client, .. }: &Tenants) -> Result<String> {
    let web = web.vm();
    let there = hops(client, web.address())?;
    let back = hops(web, client.address())?;
    claim(there == 0 && back == 0, || format!("{there} and {back} routers in between"))?;
    Ok(format!("ping {} > {} and back, no router in between", client.address(), web.address()))
}

fn across_subnets(Tenants { web, database, .. }: &Tenants) -> Result<String> {
    let web = web.vm();
    let routers = hops(web, database.address())?;
    claim(routers == 1, || format!("{routers} routers in between"))?;
    Ok(format!("ping {} > {}, over one router", web.address(), database.address()))
}

async fn separate_vnis(fabric: &Fabric, Tenants { web, client, red_web, red_client, .. }: &Tenants) -> Result<String> {
    let web = web.vm();
    let mut seen = Vec::new();
    for (from, to, network) in [(client, web, "VNet1"), (red_client, red_web, "VNet2")] {
        let subnet = fabric.rest().get(&format!("/virtualNetworks/{network}/subnets/Subnet1")).await?;
        let vsid = subnet["properties"]["virtualSubnetId"].as_str().unwrap_or_default().to_owned();
        let mut capture = Capture::start(&fabric.site, FABRIC_DEVICE)?;
        hops(from, to.address())?;
        let pair = format!("IP {} > {}: ICMP echo request", from.address(), to.address());
        let packet = capture.wait_for("the ping is on the fabric", |packet| packet.inner.contains(&pair))?;
        let expected = format!("{network} has VSID {vsid}, its packet {pair} has VNI {}", packet.vni);
        claim(packet.vni.to_string() == vsid, || expected)?;
        seen.push(format!("{network} {} = its VSID", packet.vni));
    }
    claim(seen[0] != seen[1], || "both have the same VNI".to_owned())?;
    Ok(format!("tcpdump: {}", seen.join(", ")))
}

async fn own_vm(Tenants { web, client, red_web, red_client, .. }: &Tenants) -> Result<String> {
    let web = web.vm();
    let _services = (web.serve(80, "I am blue")?, red_web.serve(80, "I am red")?);
    for (from, to, expected) in [(client, web, "I am blue"), (red_client, red_web, "I am red")] {
        let banner = from.connect(to.address(), 80).await?.map(|conversation| conversation.banner);
        claim(banner.as_deref() == Some(expected), || format!("{} heard {banner:?}", from.name))?;
    }
    Ok(format!("{}:80 answers blue as blue and red as red", web.address()))
}

fn other_tenant(Tenants { client, red_web, red_client, .. }: &Tenants) -> Result<String> {
    hops(red_web, red_client.address())?;
    unreachable(client, red_client.address())?;
    unreachable(red_client, client.address())?;
    Ok(format!("{} answers red and is silent to blue", red_client.address()))
}

fn containers(Tenants { client, .. }: &Tenants) -> Result<String> {
    for octet in CONTAINERS {
        hops(client, container(octet))?;
    }
    Ok(format!("ping from the other host to 192.168.1.{} … {}", CONTAINERS.start(), CONTAINERS.end()))
}

async fn container_list(fabric: &Fabric, Tenants { web, client, .. }: &Tenants) -> Result<String> {
    let web = web.vm();
    let rest = fabric.rest();
    let (closed, open) = (container(*CONTAINERS.end()), container(*CONTAINERS.start()));
    rest.put("/accessControlLists/Quarantine", &documents::acl(&["100 in deny * * > *"])).await?;
    let set_list = async |list: &str| {
        let id = name_of(&closed.to_string());
        let configuration = documents::address(&id, &closed.to_string(), "VNet1/Subnet1", Some(list));
        rest.put(&format!("/networkInterfaces/{}/ipConfigurations/{id}", web.name), &configuration).await
    };
    set_list("Quarantine").await?;
    unreachable(client, closed)?;
    hops(client, open)?;
    set_list(super::tenants::ALLOW_ALL_LIST).await?;
    hops(client, closed)?;
    Ok(format!("{closed} silent while its list denies, {open} answers throughout"))
}

async fn established_flow(fabric: &Fabric, Tenants { web, client, .. }: &Tenants) -> Result<String> {
    let web = web.vm();
    let rest = fabric.rest();
    let _services = (web.serve(8080, "one")?, web.serve(8081, "other")?);
    let silent = || Error::Claim("a connection that is allowed does not work".to_owned());
    let mut stopped = client.connect(web.address(), 8080).await?.ok_or_else(silent)?;
    let mut untouched = client.connect(web.address(), 8081).await?.ok_or_else(silent)?;
    claim(stopped.say("before").await.is_some(), || "the flow did not work before the rule".to_owned())?;

    let rules = ["100 in deny tcp * > *:8080", ALLOW_ALL[0], ALLOW_ALL[1]];
    let written = rest.put("/accessControlLists/AllowAll", &documents::acl(&rules)).await?;
    let after = stopped.say("after").await;
    let other = untouched.say("after").await;
    rest.put("/accessControlLists/AllowAll", &documents::acl(&ALLOW_ALL)).await?;
    claim(after.is_none(), || "the flow went on after the rule was in force".to_owned())?;
    claim(other.is_some(), || "a flow that the rule does not name was disturbed".to_owned())?;
    let enforced = written.enforced.unwrap_or_default();
    Ok(format!("port 8080 silent from the next packet on, port 8081 undisturbed (enforced: {enforced})"))
}

async fn spoofed_source(Tenants { web, client, .. }: &Tenants) -> Result<String> {
    let web = web.vm();
    let foreign = IpAddr::V4(Ipv4Addr::new(192, 168, 1, 77));
    client.namespace.ip(&[format!("address add {foreign}/32 dev eth0")])?;
    let target = (web.address(), 5000);
    let receiver = web.datagrams(target.0, target.1)?;
    client.datagrams(foreign, 5001)?.send("forged", target).await;
    // Sent later on the same way: what comes first tells whether the forged one came through.
    client.datagrams(client.address(), 5001)?.send("genuine", target).await;
    let first = receiver.receive().await;
    client.namespace.ip(&[format!("address delete {foreign}/32 dev eth0")])?;
    let text = first.map(|(text, _)| text);
    claim(text.as_deref() == Some("genuine"), || format!("the receiver got {text:?}"))?;
    Ok(format!("a datagram from {foreign} vanished, the next one from {} arrived", client.address()))
}

async fn rate_cap(fabric: &Fabric, Tenants { web, client, .. }: &Tenants) -> Result<String> {
    let web = web.vm();
    let rest = fabric.rest();
    let path = format!("/networkInterfaces/{}", client.name);
    let before = rest.get(&path).await?;
    let free = tcp_mbps(client, web, 2)?;
    let mut capped = before.clone();
    capped["properties"]["portSettings"]["qosSettings"] = json!({ "outboundMaximumMbps": CAP });
    rest.put(&path, &capped).await?;
    // A steady offer of twice the cap shows the cap; how close TCP comes to it shows more of TCP.
    let passed = udp_mbps(client, web, 3, 2 * CAP)?;
    let tcp = tcp_mbps(client, web, 2)?;
    rest.put(&path, &before).await?;
    let observed = format!(
        "iperf3, cap {CAP} Mbit/s: {passed:.1} of {} Mbit/s UDP pass; TCP {tcp:.1}, without the cap {free:.0}",
        2 * CAP
    );
    let cap = f64::from(CAP);
    let exact = passed > 0.9 * cap && passed < 1.1 * cap && tcp < 1.1 * cap && free > 2.0 * cap;
    claim(exact, || observed.clone())?;
    Ok(observed)
}

async fn migration(fabric: &Fabric, Tenants { web, client, .. }: &mut Tenants) -> Result<String> {
    let web = web.vm();
    fabric.migrate(client, 0).await?;
    hops(client, web.address())?;
    let ports = fabric.hosts[1].agent.ports().await?;
    claim(ports.iter().all(|port| port.profile_id != client.nic), || "host-2 still has the port".to_owned())?;
    fabric.migrate(client, 1).await?;
    hops(client, web.address())?;
    Ok(format!("{} went to host-1 and back to host-2, reachable at both; the host it left forgot it", client.name))
}

async fn fail_static(fabric: &mut Fabric, tenants: &Tenants) -> Result<String> {
    let before = fabric.rest().list("/networkInterfaces").await?.len();
    fabric.controller.process().kill()?;
    let alone = host_alone(fabric, tenants);
    // Whatever came of it, the lab goes on with a controller.
    fabric.restart_controller()?;
    alone?;
    let after = fabric.rest().list("/networkInterfaces").await?.len();
    claim(before == after, || format!("{before} NICs before, {after} after"))?;
    fabric.in_force(&tenants.client).await?;
    Ok(format!("host-2's agent restarted alone, same policy; the controller is back with all {after} NICs"))
}

/// Restarts an agent that has no controller, and looks whether it enforces as before.
fn host_alone(fabric: &mut Fabric, Tenants { web, client, red_client, .. }: &Tenants) -> Result<()> {
    let web = web.vm();
    let host = &mut fabric.hosts[client.host];
    host.agent.process().kill()?;
    host.restart_agent()?;
    hops(client, web.address())?;
    unreachable(client, red_client.address())
}

/// Routers between a VM and an address that answers.
pub(super) fn hops(from: &Vm, to: IpAddr) -> Result<u8> {
    let echo = from.ping(to)?.ok_or_else(|| Error::Claim(format!("{} gets no answer from {to}", from.name)))?;
    Ok(64u8.saturating_sub(echo.ttl))
}

pub(super) fn unreachable(from: &Vm, to: IpAddr) -> Result<()> {
    let silent = from.ping(to)?.is_none();
    claim(silent, || format!("{} gets an answer from {to}", from.name))
}

fn container(octet: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(192, 168, 1, octet))
}
