//! What containers and their addresses live through: the end of plugin, engine and VM, a move to another host, and changes of
//! the NIC they depend on.

use super::scene::{
    DOCKER_NETWORK, SAME_SUBNET, all, container_host, container_vm, contains, does_not_reach, fill, near, network,
    plain_vm, reaches, refusal, set_address, withdraw_address,
};
use harness::docker::{Container, ENGINE, docker};
use harness::error::claim;
use harness::guest::on_container_fabric;
use harness::plugin::ContainerHost;
use harness::{Error, Result, wait};
use std::collections::BTreeSet;
use std::net::IpAddr;

/// The line of `status` about an address.
fn line_of(status: &str, address: IpAddr) -> Result<String> {
    let about = format!("{address} in ");
    let line = status.lines().find(|line| line.contains(&about)).map(str::to_owned);
    line.ok_or_else(|| Error::Claim(format!("{status} says nothing of {address}")))
}

/// Docker's id of a network, as docker and `status` show it.
fn id_of(web: &ContainerHost, network: &str) -> Result<String> {
    let name = format!("name={network}");
    Ok(web.docker(&["network", "ls", "--quiet", "--filter", &name])?.trim().to_owned())
}

#[test]
fn containers_outlive_the_plugin_and_the_plugin_remembers_them() {
    on_container_fabric(2, async |fabric| {
        network(fabric, "VNet1").await?;
        let mut web = container_host(fabric, "l2bridge").await?;
        let peer = plain_vm(fabric, 1, "peer", "VNet1/Subnet1", 20).await?;
        let first = web.run(DOCKER_NETWORK, "c1")?;
        web.plugin.process().kill()?;
        reaches(&peer.namespace, first.address, SAME_SUBNET)?;
        web.plugin.restart(&web.guest)?;
        let second = web.run(DOCKER_NETWORK, "c2")?;
        assert_ne!(first.address, second.address);
        for container in [&first, &second] {
            reaches(&peer.namespace, container.address, SAME_SUBNET)?;
        }
        web.plugin.process().terminate()?;
        web.plugin.restart(&web.guest)?;
        web.docker(&["rm", "--force", "c1", "c2"])?;
        web.docker(&["network", "rm", DOCKER_NETWORK])?;
        Ok(())
    });
}

#[test]
fn networks_and_addresses_work_on_after_the_engine_is_restarted() {
    on_container_fabric(2, async |fabric| {
        network(fabric, "VNet1").await?;
        let mut web = container_host(fabric, "l2bridge").await?;
        let peer = plain_vm(fabric, 1, "peer", "VNet1/Subnet1", 20).await?;
        fill(&web)?;
        web.engine.restart(&web.guest).await?;
        for number in 1..=10 {
            web.docker(&["start", &format!("c{number}")])?;
        }
        for number in [1, 10] {
            let container = Container::find(&web.guest, &format!("c{number}"))?;
            reaches(&peer.namespace, container.address, SAME_SUBNET)?;
        }
        Ok(())
    });
}

#[test]
fn a_vm_that_lost_power_has_all_addresses_free_again() {
    on_container_fabric(2, async |fabric| {
        network(fabric, "VNet1").await?;
        let mut web = container_host(fabric, "l2bridge").await?;
        let peer = plain_vm(fabric, 1, "peer", "VNet1/Subnet1", 20).await?;
        fill(&web)?;
        web.power_cycle().await?;
        for number in 1..=10 {
            web.docker(&["start", &format!("c{number}")])?;
        }
        let found = (1..=10).map(|number| Container::find(&web.guest, &format!("c{number}")));
        let containers: Vec<Container> = found.collect::<Result<_>>()?;
        assert_eq!(containers.iter().map(|container| container.address).collect::<BTreeSet<_>>(), all());
        reaches(&peer.namespace, containers[9].address, SAME_SUBNET)
    });
}

#[test]
fn an_address_withdrawn_while_in_use_is_lost_until_released_or_returned() {
    on_container_fabric(2, async |fabric| {
        network(fabric, "VNet1").await?;
        let web = container_host(fabric, "l2bridge").await?;
        let peer = plain_vm(fabric, 1, "peer", "VNet1/Subnet1", 20).await?;
        let (kept, dropped) = (web.run(DOCKER_NETWORK, "c1")?, web.run(DOCKER_NETWORK, "c2")?);
        for container in [&kept, &dropped] {
            withdraw_address(fabric, "web", container.address).await?;
            does_not_reach(&peer.namespace, container.address)?;
        }
        let status = web.guest.plugin(&["status"])?;
        for container in [&kept, &dropped] {
            contains(&line_of(&status, container.address)?, &["in use", "withdrawn"])?;
        }

        // One comes back while its container still has it: as if nothing had been.
        set_address(fabric, "web", kept.address, "AllowAll").await?;
        reaches(&peer.namespace, kept.address, SAME_SUBNET)?;
        // The other is released while it is away: nobody gets it.
        web.docker(&["rm", "--force", "c2"])?;
        for number in 3..=10 {
            assert_ne!(web.run(DOCKER_NETWORK, &format!("c{number}"))?.address, dropped.address);
        }
        refusal(web.run(DOCKER_NETWORK, "c11"))?;
        // Back on the NIC, it is anybody's.
        set_address(fabric, "web", dropped.address, "AllowAll").await?;
        assert_eq!(web.run(DOCKER_NETWORK, "c12")?.address, dropped.address);
        Ok(())
    });
}

#[test]
fn an_address_added_to_the_nic_reaches_the_next_container_by_itself() {
    on_container_fabric(1, async |fabric| {
        network(fabric, "VNet1").await?;
        let web = container_host(fabric, "l2bridge").await?;
        fill(&web)?;
        refusal(web.run(DOCKER_NETWORK, "c11"))?;
        set_address(fabric, "web", near(111), "AllowAll").await?;
        assert_eq!(web.run(DOCKER_NETWORK, "c12")?.address, near(111));
        Ok(())
    });
}

#[test]
fn containers_stay_reachable_when_their_vm_migrates() {
    on_container_fabric(2, async |fabric| {
        network(fabric, "VNet1").await?;
        let mut web = container_host(fabric, "l2bridge").await?;
        let peer = plain_vm(fabric, 1, "peer", "VNet1/Subnet1", 20).await?;
        let container = web.run(DOCKER_NETWORK, "c1")?;
        reaches(&peer.namespace, container.address, SAME_SUBNET)?;
        fabric.migrate(&mut web.guest.vm, 1).await?;
        reaches(&peer.namespace, container.address, SAME_SUBNET)?;
        reaches(&container.namespace, peer.address(), SAME_SUBNET)?;
        // The proxy of the new host knows the VM as well.
        web.run(DOCKER_NETWORK, "c2").map(drop)
    });
}

#[test]
fn rules_that_somebody_removed_come_back_by_themselves() {
    on_container_fabric(2, async |fabric| {
        network(fabric, "VNet1").await?;
        let web = container_host(fabric, "l2bridge").await?;
        let peer = plain_vm(fabric, 1, "peer", "VNet1/Subnet1", 20).await?;
        let container = web.run(DOCKER_NETWORK, "c1")?;
        reaches(&peer.namespace, container.address, SAME_SUBNET)?;
        // As the restart of a packet filter does.
        web.guest.run("nft", &["flush", "ruleset"])?;
        wait::until("the container is reached again", async || reaches(&peer.namespace, container.address, SAME_SUBNET))
            .await
    });
}

#[test]
fn a_network_removed_while_the_plugin_is_down_is_forgotten_when_it_is_back() {
    on_container_fabric(1, async |fabric| {
        network(fabric, "VNet1").await?;
        let drivers = ["--driver", "nat", "--driver", "l2bridge"].map(str::to_owned).to_vec();
        let mut web = ContainerHost::start_with(container_vm(fabric, "web", "VNet1").await?, drivers).await?;
        web.create_network("nat", "172.20.0.0/24", "172.20.0.1", "inside")?;
        web.create_network("l2bridge", "192.168.1.0/24", "192.168.1.1", DOCKER_NETWORK)?;
        let (removed, kept) = (id_of(&web, "inside")?, id_of(&web, DOCKER_NETWORK)?);
        web.plugin.process().kill()?;
        // Docker gives up calling after a while and removes it without us.
        docker(&web.guest, ENGINE, &["network", "rm", "inside"])?;
        contains(&web.guest.plugin(&["status"])?, &[&removed, &kept])?;

        web.plugin.restart(&web.guest)?;
        let status = wait::until("the network is forgotten", async || {
            let status = web.guest.plugin(&["status"]).map_err(|error| error.to_string())?;
            if status.contains(&removed) { Err(status) } else { Ok(status) }
        });
        contains(&status.await?, &[&format!("network {kept} ")])?;
        web.create_network("nat", "172.21.0.0/24", "172.21.0.1", "again")?;
        web.run("again", "c1")?;
        web.run(DOCKER_NETWORK, "c2").map(drop)
    });
}

#[test]
fn an_operator_has_a_network_forgotten_only_while_it_has_no_endpoints() {
    on_container_fabric(1, async |fabric| {
        network(fabric, "VNet1").await?;
        let web = container_host(fabric, "l2bridge").await?;
        web.run(DOCKER_NETWORK, "c1")?;
        let id = id_of(&web, DOCKER_NETWORK)?;
        let forget = ["forget", id.as_str()];
        contains(&refusal(web.guest.plugin(&forget))?, &["has 1 endpoints", "remove its containers first"])?;
        web.docker(&["rm", "--force", "c1"])?;
        web.guest.plugin(&forget)?;
        let status = web.guest.plugin(&["status"])?;
        claim(!status.contains(&id), || status.clone())?;
        contains(&refusal(web.guest.plugin(&forget))?, &["there is no network"])
    });
}
