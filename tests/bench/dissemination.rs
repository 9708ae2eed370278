//! What it takes until hosts enforce a change: ten agents, one virtual network, 1,000 and 10,000 interfaces.
//!
//! The agents are real processes with real ledgers on disk; they program the real engine but move no frames
//! (`--datapath none`), since ten thousand network devices would measure the kernel.

use crate::controller::{Server, agent, controller, provision, put};
use crate::documents;
use crate::http::{self, Connection, header};
use crate::northbound::micros;
use crate::table::Row;
use serde_json::Value;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const HOSTS: usize = 10;
const SIZES: [usize; 2] = [1_000, 10_000];
const CONNECTIONS: usize = 64;
const CHANGES: usize = 300;
/// Share of the changes whose time is "the" worst case: 95 of 100.
const TAIL: f64 = 0.95;

/// Runs the benchmark `dissemination`.
pub(crate) async fn run() -> io::Result<Vec<Row>> {
    let mut rows = Vec::new();
    for size in SIZES {
        rows.extend(fabric(size).await?);
    }
    Ok(rows)
}

async fn fabric(size: usize) -> io::Result<Vec<Row>> {
    let directory = tempfile::tempdir()?;
    let server = controller(directory.path())?;
    let agents =
        (0..HOSTS + 1).map(|n| agent(&directory.path().join(format!("host{n}")))).collect::<io::Result<Vec<_>>>()?;
    provision(server.address, documents::foundation()).await?;
    provision(server.address, vec![documents::credential()]).await?;
    let hosts = agents.iter().enumerate().map(|(n, agent)| documents::server(n, &agent.address.to_string()));
    provision(server.address, hosts.collect()).await?;
    bystander(server.address, &agents[HOSTS]).await?;

    let provisioned = bulk(server.address, &agents[..HOSTS], size).await?;
    let rate = size as f64 / provisioned.as_secs_f64();
    let mut rows = vec![Row {
        what: format!("{size} NICs over REST and their ports, until enforced on all {HOSTS} hosts"),
        figure: format!("{rate:.0} NIC/s ({provisioned:.2?})"),
        baseline: "-".into(),
        target: if size == SIZES[1] { "≥ 3000 NIC/s".into() } else { "-".into() },
        met: (size == SIZES[1]).then_some(rate >= 3_000.0),
    }];

    let heard = generation(&agents[HOSTS]).await?;
    let address = changes(server.address, size, |n, round| {
        let (path, _) = documents::nic(n);
        put(&path, &documents::nic_with_second_address(n, round.is_multiple_of(2)), "Prefer: wait=10\r\n")
    });
    rows.push(latency(format!("one NIC gains or loses an address, {size} NICs, all hosts confirm"), address.await?));
    let cap = changes(server.address, size, |n, round| {
        let (path, _) = documents::nic(n);
        put(&path, &documents::nic_body(n, 100 + round as u64), "Prefer: wait=10\r\n")
    });
    rows.push(latency(format!("one NIC's rate cap, {size} NICs, its host confirms"), cap.await?));
    let list = changes(server.address, size, |_, round| {
        let (path, body) = documents::acl(if round.is_multiple_of(2) { "Deny" } else { "Allow" });
        put(&path, &body, "Prefer: wait=10\r\n")
    });
    rows.push(latency(format!("one ACL rule, {size} NICs, all hosts confirm"), list.await?));
    let outside = generation(&agents[HOSTS]).await? - heard;
    rows.push(Row {
        what: format!("generations sent to a host outside the span, {size} NICs"),
        figure: outside.to_string(),
        baseline: "-".into(),
        target: "0".into(),
        met: Some(outside == 0),
    });

    let largest =
        agents.iter().map(Server::resident_mib).collect::<io::Result<Vec<_>>>()?.into_iter().fold(0.0, f64::max);
    rows.push(memory("controller", size, server.resident_mib()?, 150.0));
    rows.push(memory("largest agent", size, largest, 40.0));
    Ok(rows)
}

/// A port of another network on a host of its own: it must hear nothing of what follows.
async fn bystander(controller: SocketAddr, host: &Server) -> io::Result<()> {
    let (network, nic) = documents::bystander();
    provision(controller, vec![network]).await?;
    let (path, body) = nic;
    let answer = Connection::open(controller).await?.send(&put(&path, &body, "")).await?;
    attach(&mut Connection::open(host.address).await?, &answer.body, 99_999).await?;
    until(|| async move { Ok(generation(host).await? > 0) }).await
}

/// Writes `size` NICs, attaches a port for each on a host, and waits until every one of them is enforced.
async fn bulk(controller: SocketAddr, agents: &[Server], size: usize) -> io::Result<Duration> {
    let started = Instant::now();
    let next = Arc::new(AtomicUsize::new(0));
    let hosts: Arc<[SocketAddr]> = agents.iter().map(|agent| agent.address).collect();
    let workers: Vec<_> = (0..CONNECTIONS)
        .map(|_| {
            let (next, hosts) = (next.clone(), hosts.clone());
            tokio::spawn(async move {
                let mut rest = Connection::open(controller).await?;
                let mut ports = Vec::new();
                for host in hosts.iter() {
                    ports.push(Connection::open(*host).await?);
                }
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    if n >= size {
                        return Ok::<_, io::Error>(());
                    }
                    let (path, body) = documents::nic(n);
                    let answer = rest.send(&put(&path, &body, "")).await?;
                    let on = n % ports.len();
                    attach(&mut ports[on], &answer.body, n).await?;
                }
            })
        })
        .collect();
    for worker in workers {
        worker.await.map_err(io::Error::other)??;
    }
    until(|| async move {
        let answer = Connection::open(controller).await?.send(&http::get("/networking/v4/networkInterfaces")).await?;
        let text = String::from_utf8_lossy(&answer.body);
        Ok(text.matches(r#""status":"Success""#).count() > size)
    })
    .await?;
    Ok(started.elapsed())
}

/// Attaches the port of the NIC that `document` describes.
async fn attach(agent: &mut Connection, document: &[u8], n: usize) -> io::Result<()> {
    let document: Value = serde_json::from_slice(document)?;
    let (Some(profile), Some(mac)) =
        (document["instanceId"].as_str(), document["properties"]["privateMacAddress"].as_str())
    else {
        return Err(io::Error::other(format!("no NIC: {document}")));
    };
    let body = serde_json::json!({ "device": format!("vm{n}"), "profileId": profile, "mac": mac });
    let answer = agent.send(&http::with_body("POST", "/v1/ports", &body.to_string(), "")).await?;
    match answer.status {
        200..300 => Ok(()),
        status => Err(io::Error::other(format!("attach: {status} {}", String::from_utf8_lossy(&answer.body)))),
    }
}

/// Generation that an agent enforces; 0 for none.
async fn generation(agent: &Server) -> io::Result<u64> {
    let answer = Connection::open(agent.address).await?.send(&http::get("/v1/status")).await?;
    let status: Value = serde_json::from_slice(&answer.body)?;
    Ok(status["inForce"][1].as_u64().unwrap_or(0))
}

/// Asks until the answer is yes.
async fn until<F: Future<Output = io::Result<bool>>>(ask: impl Fn() -> F) -> io::Result<()> {
    let deadline = Instant::now() + Duration::from_secs(120);
    while Instant::now() < deadline {
        if ask().await? {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Err(io::Error::new(io::ErrorKind::TimedOut, "two minutes were not enough"))
}

/// Times of single changes, one after the other, from the request to the answer that all hosts in the span confirmed.
async fn changes(
    controller: SocketAddr,
    size: usize,
    request: impl Fn(usize, usize) -> Vec<u8>,
) -> io::Result<Vec<Duration>> {
    let mut connection = Connection::open(controller).await?;
    let mut times = Vec::with_capacity(CHANGES);
    for round in 0..CHANGES {
        let request = request(round * 7 % size / 2 * 2, round);
        let started = Instant::now();
        let answer = connection.send(&request).await?;
        times.push(started.elapsed());
        if header(&answer.head, "x-nc-enforced") != Some("all") {
            return Err(io::Error::other(format!(
                "not enforced everywhere: {}{}",
                answer.head,
                String::from_utf8_lossy(&answer.body)
            )));
        }
    }
    Ok(times)
}

fn latency(what: String, times: Vec<Duration>) -> Row {
    let (median, tail) = (http::quantile(&times, 0.5), http::quantile(&times, TAIL));
    Row {
        what,
        figure: format!("p50 {}, p95 {}", micros(median), micros(tail)),
        baseline: "-".into(),
        target: "p50 ≤ 5 ms, p95 ≤ 10 ms".into(),
        met: Some(median <= Duration::from_millis(5) && tail <= Duration::from_millis(10)),
    }
}

fn memory(who: &str, size: usize, mib: f64, target: f64) -> Row {
    Row {
        what: format!("resident memory of the {who}, {size} NICs"),
        figure: format!("{mib:.0} MiB"),
        baseline: "-".into(),
        target: format!("≤ {target:.0} MiB"),
        met: Some(mib <= target),
    }
}
