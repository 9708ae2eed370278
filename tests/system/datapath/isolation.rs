//! What must never get through: other tenants, foreign sources, ports without policy, the host itself.

use super::tenant::{nic, open_network, vm};
use harness::fabric::on_fabric;
use std::net::IpAddr;

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
        let vm = vm(fabric, 0, "curious", "10.0.1.4", "blue/web", None).await?;
        let host = &fabric.hosts[0];
        // The host's end of the cable has a MAC; a curious guest could address frames to it.
        let mac = host.namespace.command("cat").arg(format!("/sys/class/net/{}/address", vm.port)).output();
        let mac = String::from_utf8_lossy(&mac.expect("a device").stdout).trim().to_owned();
        let management = IpAddr::V4(host.management);
        assert_eq!(vm.ping(management)?, None, "through the router");
        vm.namespace.ip(&[
            format!("route add {management}/32 dev eth0"),
            format!("neighbour replace {management} lladdr {mac} dev eth0 nud permanent"),
        ])?;
        assert_eq!(vm.ping(management)?, None, "to the host's device itself");
        assert!(vm.connect(management, 9443).await?.is_none(), "the agent's own API");
        Ok(())
    });
}
