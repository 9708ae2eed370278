//! l2tunnel: everything a container sends goes to the host, which judges it, even what comes back to the same VM.
//! [containers.md section 2, C17 to C19]

use super::scene::{
    DOCKER_NETWORK, OVER_THE_ROUTER, QUARANTINE, SAME_SUBNET, across, container_host, does_not_reach, network,
    other_container_host, plain_vm, reaches, set_address,
};
use harness::Result;
use harness::error::claim;
use harness::fabric::Fabric;
use harness::frames::FrameCapture;
use harness::guest::on_container_fabric;
use harness::vm::Vm;
use std::net::IpAddr;

fn at_port(fabric: &Fabric, vm: &Vm) -> Result<FrameCapture> {
    FrameCapture::start(&fabric.hosts[vm.host].namespace, &vm.port, "icmp or arp")
}

fn request(from: IpAddr, to: IpAddr) -> String {
    format!("{from} > {to}: ICMP echo request")
}

fn reply(from: IpAddr, to: IpAddr) -> String {
    format!("{from} > {to}: ICMP echo reply")
}

/// One node, same and different subnets: hair-pinned to the host, which applies its policy.
#[test]
fn c17_l2tunnel_neighbours_in_one_vm_meet_at_the_host_which_judges_them() {
    on_container_fabric(1, async |fabric| {
        network(fabric, "VNet1").await?;
        let web = container_host(fabric, "l2tunnel").await?;
        set_address(fabric, "web", across(101), "AllowAll").await?;
        web.create_network("l2tunnel", "192.168.2.0/24", "192.168.2.1", "Second")?;
        let a = web.run(DOCKER_NETWORK, "one")?;
        let vm = &web.guest.vm;
        for (network, ttl) in [(DOCKER_NETWORK, SAME_SUBNET), ("Second", OVER_THE_ROUTER)] {
            let b = web.run(network, &format!("in-{network}"))?;
            let mut port = at_port(fabric, vm)?;
            reaches(&a.namespace, b.address, ttl)?;
            // Both directions are seen, each on its way out of the VM and on its way back into it.
            for words in [request(a.address, b.address), reply(b.address, a.address)] {
                let (out, back) = (port.wait_for(&words)?, port.wait_for(&words)?);
                claim(out.source == vm.mac && out.destination != vm.mac, || format!("{out:?} does not leave the VM"))?;
                claim(back.destination == vm.mac, || format!("{back:?} does not come back"))?;
            }
            set_address(fabric, "web", b.address, QUARANTINE).await?;
            does_not_reach(&a.namespace, b.address)?;
            reaches(&b.namespace, a.address, ttl)?;
        }
        Ok(())
    });
}

/// To the outside: through the virtual network's gateway, whose MAC is the only destination there is.
#[test]
fn c18_l2tunnel_containers_send_to_no_mac_but_the_gateways() {
    on_container_fabric(2, async |fabric| {
        network(fabric, "VNet1").await?;
        let web = container_host(fabric, "l2tunnel").await?;
        let (a, b) = (web.run(DOCKER_NETWORK, "one")?, web.run(DOCKER_NETWORK, "two")?);
        let near = plain_vm(fabric, 1, "near", "VNet1/Subnet1", 20).await?;
        let far = plain_vm(fabric, 1, "far", "VNet1/Subnet2", 20).await?;
        let vm = &web.guest.vm;
        let mut port = FrameCapture::received(&fabric.hosts[vm.host].namespace, &vm.port, "icmp")?;
        reaches(&a.namespace, far.address(), OVER_THE_ROUTER)?;
        let gateway = port.wait_for(&request(a.address, far.address()))?.destination;
        reaches(&a.namespace, near.address(), SAME_SUBNET)?;
        reaches(&a.namespace, b.address, SAME_SUBNET)?;
        reaches(&a.namespace, vm.address(), SAME_SUBNET)?;
        port.wait_for(&reply(vm.address(), a.address))?;
        let from_a = format!("{} > ", a.address);
        let frames: Vec<_> = port.seen().into_iter().filter(|frame| frame.text.starts_with(&from_a)).collect();
        claim(frames.len() >= 4, || format!("too few frames: {frames:?}"))?;
        let only = frames.iter().all(|frame| frame.source == vm.mac && frame.destination == gateway);
        claim(only, || format!("others than {} > {gateway}: {frames:?}", vm.mac))?;
        // Neighbours have no other MAC in the eyes of a container.
        let mut command = a.namespace.command("ip");
        let output = command.args(["-json", "neighbour", "show"]).output().map_err(harness::Error::io("run ip"))?;
        let neighbours: Vec<serde_json::Value> = serde_json::from_slice(&output.stdout).unwrap_or_default();
        claim(neighbours.len() >= 3, || format!("too few neighbours: {neighbours:?}"))?;
        let gateway = gateway.to_string().to_lowercase().replace('-', ":");
        let only = neighbours.iter().all(|neighbour| neighbour["lladdr"] == gateway.as_str());
        claim(only, || format!("others than {gateway}: {neighbours:?}"))
    });
}

/// Node to node: hair-pinned to the hosts, policy applied.
#[test]
fn c19_l2tunnel_containers_of_two_vms_pass_both_hosts_which_judge_them() {
    on_container_fabric(2, async |fabric| {
        network(fabric, "VNet1").await?;
        let web = container_host(fabric, "l2tunnel").await?;
        let a = web.run(DOCKER_NETWORK, "one")?;
        for (subnet, ttl) in [("Subnet1", SAME_SUBNET), ("Subnet2", OVER_THE_ROUTER)] {
            let far = other_container_host(fabric, "l2tunnel", subnet).await?;
            let b = far.run(DOCKER_NETWORK, "two")?;
            let (mut here, mut there) = (at_port(fabric, &web.guest.vm)?, at_port(fabric, &far.guest.vm)?);
            reaches(&a.namespace, b.address, ttl)?;
            for port in [&mut here, &mut there] {
                port.wait_for(&request(a.address, b.address))?;
                port.wait_for(&reply(b.address, a.address))?;
            }
            let nic = far.guest.vm.name.clone();
            set_address(fabric, &nic, b.address, QUARANTINE).await?;
            does_not_reach(&a.namespace, b.address)?;
            reaches(&b.namespace, a.address, ttl)?;
        }
        Ok(())
    });
}
