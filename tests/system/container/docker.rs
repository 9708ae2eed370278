//! The workflow with a real docker engine, command by command, and what a user meets when something is wrong.

use super::scene::{
    DOCKER_NETWORK, SAME_SUBNET, container_host, container_vm, does_not_reach, near, network, plain_vm, reaches,
    refusal, set_address, withdraw_address,
};
use harness::docker::{Container, ENGINE, IMAGE, docker};
use harness::error::claim;
use harness::fabric::Fabric;
use harness::guest::on_container_fabric;
use harness::plugin::{API, ContainerHost};
use harness::{Error, Result, wait};
use std::collections::BTreeSet;
use std::io::Write;
use std::net::IpAddr;
use std::process::Stdio;

/// Every address that the workflow added to the NIC.
fn all() -> BTreeSet<IpAddr> {
    (101..=110).map(near).collect()
}

fn contains(text: &str, words: &[&str]) -> Result<()> {
    let missing: Vec<_> = words.iter().filter(|word| !text.contains(**word)).collect();
    claim(missing.is_empty(), || format!("'{text}' says nothing of {missing:?}"))
}

/// The line of `status` about an address.
fn line_of(status: &str, address: IpAddr) -> Result<String> {
    let about = format!("{address} in ");
    let line = status.lines().find(|line| line.contains(&about)).map(str::to_owned);
    line.ok_or_else(|| Error::Claim(format!("{status} says nothing of {address}")))
}

/// Fills the network, and gives its containers.
fn fill(web: &ContainerHost) -> Result<Vec<Container>> {
    (1..=10).map(|number| web.run(DOCKER_NETWORK, &format!("c{number}"))).collect()
}

#[test]
fn the_two_commands_of_the_workflow_give_containers_the_addresses_of_the_nic() {
    on_container_fabric(2, async |fabric| {
        network(fabric, "VNet1").await?;
        let web = ContainerHost::start(container_vm(fabric, "web", "VNet1").await?).await?;
        let peer = plain_vm(fabric, 1, "peer", "VNet1/Subnet1", 20).await?;
        let command = "docker network create -d l2bridge --subnet=192.168.1.0/24 --gateway=192.168.1.1 \
                       MyContainerOverlayNetwork";
        web.type_in(command)?;
        for number in 1..=10 {
            let command =
                format!("docker run -d --name c{number} --network=MyContainerOverlayNetwork {IMAGE} sleep 100000");
            web.type_in(&command)?;
        }
        let containers: Vec<Container> =
            (1..=10).map(|number| Container::find(&web.guest, &format!("c{number}"))).collect::<Result<_>>()?;
        assert_eq!(containers.iter().map(|container| container.address).collect::<BTreeSet<_>>(), all());
        let [first, last] = [&containers[0], &containers[9]];
        for to in [last.address, web.guest.vm.address(), peer.address()] {
            reaches(&first.namespace, to, SAME_SUBNET)?;
        }
        for container in &containers {
            reaches(&peer.namespace, container.address, SAME_SUBNET)?;
            reaches(&web.guest.vm.namespace, container.address, SAME_SUBNET)?;
        }
        // From the inside, with what the image has.
        web.type_in(&format!("docker exec c1 ping -c 1 -w 5 {}", peer.address()))?;
        Ok(())
    });
}

#[test]
fn ten_containers_started_at_once_get_ten_addresses_and_the_eleventh_is_told_that_there_is_none() {
    on_container_fabric(1, async |fabric| {
        network(fabric, "VNet1").await?;
        let web = container_host(fabric, "l2bridge").await?;
        let started: Vec<Result<Container>> = std::thread::scope(|scope| {
            let run = |number| {
                let web = &web;
                scope.spawn(move || web.run(DOCKER_NETWORK, &format!("c{number}")))
            };
            let threads: Vec<_> = (1..=10).map(run).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let containers: Vec<Container> = started.into_iter().collect::<Result<_>>()?;
        assert_eq!(containers.iter().map(|container| container.address).collect::<BTreeSet<_>>(), all());

        contains(&refusal(web.run(DOCKER_NETWORK, "c11"))?, &["192.168.1.0/24", "10 ", "in use"])?;
        web.docker(&["rm", "--force", "c11", "c4"])?;
        assert_eq!(web.run(DOCKER_NETWORK, "c12")?.address, containers[3].address);
        Ok(())
    });
}

#[test]
fn a_static_address_is_refused_and_the_refusal_says_where_addresses_come_from() {
    on_container_fabric(1, async |fabric| {
        network(fabric, "VNet1").await?;
        let web = container_host(fabric, "l2bridge").await?;
        let static_address = Container::run(&web.guest, API, DOCKER_NETWORK, "c1", &["--ip", "192.168.1.105"]);
        contains(&refusal(static_address)?, &["192.168.1.105", "--ip"])?;
        web.docker(&["rm", "--force", "c1"])?;
        // Nothing is lost by the attempt.
        assert_eq!(fill(&web)?.len(), 10);
        Ok(())
    });
}

#[test]
fn a_network_that_is_not_the_tenants_is_refused_and_the_refusal_names_what_there_is() {
    on_container_fabric(1, async |fabric| {
        network(fabric, "VNet1").await?;
        let web = ContainerHost::start(container_vm(fabric, "web", "VNet1").await?).await?;
        let foreign = web.create_network("l2bridge", "10.9.0.0/24", "10.9.0.1", "foreign");
        contains(&refusal(foreign)?, &["10.9.0.0/24", "192.168.1.0/24"])?;
        let gateway = web.create_network("l2bridge", "192.168.1.0/24", "192.168.1.254", "gateway");
        contains(&refusal(gateway)?, &["192.168.1.254", "192.168.1.1"])?;
        let nothing_named = web.docker(&["network", "create", "-d", "l2bridge", "unnamed"]);
        contains(&refusal(nothing_named)?, &["--subnet=192.168.1.0/24"])?;
        let words = ["network", "create", "-d", "l2bridge", "--subnet=192.168.1.0/24"];
        for option in
            ["--internal", "--ip-range=192.168.1.128/25", "--aux-address=router=192.168.1.103", "--opt=vlan=5"]
        {
            let refused = refusal(web.docker(&[&words[..], &[option, "odd"]].concat()))?;
            let named = option.trim_start_matches("--opt=").split('=').next().unwrap_or_default();
            contains(&refused, &[named])?;
        }
        Ok(())
    });
}

#[test]
fn an_unreachable_proxy_is_named_and_when_it_is_back_so_are_the_addresses() {
    on_container_fabric(1, async |fabric| {
        network(fabric, "VNet1").await?;
        let web = ContainerHost::start(container_vm(fabric, "web", "VNet1").await?).await?;
        fabric.hosts[0].proxy("disable")?;
        let create = || web.create_network("l2bridge", "192.168.1.0/24", "192.168.1.1", DOCKER_NETWORK);
        contains(&refusal(create())?, &["http://169.254.169.254:6642/ListNetwork"])?;
        fabric.hosts[0].proxy("enable")?;
        create()?;
        assert!(all().contains(&web.run(DOCKER_NETWORK, "c1")?.address));
        Ok(())
    });
}

#[test]
fn without_the_api_socket_the_address_driver_is_named_or_the_refusal_says_how() {
    on_container_fabric(1, async |fabric| {
        network(fabric, "VNet1").await?;
        let web = ContainerHost::start(container_vm(fabric, "web", "VNet1").await?).await?;
        let words = ["network", "create", "-d", "l2bridge", "--subnet=192.168.1.0/24", "--gateway=192.168.1.1"];
        let engine = |more: &[&str]| docker(&web.guest, ENGINE, &[&words[..], more].concat());
        engine(&["--ipam-driver", "l2bridge", "explicit"])?;
        let container = Container::run(&web.guest, ENGINE, "explicit", "c1", &[])?;
        assert!(all().contains(&container.address));
        reaches(&container.namespace, web.guest.vm.address(), SAME_SUBNET)?;
        docker(&web.guest, ENGINE, &["rm", "--force", "c1"])?;
        docker(&web.guest, ENGINE, &["network", "rm", "explicit"])?;

        // Docker itself chooses the addresses of a network whose address driver is not named.
        let implicit = engine(&["implicit"]).and_then(|_| Container::run(&web.guest, ENGINE, "implicit", "c2", &[]));
        contains(&refusal(implicit)?, &["--ipam-driver=l2bridge", "DOCKER_HOST"])
    });
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
        migrate(fabric, &mut web).await?;
        reaches(&peer.namespace, container.address, SAME_SUBNET)?;
        reaches(&container.namespace, peer.address(), SAME_SUBNET)?;
        // The proxy of the new host knows the VM as well.
        web.run(DOCKER_NETWORK, "c2").map(drop)
    });
}

async fn migrate(fabric: &Fabric, web: &mut ContainerHost) -> Result<()> {
    fabric.migrate(&mut web.guest.vm, 1).await
}

#[test]
fn what_docker_streams_passes_the_api_socket() {
    on_container_fabric(1, async |fabric| {
        network(fabric, "VNet1").await?;
        let web = container_host(fabric, "l2bridge").await?;
        let network = format!("--network={DOCKER_NETWORK}");
        let mut command = web.guest.command("docker");
        command.env("DOCKER_HOST", API).args(["run", "-i", "--rm", &network, IMAGE, "cat"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().map_err(Error::io("run docker"))?;
        let sent = "one line\n".repeat(20_000);
        child.stdin.take().unwrap().write_all(sent.as_bytes()).map_err(Error::io("talk to docker"))?;
        let output = child.wait_with_output().map_err(Error::io("wait for docker"))?;
        assert_eq!(output.stdout.len(), sent.len());
        assert!(output.stdout == sent.as_bytes());

        web.docker(&["run", "-d", "--name", "talks", &network, IMAGE, "sh", "-c", "echo first; echo second"])?;
        web.docker(&["wait", "talks"])?;
        assert_eq!(web.docker(&["logs", "-f", "talks"])?, "first\nsecond");
        Ok(())
    });
}

#[test]
fn a_published_port_is_accepted_and_the_container_answers_at_its_own_address() {
    on_container_fabric(2, async |fabric| {
        network(fabric, "VNet1").await?;
        let web = container_host(fabric, "l2bridge").await?;
        let peer = plain_vm(fabric, 1, "peer", "VNet1/Subnet1", 20).await?;
        let more = ["--publish", "8080:80"];
        let container = Container::run(&web.guest, API, DOCKER_NETWORK, "c1", &more)?;
        let _service = container.namespace.serve(80, "hello")?;
        let direct = peer.connect(container.address, 80).await?.map(|conversation| conversation.banner);
        assert_eq!(direct.as_deref(), Some("hello"));
        assert!(peer.connect(web.guest.vm.address(), 8080).await?.is_none());
        let warned = web.plugin.output().iter().any(|line| line.contains("WARN") && line.contains("--publish"));
        claim(warned, || "the plugin's log does not say that the published port means nothing here".to_owned())
    });
}

#[test]
fn containers_are_under_the_default_firewall() {
    const GRE: u8 = 47;
    on_container_fabric(2, async |fabric| {
        network(fabric, "VNet1").await?;
        let web = container_host(fabric, "l2bridge").await?;
        let peer = plain_vm(fabric, 1, "peer", "VNet1/Subnet1", 20).await?;
        let container = web.run(DOCKER_NETWORK, "c1")?;
        wait::until("the container's firewall is loaded", async || {
            let mut command = container.namespace.command("nft");
            let output = command.args(["list", "tables"]).output().map_err(Error::io("run nft"))?;
            claim(!output.stdout.is_empty(), || "it has no table".to_owned())
        })
        .await?;
        let (here, there) = (container.namespace.raw(GRE)?, peer.namespace.raw(GRE)?);
        there.send(b"unsolicited", container.address)?;
        // Packets do not overtake each other: when the answer to this is here, that would have been.
        reaches(&peer.namespace, container.address, SAME_SUBNET)?;
        assert!(here.arrived()?.is_empty(), "only TCP, UDP, ICMP and IGMP come in unsolicited");
        here.send(b"anything goes out", peer.address())?;
        reaches(&container.namespace, peer.address(), SAME_SUBNET)?;
        assert_eq!(there.arrived()?.len(), 1);
        Ok(())
    });
}

#[test]
fn a_nat_network_hides_its_containers_but_for_published_ports() {
    on_container_fabric(2, async |fabric| {
        network(fabric, "VNet1").await?;
        let settings = ["--driver", "nat"].map(str::to_owned).to_vec();
        let web = ContainerHost::start_with(container_vm(fabric, "web", "VNet1").await?, settings).await?;
        let peer = plain_vm(fabric, 1, "peer", "VNet1/Subnet1", 20).await?;
        web.create_network("nat", "172.30.0.0/24", "172.30.0.1", "hidden")?;
        let container = Container::run(&web.guest, API, "hidden", "c1", &["--publish", "8080:80"])?;
        let _service = container.namespace.serve(80, "hello")?;
        let from =
            async |port| Ok::<_, Error>(peer.connect(web.guest.vm.address(), port).await?.map(|talk| talk.banner));
        assert_eq!(from(8080).await?.as_deref(), Some("hello"));
        assert_eq!(from(80).await?, None);
        assert!(container.namespace.ping(peer.address())?.is_some());
        web.docker(&["rm", "--force", "c1"])?;
        assert_eq!(from(8080).await?, None);
        Ok(())
    });
}
