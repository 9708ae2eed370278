//! With a real docker engine: nat with a published port, and the default firewall of containers that docker makes.

use super::node::rules;
use super::scene::{
    DOCKER_NETWORK, OVER_THE_ROUTER, SAME_SUBNET, container_vm, does_not_reach, near, network, plain_vm, reaches,
    refusal,
};
use harness::docker::Container;
use harness::fabric::Fabric;
use harness::guest::on_container_fabric;
use harness::plugin::{API, ContainerHost};
use harness::vm::Vm;
use harness::{Result, wait};

/// Tables of the container's namespace when its firewall is there.
async fn firewall_of(container: &Container) -> Result<String> {
    wait::until("the container's firewall is there", async || {
        let found = rules(&container.namespace, &["list", "ruleset"]).map_err(|error| error.to_string())?;
        if found.contains("private-cloud-host-") { Ok(found) } else { Err(found) }
    })
    .await
}

/// A container host whose plugin serves `driver`, and a VM beside it.
async fn host_with(fabric: &Fabric, driver: &str) -> Result<(ContainerHost, Vm)> {
    network(fabric, "VNet1").await?;
    let vm = container_vm(fabric, "web", "VNet1").await?;
    let web = ContainerHost::start_with(vm, vec!["--driver".to_owned(), driver.to_owned()]).await?;
    Ok((web, plain_vm(fabric, 0, "peer", "VNet1/Subnet1", 20).await?))
}

#[test]
fn a_container_that_docker_makes_is_under_the_default_firewall() {
    on_container_fabric(1, async |fabric| {
        let (web, peer) = host_with(fabric, "l2bridge").await?;
        web.create_network("l2bridge", "192.168.1.0/24", "192.168.1.1", DOCKER_NETWORK)?;
        let container = web.run(DOCKER_NETWORK, "first")?;
        let found = firewall_of(&container).await?;
        assert!(found.contains("private-cloud-switch-"), "l2bridge has both places: {found}");
        let inbox = container.namespace.raw(253)?;
        peer.namespace.raw(253)?.send(b"unsolicited", container.address)?;
        reaches(&peer.namespace, container.address, SAME_SUBNET)?;
        assert_eq!(inbox.arrived()?, []);
        Ok(())
    });
}

#[test]
fn docker_publishes_a_port_of_a_nat_container_on_the_vm() {
    on_container_fabric(1, async |fabric| {
        let (web, peer) = host_with(fabric, "nat").await?;
        web.create_network("nat", "172.20.0.0/24", "172.20.0.1", "inside")?;
        let container = Container::run(&web.guest, API, "inside", "first", &["--publish=8080:80"])?;
        firewall_of(&container).await?;
        let _service = container.namespace.serve(80, "inside")?;
        let conversation = peer.connect(near(9), 8080).await?;
        assert_eq!(conversation.map(|conversation| conversation.banner).as_deref(), Some("inside"));
        reaches(&container.namespace, peer.address(), OVER_THE_ROUTER)?;
        does_not_reach(&peer.namespace, container.address)?;

        let random = refusal(web.docker(&["run", "--network=inside", "--publish=80", "busybox", "sleep", "1"]))?;
        assert!(random.contains("say one port of the VM"), "{random}");
        let subnet = ["--subnet=172.21.0.0/24", "--gateway=172.21.0.1"];
        let second = refusal(web.docker(&["network", "create", "-d", "nat", subnet[0], subnet[1], "more"]))?;
        assert!(second.contains("one internal prefix"), "{second}");

        web.docker(&["rm", "--force", "first"])?;
        assert!(peer.connect(near(9), 8080).await?.is_none());
        Ok(())
    });
}
