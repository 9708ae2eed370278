//! After the claims: where everything is, and what to try next.

use super::relay;
use super::report::say;
use super::tenants::{RUN, Tenants, Web};
use crate::borrow;
use harness::docker::IMAGE;
use harness::fabric::Fabric;
use harness::namespace::Namespace;
use harness::plugin::API;
use harness::{Error, Result, binaries};
use std::net::SocketAddr;

/// Ports that the lab takes on the caller's loopback, if they are free.
const CONTROLLER_PORT: u16 = 8080;
const FIRST_AGENT_PORT: u16 = 9443;

/// Opens the lab to the caller's loopback, tells how to use it, and stays.
pub(super) async fn stay(home: &Namespace, fabric: &Fabric, tenants: &Tenants) -> Result<()> {
    let controller = relay::start(home, CONTROLLER_PORT, address_of(fabric.controller.url())?)?;
    say!("\nThe lab stays up until Ctrl-C. From any shell of this machine:");
    say!("  controller     http://{controller}/networking/v1/   /metrics   /openapi.json");
    let mut agents = Vec::new();
    for (host, port) in fabric.hosts.iter().zip(FIRST_AGENT_PORT..) {
        let agent = relay::start(home, port, address_of(host.agent.url())?)?;
        say!("  agent {}   http://{agent}/v1/status   /v1/ports   /metrics", host.name);
        agents.push(agent);
    }

    let Tenants { web, client, .. } = tenants;
    let web = web.vm();
    let program = binaries::path(binaries::AGENT)?;
    let program = program.display();
    say!("\nNetwork interfaces, and where they are enforced:");
    say!("  curl -s http://{controller}/networking/v1/networkInterfaces/{}", web.name);
    say!("\nWhy a packet passes or not, step by step:");
    let [source, destination] = [client.address(), web.address()];
    let words = format!("--port {} --proto tcp --src {source} --dst {destination}", client.nic);
    say!("  {program} trace --agent http://{} {words} --sport 40000 --dport 80 --direction out", agents[client.host]);
    let nsenter = if borrow::has_borrowed() {
        format!("nsenter -t {} -U --preserve-credentials", std::process::id())
    } else {
        "nsenter".to_owned()
    };
    say!("\nInside a VM:");
    for vm in [client, web, &tenants.database, &tenants.red_web, &tenants.red_client] {
        say!("  {nsenter} --net={} ping {}    # {}", vm.namespace.path().display(), web.address(), vm.name);
    }
    if let Web::Docker(host) = &tenants.web {
        let vm = &host.guest.vm;
        say!(
            "\nDocker in VM {}, whose containers are on the tenant network; a shell of the VM, and what to type in it:",
            vm.name
        );
        let enter = format!("{:?}", host.guest.command("env")).replace('"', "");
        say!("  {enter} DOCKER_HOST={API} sh");
        say!("    docker exec web1 ping -c 3 {}", client.address());
        say!("    docker rm --force web10; {RUN} -it {IMAGE} sh");
        say!("    {} status", binaries::path(binaries::PLUGIN)?.display());
    }
    say!("\nOn the fabric:");
    say!("  {nsenter} --net={} tcpdump -nn -i fabric udp port 4789", fabric.site.path().display());
    std::future::pending().await
}

fn address_of(url: &str) -> Result<SocketAddr> {
    let address = url.trim_start_matches("http://").trim_end_matches('/').parse();
    address.map_err(|_| Error::Claim(format!("'{url}' has no address")))
}
