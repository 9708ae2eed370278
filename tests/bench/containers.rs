//! What the guest side costs: throughput between containers of one VM beside docker's own bridge, to another host beside what
//! the VM itself gets, and the start of a container beside one without a network.

use crate::http::quantile;
use crate::table::Row;
use harness::docker::{Container, IMAGE};
use harness::documents::{self, ALLOW_ALL};
use harness::fabric::Fabric;
use harness::guest::on_container_fabric;
use harness::iperf::{tcp_mbps, tcp_mbps_between};
use harness::plugin::ContainerHost;
use harness::vm::{Configure, Vm};
use harness::{Error, Result};
use std::time::{Duration, Instant};

/// Of each measurement of throughput.
const SECONDS: u32 = 4;
const ROUNDS: usize = 3;
/// Containers that are started one after the other.
const STARTS: usize = 20;

/// Runs the benchmark `containers`.
pub(crate) fn run() -> Vec<Row> {
    let mut rows = Vec::new();
    on_container_fabric(2, async |fabric| {
        rows = measure(fabric).await?;
        Ok(())
    });
    rows
}

async fn measure(fabric: &Fabric) -> Result<Vec<Row>> {
    let host = ContainerHost::start(vm(fabric, 0, "host", 9, 101..=110).await?).await?;
    let far = vm(fabric, 1, "far", 20, []).await?;
    host.docker(&["network", "create", "-d", "bridge", "--subnet=172.30.0.0/24", "own"])?;
    let [own, bridge, tunnel] = ["own", "l2bridge", "l2tunnel"].map(|driver| pair(&host, driver));
    let (own, bridge, tunnel) = (own?, bridge?, tunnel?);

    let between =
        |[from, to]: &[Container; 2]| median(|| tcp_mbps_between(&from.namespace, &to.namespace, to.address, SECONDS));
    let from_container =
        |from: &Container| median(|| tcp_mbps_between(&from.namespace, &far.namespace, far.address(), SECONDS));
    let from_vm = median(|| tcp_mbps(&host.guest.vm, &far, SECONDS))?;
    let docker_own = between(&own)?;
    let started = |network: &str| start_time(&host, network);
    Ok(vec![
        row(
            "TCP between containers of one VM, l2bridge",
            mbps(between(&bridge)?),
            "docker's own bridge",
            mbps(docker_own),
        ),
        row(
            "TCP between containers of one VM, l2tunnel, by way of the host",
            mbps(between(&tunnel)?),
            "VM to VM on another host",
            mbps(from_vm),
        ),
        row(
            "TCP from an l2bridge container to a VM on another host",
            mbps(from_container(&bridge[0])?),
            "VM to VM",
            mbps(from_vm),
        ),
        row(
            "TCP from an l2tunnel container to a VM on another host",
            mbps(from_container(&tunnel[0])?),
            "VM to VM",
            mbps(from_vm),
        ),
        row(
            "docker run on l2bridge, p50",
            millis(started("l2bridge")?),
            "with --network=none",
            millis(started("none")?),
        ),
    ])
}

/// A VM with `own` as last octet of its address, and more addresses for containers.
async fn vm(fabric: &Fabric, host: usize, name: &str, own: u8, more: impl IntoIterator<Item = u8>) -> Result<Vm> {
    let rest = fabric.rest();
    fabric.enable_proxies()?;
    rest.put("/accessControlLists/open", &documents::acl(&ALLOW_ALL)).await?;
    let subnets = [documents::subnet("web", "192.168.1.0/24", Some("open"))];
    rest.put("/virtualNetworks/blue", &documents::virtual_network("192.168.0.0/16", &subnets)).await?;
    let address =
        |octet: u8| documents::address(&format!("ip{octet}"), &format!("192.168.1.{octet}"), "blue/web", None);
    let addresses: Vec<_> = std::iter::once(own).chain(more).map(address).collect();
    rest.put(&format!("/networkInterfaces/{name}"), &documents::nic(None, &addresses)).await?;
    fabric.boot_with(host, name, Configure::Own).await
}

/// Two containers on a network of their own, which is made unless it is there.
fn pair(host: &ContainerHost, driver: &str) -> Result<[Container; 2]> {
    if driver != "own" {
        host.create_network(driver, "192.168.1.0/24", "192.168.1.1", driver)?;
    }
    Ok([host.run(driver, &format!("{driver}-1"))?, host.run(driver, &format!("{driver}-2"))?])
}

fn median(mut figure: impl FnMut() -> Result<f64>) -> Result<f64> {
    let mut figures: Vec<f64> = (0..ROUNDS).map(|_| figure()).collect::<Result<_>>()?;
    figures.sort_unstable_by(f64::total_cmp);
    figures.get(ROUNDS / 2).copied().ok_or_else(|| Error::Claim("no figures".to_owned()))
}

/// How long `docker run` takes until the container runs.
fn start_time(host: &ContainerHost, network: &str) -> Result<Duration> {
    let network = format!("--network={network}");
    let once = |number: usize| {
        let name = format!("start-{number}");
        let start = Instant::now();
        host.docker(&["run", "--detach", "--name", &name, &network, IMAGE, "sleep", "1000000"])?;
        let took = start.elapsed();
        host.docker(&["rm", "--force", &name])?;
        Ok(took)
    };
    let mut times: Vec<Duration> = (0..STARTS).map(once).collect::<Result<_>>()?;
    times.sort_unstable();
    Ok(quantile(&times, 0.5))
}

fn millis(time: Duration) -> String {
    format!("{:.0} ms", time.as_secs_f64() * 1e3)
}

fn mbps(figure: f64) -> String {
    format!("{figure:.0} Mbit/s")
}

fn row(what: &str, figure: String, baseline: &str, measured: String) -> Row {
    let baseline = format!("{baseline} {measured}");
    Row { what: what.to_owned(), figure, baseline, target: "-".to_owned(), met: None }
}
