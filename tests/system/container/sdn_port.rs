//! Firewall of ports on an SDN host: F21 to F26, all on packets through controller and agent.
//! (`firewall-defaults.md` section 3)

use super::scene::{
    DOCKER_NETWORK, QUARANTINE, SAME_SUBNET, container_host, does_not_reach, enforced, near, network, plain_vm,
    reaches, set_address, vm_with,
};
use harness::Result;
use harness::documents::{self, ALLOW_ALL};
use harness::error::claim;
use harness::fabric::{Fabric, on_fabric};
use harness::guest::on_container_fabric;
use harness::plugin::ContainerHost;
use private_cloud_plugin::firewall::{self, Era, Isolation, Place, Scope, from_acl};
use private_cloud_plugin::hns::json;
use private_cloud_plugin::hns::policy::AclSettings;
use private_cloud_plugin::network::Kind;

/// Two containers in one VM and subnet, and a list on both addresses that blocks what comes to them.
async fn quarantined(fabric: &Fabric, driver: &str) -> Result<(ContainerHost, [harness::docker::Container; 2])> {
    network(fabric, "VNet1").await?;
    let web = container_host(fabric, driver).await?;
    let pair = [web.run(DOCKER_NETWORK, "first")?, web.run(DOCKER_NETWORK, "second")?];
    reaches(&pair[0].namespace, pair[1].address, SAME_SUBNET)?;
    for container in &pair {
        set_address(fabric, "web", container.address, QUARANTINE).await?;
    }
    Ok((web, pair))
}

#[test]
fn f21_a_list_of_the_host_does_not_apply_between_l2bridge_containers_of_one_vm_and_subnet() {
    on_container_fabric(1, async |fabric| {
        let (_web, [a, b]) = quarantined(fabric, "l2bridge").await?;
        reaches(&a.namespace, b.address, SAME_SUBNET)?;
        reaches(&b.namespace, a.address, SAME_SUBNET)
    });
}

#[test]
fn f22_a_list_of_the_host_applies_between_l2tunnel_containers_of_one_vm_and_subnet() {
    on_container_fabric(1, async |fabric| {
        let (_web, [a, b]) = quarantined(fabric, "l2tunnel").await?;
        does_not_reach(&a.namespace, b.address)?;
        does_not_reach(&b.namespace, a.address)?;
        set_address(fabric, "web", b.address, "AllowAll").await?;
        reaches(&a.namespace, b.address, SAME_SUBNET)
    });
}

#[test]
fn f23_a_port_without_policy_denies_everything() {
    on_fabric(1, async |fabric| {
        network(fabric, "VNet1").await?;
        let peer = plain_vm(fabric, 0, "peer", "VNet1/Subnet1", 20).await?;
        let _service = peer.serve(80, "peer")?;
        let nic = documents::nic(None, &[documents::address("ip", "192.168.1.21", "VNet1/Subnet1", Some("AllowAll"))]);
        fabric.rest().put("/networkInterfaces/late", &nic).await?;
        let late = fabric.plug_in(0, "late").await?;
        let host = &fabric.hosts[0];
        // Attached with a profile id that no policy is for.
        let stranger = "99999999-aaaa-4bbb-8ccc-dddddddddddd".parse().expect("an id");
        host.agent.attach(&host.namespace, &late.port, stranger, late.mac)?;
        does_not_reach(&late.namespace, peer.address())?;
        does_not_reach(&peer.namespace, late.address())?;
        assert!(late.connect(peer.address(), 80).await?.is_none());

        host.agent.detach(&host.namespace, &late.port, stranger)?;
        host.agent.attach(&host.namespace, &late.port, late.nic, late.mac)?;
        fabric.in_force(&late).await?;
        reaches(&late.namespace, peer.address(), SAME_SUBNET)
    });
}

#[test]
fn f24_the_last_known_policy_stays_when_the_controller_goes_and_the_agent_restarts() {
    on_fabric(1, async |fabric| {
        network(fabric, "VNet1").await?;
        let client = plain_vm(fabric, 0, "client", "VNet1/Subnet1", 20).await?;
        let server = plain_vm(fabric, 0, "server", "VNet1/Subnet1", 21).await?;
        enforced(&fabric.rest().put("/accessControlLists/AllowAll", &documents::acl(&NO_80)).await?)?;
        let _services = (server.serve(80, "80")?, server.serve(81, "81")?);
        let guarded = async || -> Result<()> {
            claim(client.connect(server.address(), 80).await?.is_none(), || "port 80 is open".to_owned())?;
            claim(client.connect(server.address(), 81).await?.is_some(), || "port 81 is closed".to_owned())
        };
        guarded().await?;
        fabric.controller.process().kill()?;
        guarded().await?;
        fabric.hosts[0].agent.process().kill()?;
        fabric.hosts[0].restart_agent()?;
        guarded().await
    });
}

/// Port 80 is denied, everything else allowed.
const NO_80: [&str; 3] = ["100 in deny tcp * > *:80", ALLOW_ALL[0], ALLOW_ALL[1]];

#[test]
fn f25_a_new_deny_rule_stops_an_established_flow_with_its_next_packet() {
    on_fabric(1, async |fabric| {
        network(fabric, "VNet1").await?;
        let client = plain_vm(fabric, 0, "client", "VNet1/Subnet1", 20).await?;
        let server = plain_vm(fabric, 0, "server", "VNet1/Subnet1", 21).await?;
        let _services = (server.serve(80, "80")?, server.serve(81, "81")?);
        let mut denied = client.connect(server.address(), 80).await?.expect("a connection");
        let mut other = client.connect(server.address(), 81).await?.expect("a connection");
        assert_eq!(denied.say("before").await.as_deref(), Some("before"));
        enforced(&fabric.rest().put("/accessControlLists/AllowAll", &documents::acl(&NO_80)).await?)?;
        assert_eq!(denied.say("after").await, None);
        assert_eq!(other.say("after").await.as_deref(), Some("after"));
        Ok(())
    });
}

/// The tiers of an SDN port are layers in series. Ours are the controller's lists on the physical host and the rules of the
/// container's own port in the VM, which its administrator sets: a packet has to pass both.
#[test]
fn f26_a_packet_has_to_pass_every_tier() {
    on_container_fabric(1, async |fabric| {
        network(fabric, "VNet1").await?;
        let server = vm_with(fabric, 0, "server", "VNet1/Subnet1", 21, []).await?;
        let client = plain_vm(fabric, 0, "client", "VNet1/Subnet1", 20).await?;
        let _services = (server.serve(80, "80")?, server.serve(81, "81")?);
        let reached = async || -> Result<[bool; 2]> {
            Ok([client.connect(near(21), 80).await?.is_some(), client.connect(near(21), 81).await?.is_some()])
        };
        assert_eq!(reached().await?, [true, true]);

        // The administrator's tier blocks what the controller's allows.
        let block = r#"{"Protocols": "6", "Action": "Block", "Direction": "In", "LocalPorts": "81", "Priority": 100}"#;
        let (_, rule) = from_acl(&json::read::<AclSettings>(block).expect("an ACL")).expect("a rule");
        let rules = firewall::defaults(Kind::L2Bridge, Isolation::Process, Era::Current);
        let rules =
            rules.with_user_rules(Kind::L2Bridge, Isolation::Process, [(Place::Switch, rule)]).expect("allowed");
        let text = firewall::render(&rules, Scope { endpoint: "port", interface: Some(harness::vm::DEVICE) });
        super::node::rules(&server.namespace, &[&text])?;
        assert_eq!(reached().await?, [true, false]);

        // The controller's tier blocks what the administrator's allows.
        enforced(&fabric.rest().put("/accessControlLists/AllowAll", &documents::acl(&NO_80)).await?)?;
        assert_eq!(reached().await?, [false, false]);
        Ok(())
    });
}
