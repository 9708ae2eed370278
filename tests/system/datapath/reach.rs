//! Who reaches whom within one virtual network, and what that looks like on the fabric.

use super::tenant::{OVER_THE_ROUTER, SAME_SUBNET, open_network, vm};
use harness::capture::Capture;
use harness::fabric::{FABRIC_DEVICE, on_fabric};
use harness::ping::Echo;

#[test]
fn vms_of_one_subnet_reach_each_other_on_one_host_and_across_hosts() {
    on_fabric(2, async |fabric| {
        open_network(fabric, "blue").await?;
        let first = vm(fabric, 0, "first", "10.0.1.4", "blue/web", None).await?;
        let neighbour = vm(fabric, 0, "neighbour", "10.0.1.5", "blue/web", None).await?;
        let remote = vm(fabric, 1, "remote", "10.0.1.6", "blue/web", None).await?;
        for (from, to) in [(&first, &neighbour), (&neighbour, &first), (&first, &remote), (&remote, &neighbour)] {
            let echo = from.ping(to.address())?;
            assert_eq!(echo, Some(Echo { ttl: SAME_SUBNET }), "{} > {}", from.name, to.name);
        }
        Ok(())
    });
}

#[test]
fn the_distributed_router_joins_subnets_on_one_host_and_across_hosts() {
    on_fabric(2, async |fabric| {
        open_network(fabric, "blue").await?;
        let web = vm(fabric, 0, "web", "10.0.1.4", "blue/web", None).await?;
        let near = vm(fabric, 0, "near", "10.0.2.4", "blue/db", None).await?;
        let far = vm(fabric, 1, "far", "10.0.2.5", "blue/db", None).await?;
        for (from, to) in [(&web, &near), (&web, &far), (&far, &web)] {
            let echo = from.ping(to.address())?;
            assert_eq!(echo, Some(Echo { ttl: OVER_THE_ROUTER }), "{} > {}", from.name, to.name);
        }
        for router in ["10.0.1.1", "10.0.2.1"] {
            assert!(web.ping(router.parse().unwrap())?.is_some(), "the router answers at {router}");
        }
        Ok(())
    });
}

#[test]
fn packets_on_the_fabric_carry_the_vsid_of_the_destinations_subnet() {
    on_fabric(2, async |fabric| {
        open_network(fabric, "blue").await?;
        let web = vm(fabric, 0, "web", "10.0.1.4", "blue/web", None).await?;
        let peer = vm(fabric, 1, "peer", "10.0.1.5", "blue/web", None).await?;
        let db = vm(fabric, 1, "db", "10.0.2.4", "blue/db", None).await?;
        let mut capture = Capture::start(&fabric.site, FABRIC_DEVICE)?;
        for (to, subnet) in [(&peer, "web"), (&db, "db")] {
            let document = fabric.rest().get(&format!("/virtualNetworks/blue/subnets/{subnet}")).await?;
            assert!(web.ping(to.address())?.is_some());
            let request = format!("IP {} > {}: ICMP echo request", web.address(), to.address());
            let packet = capture.wait_for("the ping is seen", |packet| packet.inner.contains(&request))?;
            assert_eq!(document["properties"]["virtualSubnetId"], packet.vni.to_string(), "{request}");
        }
        Ok(())
    });
}

#[test]
fn packets_between_vms_of_one_host_stay_off_the_fabric() {
    on_fabric(2, async |fabric| {
        open_network(fabric, "blue").await?;
        let first = vm(fabric, 0, "first", "10.0.1.4", "blue/web", None).await?;
        let neighbour = vm(fabric, 0, "neighbour", "10.0.1.5", "blue/web", None).await?;
        let remote = vm(fabric, 1, "remote", "10.0.1.6", "blue/web", None).await?;
        let mut capture = Capture::start(&fabric.site, FABRIC_DEVICE)?;
        assert!(first.ping(neighbour.address())?.is_some());
        // Sent after the local one: once it is seen, a local one would have been.
        assert!(first.ping(remote.address())?.is_some());
        capture.wait_for("the remote ping is seen", |packet| packet.inner.contains("10.0.1.6"))?;
        let local = format!("> {}", neighbour.address());
        assert!(capture.seen().iter().all(|packet| !packet.inner.contains(&local)));
        Ok(())
    });
}

#[test]
fn a_megabyte_over_tcp_arrives_unchanged_with_the_guests_offloads_on() {
    on_fabric(2, async |fabric| {
        open_network(fabric, "blue").await?;
        let client = vm(fabric, 0, "client", "10.0.1.4", "blue/web", None).await?;
        let peer = vm(fabric, 1, "peer", "10.0.1.5", "blue/web", None).await?;
        let _service = peer.serve(7, "echo")?;
        let mut conversation = client.connect(peer.address(), 7).await?.expect("a connection");
        // No two kilobytes are alike, so that a lost, doubled or swapped segment shows.
        let sent: String = (0..1024).map(|kilobyte| format!("{kilobyte:01024}")).collect();
        assert_eq!(conversation.say(&sent).await.as_deref(), Some(sent.as_str()));
        Ok(())
    });
}
