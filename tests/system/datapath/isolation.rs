//! What must never get through: other tenants, foreign sources, ports without policy, the host itself.

use super::forgery;
use super::tenant::{nic, open_network, vm};
use harness::fabric::{Host, on_fabric};
use harness::vm::{DEVICE, Vm};
use harness::{Error, Result};
use std::net::{IpAddr, UdpSocket};

#[test]
fn tenants_with_equal_addresses_reach_only_their_own_vms() {
    on_fabric(2, async |fabric| {
        open_network(fabric, "blue").await?;
        open_network(fabric, "red").await?;
        let blue_client = vm(fabric, 0, "blue-client", "10.0.1.4", "blue/web", None).await?;
        let blue_server = vm(fabric, 1, "blue-server", "10.0.1.5", "blue/web", None).await?;
        let red_client = vm(fabric, 0, "red-client", "10.0.1.4", "red/web", None).await?;
        let red_server = vm(fabric, 1, "red-server", "10.0.1.5", "red/web", None).await?;
        let only_red = vm(fabric, 1, "only-red", "10.0.2.9", "red/db", None).await?;
        let _services = (blue_server.serve(80, "blue")?, red_server.serve(80, "red")?);
        for (client, expected) in [(&blue_client, "blue"), (&red_client, "red")] {
            let conversation = client.connect(blue_server.address(), 80).await?;
            assert_eq!(conversation.map(|conversation| conversation.banner).as_deref(), Some(expected));
        }
        assert!(red_client.ping(only_red.address())?.is_some());
        assert_eq!(blue_client.ping(only_red.address())?, None);
        Ok(())
    });
}

#[test]
fn a_forged_source_address_or_mac_goes_nowhere() {
    on_fabric(2, async |fabric| {
        open_network(fabric, "blue").await?;
        let sender = vm(fabric, 0, "sender", "10.0.1.4", "blue/web", None).await?;
        let receiver = vm(fabric, 1, "receiver", "10.0.1.5", "blue/web", None).await?;
        let inbox = receiver.datagrams(receiver.address(), 5000)?;
        let target = (receiver.address(), 5000);

        let foreign: IpAddr = "10.0.1.77".parse().unwrap();
        sender.namespace.ip(&["address add 10.0.1.77/32 dev eth0"])?;
        sender.datagrams(foreign, 6000)?.send("forged address", target).await;
        // A device keeps its addresses and neighbours when its MAC changes.
        sender.namespace.ip(&["link set eth0 address 02:00:00:00:00:99"])?;
        sender.datagrams(sender.address(), 6001)?.send("forged mac", target).await;
        sender.namespace.ip(&[format!("link set eth0 address {}", sender.mac)])?;
        // Sent last: what arrives first tells whether one of the others came through.
        sender.datagrams(sender.address(), 6002)?.send("genuine", target).await;

        let (text, from) = inbox.receive().await.expect("the genuine datagram");
        assert_eq!((text.as_str(), from.port()), ("genuine", 6002));
        Ok(())
    });
}

#[test]
fn a_port_passes_nothing_until_its_policy_is_there() {
    on_fabric(1, async |fabric| {
        open_network(fabric, "blue").await?;
        let peer = vm(fabric, 0, "peer", "10.0.1.5", "blue/web", None).await?;
        nic(fabric, "late", "10.0.1.4", "blue/web", None).await?;
        let late = fabric.plug_in(0, "late").await?;
        assert_eq!(late.ping(peer.address())?, None, "plugged in, not attached");

        let host = &fabric.hosts[0];
        let stranger = "99999999-aaaa-4bbb-8ccc-dddddddddddd".parse().unwrap();
        host.agent.attach(&host.namespace, &late.port, stranger, late.mac)?;
        assert_eq!(late.ping(peer.address())?, None, "attached with a profile id that no NIC has");

        host.agent.detach(&host.namespace, &late.port, stranger)?;
        host.agent.attach(&host.namespace, &late.port, late.nic, late.mac)?;
        fabric.in_force(&late).await?;
        assert!(late.ping(peer.address())?.is_some(), "attached as what it is");
        Ok(())
    });
}

#[test]
fn a_port_with_another_mac_than_its_nic_stays_blocked_and_says_so() {
    on_fabric(1, async |fabric| {
        open_network(fabric, "blue").await?;
        let peer = vm(fabric, 0, "peer", "10.0.1.5", "blue/web", None).await?;
        nic(fabric, "wrong", "10.0.1.4", "blue/web", None).await?;
        let wrong = fabric.plug_in(0, "wrong").await?;
        let host = &fabric.hosts[0];
        host.agent.attach(&host.namespace, &wrong.port, wrong.nic, "02:00:00:00:00:99".parse().unwrap())?;
        let rest = fabric.rest();
        harness::wait::until("the NIC's state is Failure", async || {
            let nic = rest.get("/networkInterfaces/wrong").await.map_err(|error| error.to_string())?;
            let state = &nic["properties"]["configurationState"];
            let code = &state["detailedInfo"][0]["code"];
            let failed = state["status"] == "Failure" && *code == "PolicyConfigurationFailureOnVfp";
            if failed { Ok(()) } else { Err(state.to_string()) }
        })
        .await?;
        assert_eq!(wrong.ping(peer.address())?, None);
        Ok(())
    });
}

#[test]
fn a_vm_reaches_no_address_of_its_host() {
    on_fabric(1, async |fabric| {
        open_network(fabric, "blue").await?;
        let curious = vm(fabric, 0, "curious", "10.0.1.4", "blue/web", None).await?;
        let host = &fabric.hosts[0];
        let management = IpAddr::V4(host.management);
        assert_eq!(curious.ping(management)?, None, "through the router");
        curious.namespace.ip(&[format!("route add {management}/32 dev {DEVICE}")])?;
        assert_eq!(curious.ping(management)?, None, "asking for it on the wire");
        let neighbours = curious.namespace.command("ip").args(["neighbour", "show"]).output().expect("ip");
        let neighbours = String::from_utf8_lossy(&neighbours.stdout).into_owned();
        assert!(!neighbours.contains(&format!("{management} dev {DEVICE} lladdr")), "the host answered: {neighbours}");
        aim_at_host(&curious, host, management)?;
        assert_eq!(curious.ping(management)?, None, "to the MAC of the host's device");
        assert!(curious.connect(management, 9443).await?.is_none(), "the agent's own API");
        Ok(())
    });
}

#[test]
fn a_vm_cannot_play_a_host_and_inject_encapsulated_packets() {
    on_fabric(2, async |fabric| {
        open_network(fabric, "blue").await?;
        open_network(fabric, "red").await?;
        let victim = vm(fabric, 0, "victim", "10.0.1.4", "blue/web", None).await?;
        let peer = vm(fabric, 1, "peer", "10.0.1.5", "blue/web", None).await?;
        let attacker = vm(fabric, 0, "attacker", "10.0.1.4", "red/web", None).await?;
        let inbox = victim.datagrams(victim.address(), 5000)?;

        // The attacker knows everything: VSID, addresses, MACs. It pretends to be the other host.
        let subnet = fabric.rest().get("/virtualNetworks/blue/subnets/web").await?;
        let vsid: u32 = subnet["properties"]["virtualSubnetId"].as_str().unwrap_or_default().parse().expect("a VSID");
        let (here, there) = (fabric.hosts[0].provider_address()?, fabric.hosts[1].provider_address()?);
        let inner = forgery::datagram(&peer, &victim, 5000, "forged");
        attacker.namespace.ip(&[format!("address add {there}/32 dev {DEVICE}")])?;
        aim_at_host(&attacker, &fabric.hosts[0], here)?;
        let outer = attacker.datagrams(there, 4789)?;
        outer.send_bytes(&forgery::vxlan(vsid, &inner), (here, 4789)).await?;
        peer.datagrams(peer.address(), 5001)?.send("genuine", (victim.address(), 5000)).await;

        assert_eq!(inbox.receive_all().await, ["genuine"]);
        Ok(())
    });
}

#[test]
fn a_stranger_on_the_underlay_cannot_inject_packets() {
    on_fabric(2, async |fabric| {
        open_network(fabric, "blue").await?;
        let victim = vm(fabric, 0, "victim", "10.0.1.4", "blue/web", None).await?;
        let peer = vm(fabric, 1, "peer", "10.0.1.5", "blue/web", None).await?;
        let inbox = victim.datagrams(victim.address(), 5000)?;
        let subnet = fabric.rest().get("/virtualNetworks/blue/subnets/web").await?;
        let vsid: u32 = subnet["properties"]["virtualSubnetId"].as_str().unwrap_or_default().parse().expect("a VSID");
        let target = (fabric.hosts[0].provider_address()?, 4789);
        let payload = |text| forgery::vxlan(vsid, &forgery::datagram(&peer, &victim, 5000, text));
        // An address of the provider network that belongs to no host of the peer's.
        fabric.site.ip(&["address add 198.51.100.200/24 dev fabric"])?;
        let stranger = UdpSocket::bind("198.51.100.200:4789").expect("a socket in the site's namespace");
        stranger.send_to(&payload("forged"), target).expect("sent");
        assert_eq!(inbox.receive().await, None);
        // The same packet from the host that the peer is on is what that host's agent would send.
        let there = &fabric.hosts[1];
        let there_address = there.provider_address()?;
        let host = there.namespace.run(|| UdpSocket::bind((there_address, 0)).map_err(Error::io("bind")))?;
        host.send_to(&payload("well-formed"), target).expect("sent");
        assert_eq!(inbox.receive_all().await, ["well-formed"]);
        Ok(())
    });
}

/// Makes the VM address packets for `target` to the MAC of the host's end of its cable.
fn aim_at_host(vm: &Vm, host: &Host, target: IpAddr) -> Result<()> {
    let mut command = host.namespace.command("ip");
    let output = command.args(["-json", "link", "show", "dev", &vm.port]).output().map_err(Error::io("run ip"))?;
    let devices: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let mac = devices[0]["address"].as_str().unwrap_or_default();
    vm.namespace.ip(&[
        format!("route replace {target}/32 dev {DEVICE}"),
        format!("neighbour replace {target} lladdr {mac} dev {DEVICE} nud permanent"),
    ])
}
