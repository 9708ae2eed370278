//! Live migration: the same port profile appears on another host.

use super::tenant::{acl, open_network, vm};
use harness::documents::ALLOW_ALL;
use harness::fabric::on_fabric;
use harness::vm::Vm;
use harness::{Result, wait};

#[test]
fn a_migrated_vm_is_reached_at_its_new_host_and_forgotten_by_the_old() {
    on_fabric(3, async |fabric| {
        open_network(fabric, "blue").await?;
        acl(fabric, "no-80", &["100 in deny tcp * > *:80", ALLOW_ALL[0], ALLOW_ALL[1]]).await?;
        let at_the_old = vm(fabric, 0, "at-the-old", "10.0.1.4", "blue/web", None).await?;
        let at_the_new = vm(fabric, 1, "at-the-new", "10.0.1.5", "blue/web", None).await?;
        let elsewhere = vm(fabric, 2, "elsewhere", "10.0.2.4", "blue/db", None).await?;
        let mut moving = vm(fabric, 0, "moving", "10.0.1.9", "blue/web", Some("no-80")).await?;
        let _services = (moving.serve(80, "denied")?, moving.serve(81, "allowed")?);
        let mut conversation = elsewhere.connect(moving.address(), 81).await?.expect("a connection");

        fabric.migrate(&mut moving, 1).await?;
        for peer in [&at_the_old, &at_the_new, &elsewhere] {
            assert!(peer.ping(moving.address())?.is_some(), "from {}", peer.name);
            assert!(peer.connect(moving.address(), 80).await?.is_none(), "its list moved with it");
        }
        assert_eq!(conversation.say("still there").await.as_deref(), Some("still there"));

        wait::until("the old host has forgotten the port", async || {
            let ports = fabric.hosts[0].agent.ports().await.map_err(|error| error.to_string())?;
            let kept = ports.iter().find(|port| port.profile_id == moving.nic);
            kept.map_or(Ok(()), |port| Err(format!("{port:?}")))
        })
        .await
    });
}

#[test]
fn while_two_hosts_have_the_port_the_later_attachment_counts_whoever_repeats_the_earlier_one() {
    on_fabric(2, async |fabric| {
        open_network(fabric, "blue").await?;
        let peer = vm(fabric, 0, "peer", "10.0.1.4", "blue/web", None).await?;
        let source = vm(fabric, 0, "moving", "10.0.1.9", "blue/web", None).await?;
        let destination = fabric.plug_in(1, "moving").await?;
        let _services = (source.serve(80, "source")?, destination.serve(80, "destination")?);
        let host = &fabric.hosts[1];
        host.agent.attach(&host.namespace, &destination.port, destination.nic, destination.mac)?;
        wait::until("the peer reaches the destination", async || {
            let greeting = greeting(&peer, &source).await.map_err(|error| error.to_string())?;
            if greeting.as_deref() == Some("destination") { Ok(()) } else { Err(format!("{greeting:?} answers")) }
        })
        .await?;

        fabric.hosts[0].agent.process().kill()?;
        fabric.hosts[0].restart_agent()?;
        // Once a port that came later is bound, the controller has heard the restarted agent's whole report.
        vm(fabric, 0, "witness", "10.0.1.20", "blue/web", None).await?;
        assert_eq!(greeting(&peer, &source).await?.as_deref(), Some("destination"), "the source's agent restarted");

        fabric.controller.process().kill()?;
        fabric.restart_controller()?;
        vm(fabric, 0, "another", "10.0.1.21", "blue/web", None).await?;
        assert_eq!(greeting(&peer, &source).await?.as_deref(), Some("destination"), "the controller restarted");

        let host = &fabric.hosts[0];
        host.agent.detach(&host.namespace, &source.port, source.nic)?;
        fabric.in_force(&destination).await?;
        assert_eq!(greeting(&peer, &source).await?.as_deref(), Some("destination"), "the source let go");
        Ok(())
    });
}

/// Which of the VMs with the address of `vm` answers at it.
async fn greeting(from: &Vm, vm: &Vm) -> Result<Option<String>> {
    Ok(from.connect(vm.address(), 80).await?.map(|conversation| conversation.banner))
}
