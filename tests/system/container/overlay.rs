//! overlay, on packets: C8 to C11 of the connectivity statements. (`containers.md` section 2)

use super::node::{ETH0, Node, PEER, Site, on_a_wire, subnet};
use super::scene::{does_not_reach, reaches};
use harness::Result;
use harness::capture::Capture;
use policy::net::Vsid;
use private_cloud_plugin::hns;
use private_cloud_plugin::hns::options::NetworkOptions;
use private_cloud_plugin::hns::policy::SubnetVsid;
use private_cloud_plugin::hns::spec::SubnetSpec;
use private_cloud_plugin::network::overlay::{Overlay, Remote};
use private_cloud_plugin::network::{Endpoint, Kind};
use private_cloud_plugin::vm::NetworkSpec;

const WEB: u32 = 5001;
const DB: u32 = 5002;

/// Subnets `web` 10.1.1.0/24 and `db` 10.1.2.0/24 on both nodes; .4 of each is on the first node, .5 on the second.
fn with_overlay(site: &Site, outbound_nat: bool) -> Result<()> {
    let [here, there] = &site.nodes;
    for (node, other, octet) in [(here, there, 5), (there, here, 4)] {
        let remotes = vec![remote(WEB, [10, 1, 1, octet], other), remote(DB, [10, 1, 2, octet], other)];
        for (name, prefix, id) in [("web", "10.1.1.0/24", WEB), ("db", "10.1.2.0/24", DB)] {
            let overlay = Overlay { vsid: vsid(id), domain: "blue".to_owned(), remotes: remotes.clone(), outbound_nat };
            node.network(name, &NetworkSpec { overlay: Some(overlay), ..subnet(Kind::Overlay, prefix) })?;
        }
    }
    Ok(())
}

fn remote(id: u32, address: [u8; 4], host: &Node) -> Remote {
    let address = address.into();
    Remote { address, mac: Endpoint::usual_mac(address), vsid: vsid(id), host: host.address }
}

fn vsid(id: u32) -> Vsid {
    Vsid::new(id).expect("24 bits")
}

#[test]
fn c08_overlay_containers_of_one_node_and_subnet_are_bridged_without_vxlan() {
    on_a_wire(async |site| {
        with_overlay(site, false)?;
        let [here, there] = &site.nodes;
        let (a, b) = (here.container("web", [10, 1, 1, 4], &[])?, here.container("web", [10, 1, 1, 6], &[])?);
        let far = there.container("web", [10, 1, 1, 5], &[])?;
        let mut wire = Capture::start(&here.namespace, ETH0)?;
        reaches(&a.namespace, b.ip(), 64)?;
        reaches(&a.namespace, far.ip(), 64)?;
        wire.wait_for("the other ping", |packet| packet.inner.contains("10.1.1.5: ICMP echo request"))?;
        let leaked: Vec<_> = wire.seen().into_iter().filter(|packet| packet.inner.contains("10.1.1.6")).collect();
        assert!(leaked.is_empty(), "{leaked:?}");
        Ok(())
    });
}

/// Linux routes between the subnets without the detour of encapsulating for itself, so that VXLAN is seen on the way can be
/// claimed of Windows alone; what makes HNS do so, a VSID of its own for each subnet, is checked on the document.
#[test]
fn c09_overlay_containers_of_one_node_and_two_subnets_are_routed() {
    on_a_wire(async |site| {
        with_overlay(site, false)?;
        let here = &site.nodes[0];
        let (a, b) = (here.container("web", [10, 1, 1, 4], &[])?, here.container("db", [10, 1, 2, 4], &[])?);
        reaches(&a.namespace, b.ip(), 63)?;
        reaches(&b.namespace, a.ip(), 63)
    });
    let subnet = |prefix: &str| SubnetSpec { prefix: prefix.parse().expect("a prefix"), gateway: None };
    let spec = hns::spec::NetworkSpec {
        name: "blue".to_owned(),
        kind: Kind::Overlay,
        subnets: vec![subnet("10.1.1.0/24"), subnet("10.1.2.0/24")],
        options: NetworkOptions { vsids: vec![vsid(WEB), vsid(DB)], ..NetworkOptions::default() },
        remote_subnets: Vec::new(),
    };
    let document = hns::render::network(&spec).expect("a document");
    let policies = document.ipams[0].subnets.iter().flat_map(|subnet| &subnet.policies);
    let ids: Vec<_> =
        policies.filter_map(|policy| policy.settings::<SubnetVsid>()).map(|set| set.isolation_id).collect();
    assert_eq!(ids, [vsid(WEB), vsid(DB)]);
}

#[test]
fn c10_overlay_containers_reach_outside_by_a_nat_rule_with_tcp_and_not_with_icmp() {
    on_a_wire(async |site| {
        with_overlay(site, true)?;
        let here = &site.nodes[0];
        let a = here.container("web", [10, 1, 1, 4], &[])?;
        let _service = site.peer.serve(80, "outside")?;
        let conversation = a.namespace.connect(PEER.into(), 80).await?;
        assert_eq!(conversation.map(|conversation| conversation.banner).as_deref(), Some("outside"));
        let inbox = site.peer.datagrams(PEER.into(), 5000)?;
        a.namespace.datagrams(a.ip(), 6000)?.send("hello", (PEER.into(), 5000)).await;
        assert_eq!(inbox.receive().await.expect("the datagram").1.ip(), here.address);
        does_not_reach(&a.namespace, PEER.into())?;
        // Nobody outside has a way in.
        let _inside = a.namespace.serve(80, "inside")?;
        site.peer.ip(&[format!("route add 10.1.1.0/24 via {}", here.address)])?;
        assert!(site.peer.connect(a.ip(), 80).await?.is_none());
        Ok(())
    });
}

#[test]
fn without_a_nat_rule_overlay_containers_do_not_reach_outside() {
    on_a_wire(async |site| {
        with_overlay(site, false)?;
        let a = site.nodes[0].container("web", [10, 1, 1, 4], &[])?;
        let _service = site.peer.serve(80, "outside")?;
        assert!(a.namespace.connect(PEER.into(), 80).await?.is_none());
        does_not_reach(&a.namespace, PEER.into())
    });
}

#[test]
fn c11_overlay_containers_of_two_nodes_talk_in_vxlan_whose_vni_is_the_vsid() {
    on_a_wire(async |site| {
        with_overlay(site, false)?;
        let [here, there] = &site.nodes;
        let a = here.container("web", [10, 1, 1, 4], &[])?;
        let (same, cross) = (there.container("web", [10, 1, 1, 5], &[])?, there.container("db", [10, 1, 2, 5], &[])?);
        // The capture takes UDP to port 4789 alone.
        let mut wire = Capture::start(&there.namespace, ETH0)?;
        reaches(&a.namespace, same.ip(), 64)?;
        let packet = wire.wait_for("the same subnet", |packet| packet.inner.contains("10.1.1.5: ICMP echo request"))?;
        assert_eq!(packet.vni, WEB);
        reaches(&a.namespace, cross.ip(), 63)?;
        let packet =
            wire.wait_for("the other subnet", |packet| packet.inner.contains("10.1.2.5: ICMP echo request"))?;
        assert_eq!(packet.vni, DB);
        Ok(())
    });
}
