//! l2bridge: containers share the VM's MAC outside; what stays in the VM and its subnet never reaches the host.
//! [containers.md section 2, C12 to C16]

use super::scene::{
    DOCKER_NETWORK, OVER_THE_ROUTER, QUARANTINE, SAME_SUBNET, across, container_host, does_not_reach, network,
    other_container_host, plain_vm, reaches, set_address,
};
use harness::Result;
use harness::error::claim;
use harness::fabric::Fabric;
use harness::frames::{Frame, FrameCapture};
use harness::guest::on_container_fabric;
use harness::vm::Vm;

/// Captures what is on the port of a VM, on its host.
fn at_port(fabric: &Fabric, vm: &Vm) -> Result<FrameCapture> {
    FrameCapture::start(&fabric.hosts[vm.host].namespace, &vm.port, "icmp or arp")
}

fn sent_by(frame: &Frame, vm: &Vm) -> Result<()> {
    claim(frame.source == vm.mac, || format!("{frame:?} is not from the VM's MAC {}", vm.mac))
}

fn sent_to(frame: &Frame, vm: &Vm) -> Result<()> {
    claim(frame.destination == vm.mac, || format!("{frame:?} is not for the VM's MAC {}", vm.mac))
}

/// One node, same subnet: bridged in the VM, and the host's policy is not applied.
#[test]
fn c12_l2bridge_neighbours_in_one_vm_are_bridged_inside_it_and_no_list_of_the_host_applies() {
    on_container_fabric(2, async |fabric| {
        network(fabric, "VNet1").await?;
        let web = container_host(fabric, "l2bridge").await?;
        let (a, b) = (web.run(DOCKER_NETWORK, "one")?, web.run(DOCKER_NETWORK, "two")?);
        let peer = plain_vm(fabric, 1, "peer", "VNet1/Subnet1", 20).await?;
        for container in [&a, &b] {
            set_address(fabric, "web", container.address, QUARANTINE).await?;
        }
        // The lists are in force: from outside the VM nobody reaches them.
        does_not_reach(&peer.namespace, b.address)?;

        let mut port = at_port(fabric, &web.guest.vm)?;
        reaches(&a.namespace, b.address, SAME_SUBNET)?;
        reaches(&b.namespace, a.address, SAME_SUBNET)?;
        reaches(&a.namespace, web.guest.vm.address(), SAME_SUBNET)?;
        reaches(&web.guest.vm.namespace, b.address, SAME_SUBNET)?;
        // Sent later on the same port: when it is seen, all before it would have been.
        reaches(&web.guest.vm.namespace, peer.address(), SAME_SUBNET)?;
        port.wait_for(&format!("{} > {}: ICMP echo reply", peer.address(), web.guest.vm.address()))?;
        port.never_saw(&a.address.to_string())?;
        port.never_saw(&b.address.to_string())
    });
}

/// One node, different subnets: the container's MAC is rewritten on the way out and in, and the host routes and judges.
#[test]
fn c13_l2bridge_neighbours_of_two_subnets_meet_at_the_host_with_the_vms_mac() {
    on_container_fabric(1, async |fabric| {
        network(fabric, "VNet1").await?;
        let web = container_host(fabric, "l2bridge").await?;
        set_address(fabric, "web", across(101), "AllowAll").await?;
        web.create_network("l2bridge", "192.168.2.0/24", "192.168.2.1", "Second")?;
        let (a, b) = (web.run(DOCKER_NETWORK, "one")?, web.run("Second", "two")?);
        let vm = &web.guest.vm;

        let mut port = at_port(fabric, vm)?;
        reaches(&a.namespace, b.address, OVER_THE_ROUTER)?;
        let asked = format!("{} > {}: ICMP echo request", a.address, b.address);
        let (out, back) = (port.wait_for(&asked)?, port.wait_for(&asked)?);
        sent_by(&out, vm)?;
        sent_to(&back, vm)?;
        let answered = format!("{} > {}: ICMP echo reply", b.address, a.address);
        let (out, back) = (port.wait_for(&answered)?, port.wait_for(&answered)?);
        sent_by(&out, vm)?;
        sent_to(&back, vm)?;

        set_address(fabric, "web", b.address, QUARANTINE).await?;
        does_not_reach(&a.namespace, b.address)
    });
}

/// To the outside: the VM's MAC both ways, the container's own address.
#[test]
fn c14_l2bridge_containers_reach_the_outside_with_the_vms_mac_and_their_own_address() {
    on_container_fabric(2, async |fabric| {
        network(fabric, "VNet1").await?;
        let web = container_host(fabric, "l2bridge").await?;
        let a = web.run(DOCKER_NETWORK, "one")?;
        let vm = &web.guest.vm;
        for (name, subnet, ttl) in [("near", "Subnet1", SAME_SUBNET), ("far", "Subnet2", OVER_THE_ROUTER)] {
            let peer = plain_vm(fabric, 1, name, &format!("VNet1/{subnet}"), 20).await?;
            let mut port = at_port(fabric, vm)?;
            let mut there = at_port(fabric, &peer)?;
            reaches(&a.namespace, peer.address(), ttl)?;
            let asked = format!("{} > {}: ICMP echo request", a.address, peer.address());
            sent_by(&port.wait_for(&asked)?, vm)?;
            sent_to(&there.wait_for(&asked)?, &peer)?;
            sent_to(&port.wait_for(&format!("{} > {}: ICMP echo reply", peer.address(), a.address))?, vm)?;
            // And unasked, from there to here.
            reaches(&peer.namespace, a.address, ttl)?;
        }
        Ok(())
    });
}

/// Node to node, same subnet: bridged.
#[test]
fn c15_l2bridge_containers_of_two_vms_in_one_subnet_are_bridged_behind_the_vms_macs() {
    on_container_fabric(2, async |fabric| {
        network(fabric, "VNet1").await?;
        let web = container_host(fabric, "l2bridge").await?;
        let far = other_container_host(fabric, "l2bridge", "Subnet1").await?;
        let (a, b) = (web.run(DOCKER_NETWORK, "one")?, far.run(DOCKER_NETWORK, "two")?);
        let mut there = at_port(fabric, &far.guest.vm)?;
        reaches(&a.namespace, b.address, SAME_SUBNET)?;
        let asked = there.wait_for(&format!("{} > {}: ICMP echo request", a.address, b.address))?;
        sent_by(&asked, &web.guest.vm)?;
        sent_to(&asked, &far.guest.vm)?;
        let answered = there.wait_for(&format!("{} > {}: ICMP echo reply", b.address, a.address))?;
        sent_by(&answered, &far.guest.vm)?;
        sent_to(&answered, &web.guest.vm)?;

        set_address(fabric, "far-Subnet1", b.address, QUARANTINE).await?;
        does_not_reach(&a.namespace, b.address)
    });
}

/// Node to node, different subnets: routed, and the host's policy is applied.
#[test]
fn c16_l2bridge_containers_of_two_vms_in_two_subnets_are_routed_and_judged() {
    on_container_fabric(2, async |fabric| {
        network(fabric, "VNet1").await?;
        let web = container_host(fabric, "l2bridge").await?;
        let far = other_container_host(fabric, "l2bridge", "Subnet2").await?;
        let (a, b) = (web.run(DOCKER_NETWORK, "one")?, far.run(DOCKER_NETWORK, "two")?);
        reaches(&a.namespace, b.address, OVER_THE_ROUTER)?;
        reaches(&b.namespace, a.address, OVER_THE_ROUTER)?;
        set_address(fabric, "far-Subnet2", b.address, QUARANTINE).await?;
        does_not_reach(&a.namespace, b.address)?;
        reaches(&b.namespace, a.address, OVER_THE_ROUTER)
    });
}
