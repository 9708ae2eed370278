//! What `private-cloud-plugin install` writes, and that docker finds it. What CNI runtimes find is in `cni/runtime.rs`.

use super::scene::{DOCKER_NETWORK, SAME_SUBNET, container_vm, network, reaches, refusal};
use harness::docker::{Container, Docker, IMAGE};
use harness::error::claim;
use harness::guest::{Guest, on_container_fabric};
use harness::process::Process;
use harness::{Error, Result};
use std::path::Path;

/// The unit of the service.
const UNIT: &str = "/etc/systemd/system/private-cloud-plugin.service";

/// Starts what the unit says, as a service manager would.
fn start_service(guest: &Guest) -> Result<Process> {
    let unit = std::fs::read_to_string(guest.file(UNIT)).map_err(Error::io(format!("read {UNIT}")))?;
    let command = unit.lines().find_map(|line| line.strip_prefix("ExecStart="));
    let command = command.ok_or_else(|| Error::Claim(format!("no ExecStart in {unit}")))?;
    let mut words = command.split_whitespace();
    let program = words.next().unwrap_or_default();
    let service = guest.start("the service", Path::new(program), words)?;
    service.wait_for_line("the service listens", 0, |line| line.contains(" listens on ").then_some(()))?;
    Ok(service)
}

#[test]
fn after_install_and_what_it_says_comes_next_docker_works_without_further_settings() {
    on_container_fabric(1, async |fabric| {
        network(fabric, "VNet1").await?;
        let guest = Guest::boot(container_vm(fabric, "web", "VNet1").await?)?;
        let said = guest.plugin(&["install"])?;
        let steps: Vec<&str> = said.lines().map(str::trim).filter(|line| line.starts_with("docker context ")).collect();
        claim(steps.len() == 2, || said.clone())?;
        let _service = start_service(&guest)?;
        let _engine = Docker::start(&guest).await?;
        let shell = |line: &str| guest.run("sh", &["-c", line]);
        for step in steps {
            shell(step)?;
        }
        shell(&format!(
            "docker network create -d l2bridge --subnet=192.168.1.0/24 --gateway=192.168.1.1 {DOCKER_NETWORK}"
        ))?;
        shell(&format!("docker run -d --name first --network={DOCKER_NETWORK} {IMAGE} sleep 1000000"))?;
        let container = Container::find(&guest, "first")?;
        reaches(&container.namespace, guest.vm.address(), SAME_SUBNET)?;
        // The program that was installed, from the search path.
        let status = shell("private-cloud-plugin status")?;
        claim(status.contains(&format!("{} in 192.168.1.0/24 in use", container.address)), || status.clone())
    });
}

#[test]
fn install_may_be_repeated_and_uninstall_leaves_nothing_but_the_state() {
    on_container_fabric(1, async |fabric| {
        network(fabric, "VNet1").await?;
        let guest = Guest::boot(container_vm(fabric, "web", "VNet1").await?)?;
        let files = || guest.run("find", &["/etc/docker", "/etc/cni", "/etc/systemd/system", "/opt", "/usr/local/bin"]);
        guest.run("mkdir", &["-p", "/etc/docker", "/etc/cni", "/etc/systemd/system"])?;
        let before = files()?;
        let first = guest.plugin(&["install"])?;
        claim(first.contains(&format!("made {UNIT}")), || first.clone())?;
        let installed = files()?;
        let second = guest.plugin(&["install"])?;
        claim(!second.contains("made ") && !second.contains("replaced "), || second.clone())?;
        assert_eq!(files()?, installed);

        guest.plugin(&["uninstall"])?;
        let ours = |listing: &str| {
            listing.lines().filter(|line| line.contains("private-cloud") || line.contains("l2")).count()
        };
        assert_eq!(ours(&files()?), ours(&before));
        guest.plugin(&["uninstall"])?;
        refusal(guest.run("private-cloud-plugin", &["status"]))?;
        Ok(())
    });
}
