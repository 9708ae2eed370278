//! Many clients at once: conditions decide who wins, repetitions are one write, and readers see whole documents.

use super::judge::{Judge as _, etag, references, with};
use super::site::Site;
use harness::documents::{acl, address, nic};
use harness::{Error, Result};
use reqwest::Method;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::task::JoinHandle;

async fn joined<T>(tasks: Vec<JoinHandle<Result<T>>>) -> Result<Vec<T>> {
    let mut results = Vec::new();
    for task in tasks {
        results.push(task.await.map_err(|error| Error::Claim(error.to_string()))??);
    }
    Ok(results)
}

#[tokio::test]
async fn no_update_is_lost_when_everybody_sends_the_etag_it_has_read() -> Result<()> {
    const CLIENTS: usize = 8;
    const UPDATES: usize = 10;
    let site = Site::empty().await?;
    let path = "/accessControlLists/counter";
    site.nc.put(path, &with(acl(&[]), "/tags", json!({ "count": "0" }))).await?.is(201);
    let tasks = (0..CLIENTS).map(|_| {
        let nc = site.nc.clone();
        tokio::spawn(async move {
            let (mut done, mut failed) = (0, 0);
            while done < UPDATES {
                let read = nc.read(path).await?;
                let count: usize =
                    read["tags"]["count"].as_str().and_then(|text| text.parse().ok()).unwrap_or(usize::MAX);
                let next = with(read.clone(), "/tags/count", (count + 1).to_string());
                let reply = nc.send(Method::PUT, path, Some(&next), &[("If-Match", etag(&read))]).await?;
                match reply.expect_status_in("a conditional PUT", &[200, 412]).status {
                    200 => done += 1,
                    _ => failed += 1,
                }
            }
            Ok(failed)
        })
    });
    let failed: usize = joined(tasks.collect()).await?.into_iter().sum();
    assert_eq!(site.nc.read(path).await?["tags"]["count"], (CLIENTS * UPDATES).to_string());
    assert!(failed > 0, "nobody was ever too late: the clients took turns");
    Ok(())
}

#[tokio::test]
async fn of_many_who_make_the_same_document_one_has_made_it() -> Result<()> {
    let site = Site::empty().await?;
    let tasks = (0..16).map(|client| {
        let nc = site.nc.clone();
        tokio::spawn(async move {
            let list = with(acl(&[]), "/tags", json!({ "by": client.to_string() }));
            let only_new = [("If-None-Match", "*")];
            let reply = nc.send(Method::PUT, "/accessControlLists/contested", Some(&list), &only_new).await?;
            Ok(reply.expect_status_in("a PUT of what is new", &[201, 412]))
        })
    });
    let made: Vec<Value> = joined(tasks.collect())
        .await?
        .into_iter()
        .filter(|reply| reply.status == 201)
        .map(|reply| reply.body)
        .collect();
    assert_eq!(made, [site.nc.read("/accessControlLists/contested").await?]);
    Ok(())
}

#[tokio::test]
async fn repetitions_at_the_same_time_are_one_write() -> Result<()> {
    let site = Site::empty().await?;
    let tasks = (0..16).map(|_| {
        let nc = site.nc.clone();
        tokio::spawn(async move {
            let id = [("x-ms-client-request-id", "one-write")];
            nc.send(Method::PUT, "/accessControlLists/repeated", Some(&acl(&[])), &id).await
        })
    });
    let replies = joined(tasks.collect()).await?;
    let first = replies[0].clone().is(201);
    for reply in &replies {
        assert_eq!((reply.status, &reply.body), (201, &first.body));
        assert_eq!(reply.header("x-ms-request-id"), first.header("x-ms-request-id"));
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_never_see_half_a_write() -> Result<()> {
    let site = Site::furnished().await?;
    let vm = |count: u32| {
        let one = |number: u32| {
            address(&format!("ip{number}"), &format!("10.20.2.{}", 10 + number), "blue/db", Some("plain"))
        };
        nic(None, &(0..count).map(one).collect::<Vec<_>>())
    };
    let path = "/networkInterfaces/torn";
    site.nc.put(path, &vm(1)).await?.is(201);
    let stop = Arc::new(AtomicBool::new(false));
    let readers = (0..4).map(|_| {
        let (nc, stop) = (site.nc.clone(), Arc::clone(&stop));
        tokio::spawn(async move {
            let mut seen = [0_usize; 2];
            while !stop.load(Ordering::Relaxed) {
                let vm = nc.read(path).await?;
                let addresses = vm["properties"]["ipConfigurations"].as_array().cloned().unwrap_or_default();
                assert!([1, 11].contains(&addresses.len()), "{vm}");
                assert!(addresses.iter().all(|address| address["etag"] == vm["etag"]), "{vm}");
                seen[usize::from(addresses.len() == 11)] += 1;
                let users =
                    references(&nc.read("/accessControlLists/plain").await?, "/properties/ipConfigurations").len();
                assert!([1, 11].contains(&users), "{users} users");
            }
            Ok(seen)
        })
    });
    let readers = readers.collect();
    for round in 0..100 {
        site.nc.put(path, &vm(if round % 2 == 0 { 11 } else { 1 })).await?.is(200);
    }
    stop.store(true, Ordering::Relaxed);
    let seen = joined(readers).await?;
    assert!(
        seen.iter().map(|[few, _]| few).sum::<usize>() > 0 && seen.iter().map(|[_, many]| many).sum::<usize>() > 0,
        "{seen:?}"
    );
    Ok(())
}
