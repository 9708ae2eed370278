//! What the network proxy costs the data path: one VM asks a thousand times a second, each time on a new connection,
//! while it sends to another VM of the same host.

use crate::http;
use crate::northbound::micros;
use crate::table::Row;
use harness::ask::PROXY;
use harness::documents::{self, ALLOW_ALL};
use harness::fabric::{Fabric, on_fabric};
use harness::iperf;
use harness::vm::Vm;
use harness::{Error, Result};
use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const PER_SECOND: u32 = 1_000;
/// Clients that share them: one alone, which waits for each answer, falls behind when both cores are busy.
const CLIENTS: u32 = 4;
const ROUNDS: usize = 5;
/// Of each measurement.
const SECONDS: u32 = 4;
const ECHOES: usize = 4_000;
/// What the VM sends in datagrams, in Mbit/s: far from what fills a core, so that a loss is the proxy's doing.
const STEADY_MBPS: u32 = 300;

/// One round.
struct Figures {
    tcp_mbps: f64,
    udp_mbps: f64,
    /// Of one echo through the engine, both ways.
    echo_p50: Duration,
    echo_p99: Duration,
}

/// What the clients in the VM that asks saw, together.
#[derive(Default)]
struct Asked {
    answers: usize,
    failures: usize,
    latencies: Vec<Duration>,
    took: Duration,
}

/// Runs the benchmark `proxy`.
pub(crate) fn run() -> Vec<Row> {
    let mut rows = Vec::new();
    on_fabric(1, async |fabric| {
        rows = measure(fabric).await?;
        Ok(())
    });
    rows
}

async fn measure(fabric: &Fabric) -> Result<Vec<Row>> {
    let rest = fabric.rest();
    rest.put("/accessControlLists/open", &documents::acl(&ALLOW_ALL)).await?;
    let subnets = [documents::subnet("web", "192.168.1.0/24", Some("open"))];
    rest.put("/virtualNetworks/blue", &documents::virtual_network("192.168.0.0/16", &subnets)).await?;
    let own = |last: u8| documents::address("own", &format!("192.168.1.{last}"), "blue/web", None);
    let extra = (101..=110_u8)
        .map(|last| documents::address(&format!("c{last}"), &format!("192.168.1.{last}"), "blue/web", None));
    rest.put("/networkInterfaces/from", &documents::nic(None, &[own(9)].into_iter().chain(extra).collect::<Vec<_>>()))
        .await?;
    rest.put("/networkInterfaces/to", &documents::nic(None, &[own(10)])).await?;
    let (from, to) = (fabric.boot(0, "from").await?, fabric.boot(0, "to").await?);
    let host = &fabric.hosts[0];
    host.agent.proxy(&host.namespace, "enable")?;

    let (mut idle, mut loaded, mut asked) = (Vec::new(), Vec::new(), Asked::default());
    for _ in 0..ROUNDS {
        idle.push(figures(&from, &to)?);
        let stop = AtomicBool::new(false);
        let (round, seen) = std::thread::scope(|scope| {
            let client = |_| scope.spawn(|| from.namespace.run(|| Ok(ask(&stop))));
            let clients: Vec<_> = (0..CLIENTS).map(client).collect();
            let round = figures(&from, &to);
            stop.store(true, Ordering::Relaxed);
            (round, clients.into_iter().map(|client| client.join()).collect::<Vec<_>>())
        });
        loaded.push(round?);
        for seen in seen {
            let seen = seen.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
            asked.answers += seen.answers;
            asked.failures += seen.failures;
            asked.latencies.extend(seen.latencies);
            asked.took += seen.took;
        }
    }
    Ok(rows(&idle, &loaded, &asked))
}

fn rows(idle: &[Figures], loaded: &[Figures], asked: &Asked) -> Vec<Row> {
    let plain = |what: &str, figure: String, baseline: String| Row {
        what: what.to_owned(),
        figure,
        baseline: format!("without requests {baseline}"),
        target: "-".to_owned(),
        met: None,
    };
    let mbps = |figures: &[Figures], of: fn(&Figures) -> f64| format!("{:.0} Mbit/s", median(figures.iter().map(of)));
    let echo = |figures: &[Figures], of: fn(&Figures) -> Duration| {
        micros(Duration::from_secs_f64(median(figures.iter().map(|figures| of(figures).as_secs_f64()))))
    };
    let latency = |share| micros(http::quantile(&asked.latencies, share));
    let rate = f64::from(CLIENTS) * asked.answers as f64 / asked.took.as_secs_f64();
    vec![
        Row {
            what: format!("proxy, {PER_SECOND} requests/s of one VM beside its traffic"),
            figure: format!("{rate:.0}/s, {} failed, p50 {}, p99 {}", asked.failures, latency(0.5), latency(0.99)),
            baseline: "-".to_owned(),
            target: format!("≥ {:.0}/s", f64::from(PER_SECOND) * 0.99),
            met: Some(asked.failures == 0 && rate >= f64::from(PER_SECOND) * 0.99),
        },
        plain(
            &format!("UDP between VMs, {STEADY_MBPS} Mbit/s offered, while it asks"),
            mbps(loaded, |figures| figures.udp_mbps),
            mbps(idle, |figures| figures.udp_mbps),
        ),
        plain("echo between VMs while it asks, p50", echo(loaded, |f| f.echo_p50), echo(idle, |f| f.echo_p50)),
        plain("echo between VMs while it asks, p99", echo(loaded, |f| f.echo_p99), echo(idle, |f| f.echo_p99)),
        plain(
            "TCP between VMs while it asks, both cores busy",
            mbps(loaded, |figures| figures.tcp_mbps),
            mbps(idle, |figures| figures.tcp_mbps),
        ),
    ]
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

fn figures(from: &Vm, to: &Vm) -> Result<Figures> {
    let (echo_p50, echo_p99) = echoes(from, to)?;
    Ok(Figures {
        tcp_mbps: iperf::tcp_mbps(from, to, SECONDS)?,
        udp_mbps: iperf::udp_mbps(from, to, SECONDS, STEADY_MBPS)?,
        echo_p50,
        echo_p99,
    })
}

/// Times of datagrams that the other VM sends back, one after the other.
fn echoes(from: &Vm, to: &Vm) -> Result<(Duration, Duration)> {
    let socket = |vm: &Vm| {
        let address = SocketAddr::from((vm.address(), 0));
        vm.namespace.run(move || UdpSocket::bind(address).map_err(Error::io("bind a socket")))
    };
    let (near, far) = (socket(from)?, socket(to)?);
    let failed = Error::io("echo a datagram");
    let times = (|| -> io::Result<Vec<Duration>> {
        let patience = Some(Duration::from_secs(5));
        near.set_read_timeout(patience)?;
        far.set_read_timeout(patience)?;
        near.connect(far.local_addr()?)?;
        far.connect(near.local_addr()?)?;
        std::thread::scope(|scope| {
            scope.spawn(|| (0..ECHOES).try_for_each(|_| far.recv(&mut [0]).and_then(|_| far.send(&[0])).map(drop)));
            let once = |_| {
                let start = Instant::now();
                near.send(&[0])?;
                near.recv(&mut [0])?;
                Ok(start.elapsed())
            };
            (0..ECHOES).map(once).collect()
        })
    })()
    .map_err(failed)?;
    Ok((http::quantile(&times, 0.5), http::quantile(&times, 0.99)))
}

/// Asks at a steady rate until told to stop.
fn ask(stop: &AtomicBool) -> Asked {
    let (mut asked, start) = (Asked::default(), Instant::now());
    for number in 0_u32.. {
        let due = start + Duration::from_secs(1) * number * CLIENTS / PER_SECOND;
        if stop.load(Ordering::Relaxed) {
            break;
        }
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        let asked_at = Instant::now();
        match request(PROXY) {
            Ok(answer) if answer.starts_with(b"HTTP/1.1 200") => {
                asked.answers += 1;
                asked.latencies.push(asked_at.elapsed());
            }
            _ => asked.failures += 1,
        }
    }
    asked.took = start.elapsed();
    asked
}

fn request(server: (IpAddr, u16)) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect_timeout(&server.into(), Duration::from_secs(5))?;
    stream.write_all(b"GET /ListNetwork HTTP/1.1\r\nHost: proxy\r\nConnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(answer)
}
