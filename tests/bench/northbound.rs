//! What one REST call costs: durable writes, reads, and a list, each beside its baseline.

use crate::controller::{Server, controller, provision, put};
use crate::table::Row;
use crate::{bare, documents, http};
use std::io;
use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

const CONNECTIONS: usize = 64;
const LISTED: usize = 1_000;
const WRITES: usize = 12_000;
const READS: usize = 100_000;
const ROUNDS: usize = 3;

/// Runs the benchmark `northbound`.
pub(crate) async fn run() -> io::Result<Vec<Row>> {
    let directory = tempfile::tempdir()?;
    let server = controller(directory.path())?;
    provision(server.address, documents::foundation()).await?;
    let nics = |range: std::ops::Range<usize>| {
        range.map(documents::nic).map(|(path, body)| put(&path, &body, "")).collect::<Vec<_>>()
    };

    let single = http::run(server.address, 1, nics(0..LISTED)).await?;
    let list = http::run(server.address, 1, vec![http::get("/networking/v4/networkInterfaces"); 200]).await?;
    let many = http::run(server.address, CONNECTIONS, nics(LISTED..LISTED + WRITES)).await?;
    let commits = bare::sqlite_commits(directory.path(), 2_000, 1_500).await.map_err(io::Error::other)?;

    let (read, bare_read) = reads(server.address).await?;
    let share = 100.0 * read / bare_read;
    Ok(vec![
        Row {
            what: format!("durable PUT of a new NIC, {CONNECTIONS} connections"),
            figure: format!("{:.0}/s", many.per_second()),
            baseline: format!("bare SQLite commit {:.0}/s", 1.0 / mean(&commits).as_secs_f64()),
            target: "≥ 3000/s".into(),
            met: Some(many.per_second() >= 3_000.0),
        },
        Row {
            what: "durable PUT of a new NIC, 1 connection".into(),
            figure: format!("p50 {}, p99 {}", micros(single.quantile(0.5)), micros(single.quantile(0.99))),
            baseline: format!("bare SQLite commit p50 {}", micros(http::quantile(&commits, 0.5))),
            target: "-".into(),
            met: None,
        },
        Row {
            what: format!("GET of a NIC, {CONNECTIONS} connections"),
            figure: format!("{read:.0}/s ({share:.0} %)"),
            baseline: format!("bare actix-web endpoint {bare_read:.0}/s"),
            target: "≥ 80 % of bare".into(),
            met: Some(share >= 80.0),
        },
        Row {
            what: format!("list of {LISTED} NICs, 1 connection"),
            figure: format!("p50 {}", micros(list.quantile(0.5))),
            baseline: "-".into(),
            target: "≤ 4 ms".into(),
            met: Some(list.quantile(0.5) <= Duration::from_millis(4)),
        },
    ])
}

/// Reads per second of the controller and of a bare endpoint with the same bytes; the median of alternating rounds.
async fn reads(controller: SocketAddr) -> io::Result<(f64, f64)> {
    let first = http::get("/networking/v4/networkInterfaces/nic0");
    let body = http::Connection::open(controller).await?.send(&first).await?.body;
    let text = String::from_utf8(body).map_err(io::Error::other)?;
    let bare = Server::start(Command::new(std::env::current_exe()?).args(["--bare-endpoint", &text]))?;
    let requests = || {
        (0..READS)
            .map(|n| http::get(&format!("/networking/v4/networkInterfaces/nic{}", n % LISTED)))
            .collect::<Vec<_>>()
    };
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ours.push(http::run(controller, CONNECTIONS, requests()).await?.per_second());
        theirs.push(http::run(bare.address, CONNECTIONS, requests()).await?.per_second());
    }
    Ok((median(ours), median(theirs)))
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn mean(times: &[Duration]) -> Duration {
    let count = u32::try_from(times.len()).unwrap_or(u32::MAX).max(1);
    times.iter().sum::<Duration>() / count
}

/// `time` in microseconds, for people.
pub(crate) fn micros(time: Duration) -> String {
    format!("{} µs", time.as_micros())
}
