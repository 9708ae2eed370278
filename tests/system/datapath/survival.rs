//! Hosts fail static, and the controller forgets nothing it acknowledged.

use super::tenant::{acl, nic, open_network, vm};
use harness::documents::{self, ALLOW_ALL};
use harness::error::claim;
use harness::fabric::{Fabric, on_fabric};
use harness::probe::Service;
use harness::rest::{Method, Rest};
use harness::vm::Vm;
use harness::{Result, wait};
use policy::report::PortResult;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::mpsc::unbounded_channel;

/// Port 80 is denied, everything else allowed.
const NO_80: [&str; 3] = ["100 in deny tcp * > *:80", ALLOW_ALL[0], ALLOW_ALL[1]];

/// Writes that clients mean to make while the controller is killed.
const WRITES: usize = 1000;

/// Acknowledged writes after which it is killed.
const KILL_AFTER: usize = 300;

/// Clients that write at once.
const WRITERS: usize = 16;

/// A client and a server on two hosts, and a list, `guard`, on the server that denies one of its two services.
struct GuardedPair {
    client: Vm,
    server: Vm,
    _services: [Service; 2],
}

impl GuardedPair {
    async fn set_up(fabric: &Fabric) -> Result<Self> {
        open_network(fabric, "blue").await?;
        acl(fabric, "guard", &NO_80).await?;
        let client = vm(fabric, 0, "client", "10.0.1.4", "blue/web", None).await?;
        let server = vm(fabric, 1, "server", "10.0.1.5", "blue/web", Some("guard")).await?;
        let services = [server.serve(80, "80")?, server.serve(81, "81")?];
        Ok(Self { client, server, _services: services })
    }

    /// Whether new flows to the server's ports 80 and 81 come through.
    async fn reached(&self) -> Result<[bool; 2]> {
        let guarded = self.client.connect(self.server.address(), 80).await?;
        let open = self.client.connect(self.server.address(), 81).await?;
        Ok([guarded.is_some(), open.is_some()])
    }
}

#[test]
fn hosts_keep_enforcing_while_the_controller_is_gone() {
    on_fabric(2, async |fabric| {
        let pair = GuardedPair::set_up(fabric).await?;
        fabric.controller.process().kill()?;
        assert_eq!(pair.reached().await?, [false, true]);
        Ok(())
    });
}

#[test]
fn an_agent_restarted_without_the_controller_enforces_what_it_last_accepted_before_it_listens() {
    on_fabric(2, async |fabric| {
        let pair = GuardedPair::set_up(fabric).await?;
        let before = fabric.hosts[1].agent.status().await?;
        fabric.controller.process().kill()?;
        fabric.hosts[1].agent.process().kill()?;
        assert_eq!(pair.reached().await?, [false, false], "nobody forwards without an agent");

        fabric.hosts[1].restart_agent()?;
        let after = fabric.hosts[1].agent.status().await?;
        assert!(before.in_force.is_some());
        assert_eq!(after.in_force, before.in_force);
        assert_ne!(after.instance, before.instance);
        let ports = fabric.hosts[1].agent.ports().await?;
        assert!(ports.iter().all(|port| port.result == PortResult::Success), "{ports:?}");
        assert_eq!(pair.reached().await?, [false, true]);
        Ok(())
    });
}

#[test]
fn an_agent_that_was_away_during_a_change_converges() {
    on_fabric(2, async |fabric| {
        let pair = GuardedPair::set_up(fabric).await?;
        fabric.hosts[1].agent.process().kill()?;
        let path = "/accessControlLists/guard";
        fabric.rest().send(Method::PUT, path, Some(&documents::acl(&ALLOW_ALL)), &[]).await?;
        fabric.hosts[1].restart_agent()?;
        wait::until("the change is in force", async || {
            let reached = pair.reached().await.map_err(|error| error.to_string())?;
            if reached == [true, true] { Ok(()) } else { Err(format!("{reached:?}")) }
        })
        .await
    });
}

#[test]
fn a_controller_killed_during_a_thousand_writes_has_every_acknowledged_one_and_no_half_one() {
    on_fabric(1, async |fabric| {
        open_network(fabric, "blue").await?;
        let first = vm(fabric, 0, "first", "10.0.1.4", "blue/web", None).await?;
        let bulk = documents::virtual_network("172.16.0.0/16", &[documents::subnet("all", "172.16.0.0/16", None)]);
        fabric.rest().put("/virtualNetworks/bulk", &bulk).await?;
        let acknowledged = kill_during_writes(fabric).await?;
        assert!(acknowledged.len() >= KILL_AFTER, "{} were acknowledged", acknowledged.len());
        assert!(acknowledged.len() < WRITES, "the kill came after the last write");

        fabric.restart_controller()?;
        let rest = fabric.rest();
        let stored: BTreeMap<String, String> = rest
            .list("/networkInterfaces")
            .await?
            .into_iter()
            .map(|nic| {
                let addresses = nic["properties"]["ipConfigurations"].as_array().map_or(0, Vec::len);
                let name = nic["resourceId"].as_str().unwrap_or_default().to_owned();
                assert_eq!(addresses, if name == "first" { 1 } else { 2 }, "{name} is whole");
                (name, nic["etag"].to_string())
            })
            .collect();
        for (name, etag) in &acknowledged {
            assert_eq!(stored.get(name), Some(etag), "{name} was acknowledged");
        }
        let subnet = rest.get("/virtualNetworks/bulk/subnets/all").await?;
        let referring = subnet["properties"]["ipConfigurations"].as_array().map_or(0, Vec::len);
        assert_eq!(referring, 2 * (stored.len() - 1), "every address that is there holds its reference, no other does");

        // The agents converge: a write of the new life is in force on the host.
        acl(fabric, "open", &["100 in deny * * > 10.0.1.4", ALLOW_ALL[0], ALLOW_ALL[1]]).await?;
        nic(fabric, "second", "10.0.1.5", "blue/web", None).await?;
        let second = fabric.boot(0, "second").await?;
        assert_eq!(second.ping(first.address())?, None);
        assert!(first.ping(second.address())?.is_some());
        Ok(())
    });
}

/// Writes NICs from many clients at once, kills the controller in the middle, and gives the acknowledged ones with the
/// etag of their answer.
async fn kill_during_writes(fabric: &mut Fabric) -> Result<BTreeMap<String, String>> {
    let rest = fabric.rest();
    let next = Arc::new(AtomicUsize::new(0));
    let (sender, mut answers) = unbounded_channel();
    for _ in 0..WRITERS {
        let (rest, next, sender) = (rest.clone(), Arc::clone(&next), sender.clone());
        tokio::spawn(async move {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= WRITES {
                    break;
                }
                // A connection that breaks ends this client; the others see the same.
                let Ok(answer) = write(&rest, number).await else { break };
                if sender.send(answer).is_err() {
                    break;
                }
            }
        });
    }
    drop(sender);
    let mut acknowledged = BTreeMap::new();
    while let Some((name, etag)) = answers.recv().await {
        acknowledged.insert(name, etag);
        if acknowledged.len() == KILL_AFTER {
            fabric.controller.process().kill()?;
        }
    }
    Ok(acknowledged)
}

/// Creates a NIC with two addresses that no other has; gives its name and etag.
async fn write(rest: &Rest, number: usize) -> Result<(String, String)> {
    let name = format!("nic-{number}");
    let addresses = [0, 1].map(|which| {
        let host = 2 * number + which;
        let address = format!("172.16.{}.{}", 1 + host / 200, 1 + host % 200);
        documents::address(&which.to_string(), &address, "bulk/all", None)
    });
    let (path, nic) = (format!("/networkInterfaces/{name}"), documents::nic(None, &addresses));
    let reply = rest.send(Method::PUT, &path, Some(&nic), &[]).await?;
    claim(reply.status == 201, || format!("{} {}", reply.status, reply.body))?;
    Ok((name, reply.body["etag"].to_string()))
}
