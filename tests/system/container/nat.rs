//! nat, on packets: C1 to C4 of the connectivity statements, F8 to F10 of the firewall's. (`containers.md` section 2,
//! `firewall-defaults.md` section 3)

use super::node::{ETH0, PEER, Site, on_a_wire, rules, subnet};
use super::scene::{does_not_reach, reaches};
use harness::error::claim;
use harness::frames::FrameCapture;
use harness::{Error, Result, support};
use private_cloud_plugin::network::{Kind, PublishedPort, Transport};
use private_cloud_plugin::vm::VmError;

const WEB: PublishedPort = PublishedPort { protocol: Transport::Tcp, external: 8080, internal: 80 };

fn with_nat(site: &Site) -> Result<()> {
    site.nodes.iter().try_for_each(|node| node.network("nat", &subnet(Kind::Nat, "172.20.0.0/24")))
}

#[test]
fn c01_nat_containers_of_one_node_are_bridged_without_a_nat_entry() {
    on_a_wire(async |site| {
        with_nat(site)?;
        let node = &site.nodes[0];
        let (a, b) = (node.container("nat", [172, 20, 0, 2], &[])?, node.container("nat", [172, 20, 0, 3], &[])?);
        // The node tracks what passes its own stack; a counter there sees every new flow.
        let probe =
            "table ip probe { chain new { type filter hook prerouting priority -300; ip saddr 172.20.0.2 counter; }; }";
        rules(&node.namespace, &[probe])?;
        reaches(&a.namespace, b.ip(), 64)?;
        let seen = rules(&node.namespace, &["list", "table", "ip", "probe"])?;
        claim(seen.contains("counter packets 0 "), || format!("the node's own stack saw a packet: {seen}"))?;
        reaches(&a.namespace, PEER.into(), 63)?;
        let seen = rules(&node.namespace, &["list", "table", "ip", "probe"])?;
        claim(!seen.contains("counter packets 0 "), || "the counter counts nothing".to_owned())
    });
}

#[test]
fn c02_a_second_nat_prefix_is_refused() {
    on_a_wire(async |site| {
        with_nat(site)?;
        let refused = site.nodes[0].try_network("other", &subnet(Kind::Nat, "172.21.0.0/24"))?;
        assert!(matches!(refused, Err(VmError::SecondNat { .. })), "{refused:?}");
        let text = refused.unwrap_err().to_string();
        assert!(text.contains("one internal prefix") && text.contains("private-cloud-plugin forget nat)"), "{text}");
        Ok(())
    });
}

#[test]
fn c03_a_nat_container_reaches_outside_with_the_nodes_address() {
    on_a_wire(async |site| {
        with_nat(site)?;
        let node = &site.nodes[0];
        let a = node.container("nat", [172, 20, 0, 2], &[])?;
        let mut wire = FrameCapture::start(&site.peer, ETH0, "icmp")?;
        reaches(&a.namespace, PEER.into(), 63)?;
        let request = wire.wait_for("ICMP echo request")?;
        assert_eq!(request.source, node.mac);
        assert!(request.text.starts_with(&format!("{} > {PEER}", node.address)), "{request:?}");

        let inbox = site.peer.datagrams(PEER.into(), 5000)?;
        a.namespace.datagrams(a.ip(), 6000)?.send("hello", (PEER.into(), 5000)).await;
        let (_, from) = inbox.receive().await.expect("the datagram");
        assert_eq!(from.ip(), node.address);
        Ok(())
    });
}

#[test]
fn c04_nat_containers_of_two_nodes_meet_at_published_ports_only() {
    on_a_wire(async |site| {
        with_nat(site)?;
        let [here, there] = &site.nodes;
        let a = here.container("nat", [172, 20, 0, 2], &[])?;
        let b = there.container("nat", [172, 20, 0, 9], &[WEB])?;
        let _service = b.namespace.serve(80, "b")?;
        does_not_reach(&a.namespace, b.ip())?;
        let conversation = a.namespace.connect(there.address.into(), 8080).await?;
        assert_eq!(conversation.map(|conversation| conversation.banner).as_deref(), Some("b"));
        assert!(here.namespace.connect(there.address.into(), 8080).await?.is_some(), "from the other node itself");
        assert!(there.namespace.connect(there.address.into(), 8080).await?.is_some(), "from its own node");
        let neighbour = there.container("nat", [172, 20, 0, 8], &[])?;
        assert!(neighbour.namespace.connect(there.address.into(), 8080).await?.is_some(), "from its own neighbour");
        Ok(())
    });
}

/// The chains and the policy that a docker engine sets up when it manages the packet filter.
const DOCKERS_FILTER: &str = "
*filter
:FORWARD DROP
:DOCKER-USER -
-A FORWARD -j DOCKER-USER
-A DOCKER-USER -j RETURN
COMMIT
";

#[test]
fn a_docker_engine_that_forbids_forwarding_does_not_cut_nat_containers_off() {
    if !support::on_path("iptables") {
        return support::skip_aloud("iptables (package iptables)");
    }
    on_a_wire(async |site| {
        with_nat(site)?;
        let node = &site.nodes[0];
        let restore = format!("echo '{DOCKERS_FILTER}' | iptables-restore");
        let status = node.namespace.command("sh").args(["-c", &restore]).status().map_err(Error::io("run sh"))?;
        claim(status.success(), || "the filter is not there".to_owned())?;
        let first = node.container("nat", [172, 20, 0, 2], &[WEB])?;
        let _second = node.container("nat", [172, 20, 0, 3], &[])?;
        reaches(&first.namespace, PEER.into(), 63)?;
        let _service = first.namespace.serve(80, "first")?;
        assert!(site.peer.connect(node.address.into(), 8080).await?.is_some());
        let filter = rules(&node.namespace, &["list", "chain", "ip", "filter", "DOCKER-USER"])?;
        assert_eq!(filter.matches("accept").count(), 2, "once for each direction: {filter}");
        // What docker's filter lets through is still judged.
        site.peer.ip(&[format!("route add 172.20.0.0/24 via {}", node.address)])?;
        assert!(site.peer.connect(first.ip(), 80).await?.is_none());
        Ok(())
    });
}

#[test]
fn f08_an_unpublished_port_of_a_nat_container_has_no_way_in() {
    on_a_wire(async |site| {
        with_nat(site)?;
        let node = &site.nodes[0];
        let a = node.container("nat", [172, 20, 0, 2], &[WEB])?;
        let _services = (a.namespace.serve(80, "80")?, a.namespace.serve(81, "81")?);
        assert!(site.peer.connect(node.address.into(), 81).await?.is_none());
        // Even one who knows the way is not let in.
        site.peer.ip(&[format!("route add 172.20.0.0/24 via {}", node.address)])?;
        assert!(site.peer.connect(a.ip(), 80).await?.is_none());
        assert!(site.peer.connect(a.ip(), 81).await?.is_none());
        assert!(site.peer.connect(node.address.into(), 8080).await?.is_some(), "the service is there");
        Ok(())
    });
}

#[test]
fn f09_a_published_port_has_its_mapping_and_its_firewall_rule() {
    on_a_wire(async |site| {
        with_nat(site)?;
        let node = &site.nodes[0];
        let a = node.container("nat", [172, 20, 0, 2], &[WEB])?;
        let _service = a.namespace.serve(80, "a")?;
        let conversation = site.peer.connect(node.address.into(), 8080).await?;
        assert_eq!(conversation.map(|conversation| conversation.banner).as_deref(), Some("a"));
        let mapping = rules(&node.namespace, &["list", "ruleset"])?;
        assert!(mapping.contains("tcp . 8080 : 172.20.0.2 . 80"), "{mapping}");
        let firewall = rules(&a.namespace, &["list", "ruleset"])?;
        assert!(firewall.contains("tcp dport 80 accept"), "{firewall}");
        Ok(())
    });
}

#[test]
fn f10_the_mapping_goes_with_the_container() {
    on_a_wire(async |site| {
        with_nat(site)?;
        let node = &site.nodes[0];
        let a = node.container("nat", [172, 20, 0, 2], &[WEB])?;
        let service = a.namespace.serve(80, "a")?;
        assert!(site.peer.connect(node.address.into(), 8080).await?.is_some());
        node.remove(&a)?;
        drop((service, a));
        assert!(!rules(&node.namespace, &["list", "ruleset"])?.contains("8080"));
        assert!(site.peer.connect(node.address.into(), 8080).await?.is_none());
        // The rule went with the namespace; the port is free for another container.
        let b = node.container("nat", [172, 20, 0, 3], &[WEB])?;
        let _service = b.namespace.serve(80, "b")?;
        let conversation = site.peer.connect(node.address.into(), 8080).await?;
        assert_eq!(conversation.map(|conversation| conversation.banner).as_deref(), Some("b"));
        Ok(())
    });
}
