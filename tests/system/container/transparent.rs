//! transparent, on packets: C5 to C7 of the connectivity statements. (`containers.md` section 2)

use super::node::{ETH0, PEER, Site, on_a_wire, subnet};
use super::scene::reaches;
use harness::Result;
use harness::frames::FrameCapture;
use policy::net::MacAddr;
use private_cloud_plugin::network::Kind;
use private_cloud_plugin::vm::NetworkSpec;

/// The wire's own subnet, and one more that the wire's router has an address in.
fn with_transparent(site: &Site) -> Result<()> {
    site.peer.ip(&[format!("address add 10.20.1.1/24 dev {ETH0}")])?;
    for node in &site.nodes {
        let near = NetworkSpec { gateway: Some(PEER), ..subnet(Kind::Transparent, "10.20.0.0/24") };
        node.network("near", &near)?;
        node.network("far", &subnet(Kind::Transparent, "10.20.1.0/24"))?;
    }
    Ok(())
}

#[test]
fn c05_transparent_containers_of_one_node_are_bridged_with_their_own_macs() {
    on_a_wire(async |site| {
        with_transparent(site)?;
        let node = &site.nodes[0];
        let (a, b) = (node.container("near", [10, 20, 0, 101], &[])?, node.container("near", [10, 20, 0, 102], &[])?);
        let mut port = FrameCapture::start(&b.namespace, ETH0, "icmp")?;
        let mut wire = FrameCapture::start(&site.peer, ETH0, "icmp")?;
        reaches(&a.namespace, b.ip(), 64)?;
        let request = port.wait_for("ICMP echo request")?;
        assert_eq!((request.source, request.destination), (a.mac, b.mac));
        reaches(&a.namespace, node.address.into(), 64)?;
        reaches(&node.namespace, a.ip(), 64)?;
        reaches(&a.namespace, PEER.into(), 64)?;
        wire.wait_for(&format!("> {PEER}: ICMP echo request"))?;
        wire.never_saw(&b.address.to_string())
    });
}

#[test]
fn c06_transparent_containers_of_two_subnets_on_one_node_are_routed_by_the_node() {
    on_a_wire(async |site| {
        with_transparent(site)?;
        let node = &site.nodes[0];
        let (a, b) = (node.container("near", [10, 20, 0, 101], &[])?, node.container("far", [10, 20, 1, 101], &[])?);
        let mut port = FrameCapture::start(&b.namespace, ETH0, "icmp")?;
        reaches(&a.namespace, b.ip(), 63)?;
        let request = port.wait_for("ICMP echo request")?;
        assert_eq!(request.source, node.mac);
        assert!(request.text.starts_with(&a.address.to_string()), "{request:?}");
        Ok(())
    });
}

#[test]
fn c07_transparent_containers_are_seen_outside_as_themselves() {
    on_a_wire(async |site| {
        with_transparent(site)?;
        let [here, there] = &site.nodes;
        let a = here.container("near", [10, 20, 0, 101], &[])?;
        let b = there.container("near", [10, 20, 0, 102], &[])?;
        let c = there.container("far", [10, 20, 1, 101], &[])?;
        site.peer.command("sysctl").args(["-qw", "net.ipv4.ip_forward=1"]).status().expect("sysctl");

        let mut wire = FrameCapture::start(&site.peer, ETH0, "icmp or arp")?;
        reaches(&a.namespace, PEER.into(), 64)?;
        let request = wire.wait_for("ICMP echo request")?;
        assert_eq!(request.source, a.mac);
        assert!(request.text.starts_with(&format!("{} > {PEER}", a.address)), "{request:?}");
        reaches(&site.peer, a.ip(), 64)?;

        let mut far = FrameCapture::start(&b.namespace, ETH0, "icmp")?;
        reaches(&a.namespace, b.ip(), 64)?;
        assert_eq!(far.wait_for("ICMP echo request")?.source, a.mac);
        assert_eq!(ask_for(&mut wire, &b.address.to_string())?, a.mac, "neighbours are looked for on the wire");
        // Another subnet on another node: by way of the physical router, as any machine.
        reaches(&a.namespace, c.ip(), 63)
    });
}

/// Who asked for an address on the wire.
fn ask_for(wire: &mut FrameCapture, address: &str) -> Result<MacAddr> {
    Ok(wire.wait_for(&format!("Request who-has {address} "))?.source)
}
