//! The workflow with a real docker engine, command by command, and what a user meets when something is wrong.

use super::scene::{
    DOCKER_NETWORK, SAME_SUBNET, all, container_host, container_vm, contains, fill, network, plain_vm, reaches, refusal,
};
use harness::docker::{Container, ENGINE, IMAGE, docker};
use harness::error::claim;
use harness::guest::on_container_fabric;
use harness::plugin::{API, ContainerHost};
use harness::{Error, Result, wait};
use std::collections::BTreeSet;
use std::io::Write;
use std::process::Stdio;

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
fn containers_find_each_other_by_name_with_dockers_own_resolver() {
    on_container_fabric(1, async |fabric| {
        network(fabric, "VNet1").await?;
        let web = container_host(fabric, "l2bridge").await?;
        web.run(DOCKER_NETWORK, "c1")?;
        web.run(DOCKER_NETWORK, "c2")?;
        web.type_in("docker exec c1 ping -c 1 -w 5 c2").map(drop)
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
