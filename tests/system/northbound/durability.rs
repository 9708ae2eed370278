//! `kill -9` in the middle of a thousand writes: what was acknowledged is there, nothing is there by half.

use super::judge::{Judge as _, references, text};
use super::site::{Client, Site};
use harness::documents::{address, nic};
use harness::{Error, Result};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::Notify;

const CONNECTIONS: usize = 8;
const NICS: usize = 50;
/// Of four NICs two are made and changed, two have a third write: [`write`].
const WRITES: usize = CONNECTIONS * NICS * 10 / 4;
const KILL_AFTER: usize = 400;

/// What a write makes of a NIC: how many addresses it has; `None` if it is deleted.
type Shape = Option<usize>;

/// What one connection knows of one NIC.
#[derive(Clone, Debug)]
struct Known {
    /// The last document that was acknowledged; `Null` after a DELETE, and before anything.
    acknowledged: Value,
    /// A write without answer: it may have been done as a whole, or not at all.
    in_flight: Option<Shape>,
}

/// Counts acknowledgements and wakes whoever waits for enough of them.
#[derive(Default)]
struct Progress {
    acknowledged: AtomicUsize,
    enough: Notify,
}

/// The addresses of NIC number `number`: of /16, so that each NIC has four for itself.
fn addresses(number: usize, count: usize) -> Vec<Value> {
    let text = |part: usize| format!("10.20.{}.{}", 16 + number / 32, (number % 32) * 4 + part + 2);
    (0..count).map(|part| address(&format!("ip{part}"), &text(part), "blue/large", Some("plain"))).collect()
}

/// One connection's share of the writes, until one of them has no answer.
async fn write(nc: Client, connection: usize, progress: Arc<Progress>) -> BTreeMap<String, Known> {
    let mut known = BTreeMap::new();
    for number in (0..NICS).map(|number| number * CONNECTIONS + connection) {
        let path = format!("/networkInterfaces/written-{number}");
        let steps: &[Shape] = match number / CONNECTIONS % 4 {
            0 | 2 => &[Some(2), Some(3)],
            1 => &[Some(2), Some(3), None],
            _ => &[Some(2), None, Some(3)],
        };
        let mut acknowledged = Value::Null;
        for &shape in steps {
            let reply = match shape {
                Some(count) => nc.put(&path, &nic(None, &addresses(number, count))).await,
                None => nc.delete(&path).await,
            };
            let Ok(reply) = reply else {
                known.insert(path, Known { acknowledged, in_flight: Some(shape) });
                return known;
            };
            acknowledged = reply.expect_status_in(&path, &[200, 201]).body;
            if progress.acknowledged.fetch_add(1, Ordering::SeqCst) + 1 == KILL_AFTER {
                progress.enough.notify_one();
            }
        }
        known.insert(path, Known { acknowledged, in_flight: None });
    }
    known
}

/// A NIC as it must look like: whole, or not at all.
async fn check(nc: &Client, path: &str, known: &Known) -> Result<Shape> {
    let reply = nc.get(path).await?.expect_status_in(path, &[200, 404]);
    let found = if reply.status == 200 { reply.body } else { Value::Null };
    let count = found["properties"]["ipConfigurations"].as_array().map(Vec::len);
    let as_acknowledged = found == known.acknowledged;
    let as_in_flight = known.in_flight.is_some_and(|shape| shape == count);
    assert!(as_acknowledged || as_in_flight, "{path} is {found}\nacknowledged was {known:?}");
    for child in found["properties"]["ipConfigurations"].as_array().into_iter().flatten() {
        assert_eq!(nc.read(text(child, "/resourceRef")).await?, *child);
    }
    Ok(count)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_in_the_middle_of_a_thousand_writes_loses_and_halves_nothing() -> Result<()> {
    let mut site = Site::furnished().await?;
    let large = harness::documents::subnet("large", "10.20.16.0/20", None);
    site.nc.put("/virtualNetworks/blue/subnets/large", &large).await?.is(201);
    let progress = Arc::new(Progress::default());
    let writers: Vec<_> = (0..CONNECTIONS)
        .map(|connection| tokio::spawn(write(site.nc.clone(), connection, Arc::clone(&progress))))
        .collect();
    progress.enough.notified().await;
    site.controller.process().kill()?;
    let mut known = BTreeMap::new();
    for writer in writers {
        known.extend(writer.await.map_err(|error| Error::Claim(error.to_string()))?);
    }
    let acknowledged = progress.acknowledged.load(Ordering::SeqCst);
    assert!((KILL_AFTER..WRITES).contains(&acknowledged), "{acknowledged} were acknowledged: it was not in the middle");
    assert!(known.values().any(|known| known.in_flight.is_some()), "no write was under way");

    site.restart()?;
    let mut there = BTreeSet::new();
    for (path, known) in &known {
        if let Some(count) = check(&site.nc, path, known).await? {
            there.extend((0..count).map(|part| format!("{path}/ipConfigurations/ip{part}")));
        }
    }
    // Nobody else's NICs, and back references to exactly those addresses that are there.
    let list = site.nc.read("/networkInterfaces").await?;
    let listed = list["value"]
        .as_array()
        .into_iter()
        .flatten()
        .flat_map(|nic| nic["properties"]["ipConfigurations"].as_array().into_iter().flatten());
    let listed = listed.map(|address| text(address, "/resourceRef").to_owned());
    let listed: BTreeSet<String> = listed.filter(|path| path.starts_with("/networkInterfaces/written-")).collect();
    assert_eq!(listed, there);
    for referred in ["/virtualNetworks/blue/subnets/large", "/accessControlLists/plain"] {
        let back = references(&site.nc.read(referred).await?, "/properties/ipConfigurations");
        assert_eq!(back.into_iter().collect::<BTreeSet<_>>(), there, "{referred}");
    }
    // It goes on where it stopped: the same writes again are accepted, and no MAC is there twice.
    let progress = Arc::new(Progress::default());
    let mut done = BTreeMap::new();
    for connection in 0..CONNECTIONS {
        done.extend(write(site.nc.clone(), connection, Arc::clone(&progress)).await);
    }
    assert!(done.values().all(|known| known.in_flight.is_none()));
    let macs = done.values().filter_map(|known| known.acknowledged["properties"]["privateMacAddress"].as_str());
    let macs: Vec<&str> = macs.collect();
    assert_eq!(macs.iter().collect::<BTreeSet<_>>().len(), macs.len());
    Ok(())
}
