//! What the controller chooses: addresses, MACs, VSIDs. Unique, in range, and not reused early. Semantics 3.

use super::judge::{Judge as _, child, text, with, without};
use super::site::{Client, Site};
use harness::documents::{document, mac_pool, nic, reference, subnet, virtual_network};
use harness::rest::Reply;
use harness::{Error, Result};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// A dynamic address in a subnet.
fn dynamic(id: &str, path: &str) -> Value {
    json!({ "resourceId": id, "properties": { "privateIPAllocationMethod": "Dynamic", "subnet": reference(path) } })
}

/// The first address of a NIC.
#[track_caller]
fn address(reply: &Reply) -> String {
    text(&reply.body, "/properties/ipConfigurations/0/properties/privateIPAddress").to_owned()
}

/// A NIC with one dynamic address.
async fn vm(nc: &Client, name: &str, path: &str) -> Result<Reply> {
    nc.put(&format!("/networkInterfaces/{name}"), &nic(None, &[dynamic("ip0", path)])).await
}

/// A network `small` with a subnet of eight addresses, of which three can be given away.
async fn small(site: &Site) -> Result<&'static str> {
    let network = virtual_network("10.60.0.0/16", &[subnet("tiny", "10.60.1.0/29", None)]);
    site.nc.put("/virtualNetworks/small", &network).await?.is(201);
    Ok("/virtualNetworks/small/subnets/tiny")
}

#[tokio::test]
async fn dynamic_addresses_are_distinct_and_start_at_the_fourth_host() -> Result<()> {
    let site = Site::furnished().await?;
    let tiny = small(&site).await?;
    let mut given = BTreeSet::new();
    for name in ["a", "b", "c"] {
        let made = vm(&site.nc, name, tiny).await?.is(201);
        let read = site.nc.read(&format!("/networkInterfaces/{name}")).await?;
        assert_eq!(read, made.body, "the answer to the PUT shows what was chosen");
        given.insert(address(&made));
    }
    assert_eq!(given.into_iter().collect::<Vec<_>>(), ["10.60.1.4", "10.60.1.5", "10.60.1.6"]);
    vm(&site.nc, "d", tiny).await?.refused(400, "SubnetIsFull");
    site.nc.get("/networkInterfaces/d").await?.is(404);

    // The hosts before the fourth are for who names them, but for the router's.
    let second = harness::documents::address("ip0", "10.60.1.2", "small/tiny", None);
    site.nc.put("/networkInterfaces/d", &nic(None, &[second])).await?.is(201);
    Ok(())
}

#[tokio::test]
async fn a_dynamic_address_stays_over_every_put() -> Result<()> {
    let site = Site::furnished().await?;
    let path = "/virtualNetworks/blue/subnets/db";
    let made = vm(&site.nc, "vm9", path).await?.is(201);
    assert_eq!(address(&vm(&site.nc, "vm9", path).await?.is(200)), address(&made));
    let tagged = with(nic(None, &[dynamic("ip0", path), dynamic("ip1", path)]), "/tags", json!({ "a": "b" }));
    let more = site.nc.put("/networkInterfaces/vm9", &tagged).await?.is(200);
    assert_eq!(address(&more), address(&made));
    assert_ne!(more.body["properties"]["ipConfigurations"][1]["properties"]["privateIPAddress"], json!(address(&made)));
    assert_eq!(more.body["properties"]["privateMacAddress"], made.body["properties"]["privateMacAddress"]);

    // The one change of method that is allowed pins it.
    let pinned = with(
        nic(None, &[dynamic("ip0", path)]),
        "/properties/ipConfigurations/0/properties/privateIPAllocationMethod",
        "Static",
    );
    let pinned = with(pinned, "/properties/ipConfigurations/0/properties/privateIPAddress", address(&made));
    let pinned = site.nc.put("/networkInterfaces/vm9", &pinned).await?.is(200);
    assert_eq!(address(&pinned), address(&made));
    assert_eq!(pinned.body["properties"]["ipConfigurations"][0]["properties"]["privateIPAllocationMethod"], "Static");
    Ok(())
}

#[tokio::test]
async fn a_freed_address_is_not_given_away_at_once() -> Result<()> {
    let mut site = Site::furnished().await?;
    let tiny = small(&site).await?;
    let first = address(&vm(&site.nc, "a", tiny).await?.is(201));
    site.nc.delete("/networkInterfaces/a").await?.is(200);
    let second = address(&vm(&site.nc, "b", tiny).await?.is(201));
    let third = address(&vm(&site.nc, "c", tiny).await?.is(201));
    assert!(first != second && first != third && second != third, "{first} {second} {third}");
    vm(&site.nc, "d", tiny).await?.refused(400, "SubnetIsFull");
    site.controller.process().kill()?;
    site.restart()?;
    vm(&site.nc, "d", tiny).await?.refused(400, "SubnetIsFull");

    // Who names it knows what it is for: a VM that is made again with the address it had.
    let named = harness::documents::address("ip0", &first, "small/tiny", None);
    site.nc.put("/networkInterfaces/d", &nic(None, &[named])).await?.is(201);
    Ok(())
}

#[tokio::test]
async fn the_hold_off_is_a_setting_and_ends() -> Result<()> {
    let site = Site::empty_with(&["--hold-off", "0"])?;
    for (path, document) in super::furniture::documents() {
        site.nc.put(path, &document).await?.expect_status_in(path, &[200, 201]);
    }
    let tiny = small(&site).await?;
    for name in ["a", "b", "c"] {
        vm(&site.nc, name, tiny).await?.is(201);
    }
    let freed = address(&site.nc.get("/networkInterfaces/b").await?.is(200));
    site.nc.delete("/networkInterfaces/b").await?.is(200);
    assert_eq!(address(&vm(&site.nc, "d", tiny).await?.is(201)), freed);
    Ok(())
}

#[tokio::test]
async fn logical_addresses_come_from_pools_and_are_counted() -> Result<()> {
    let site = Site::furnished().await?;
    let subnet = "/logicalNetworks/backend/subnets/vlan7";
    let pool = format!("{subnet}/ipPools/pool7");
    let range = json!({ "properties": { "startIpAddress": "172.16.7.10", "endIpAddress": "172.16.7.13" } });
    site.nc.put(&pool, &range).await?.is(200);
    let reserved = document(json!({ "reservedAddresses": ["172.16.7.11"] }));
    site.nc.put(&format!("{subnet}/ipReservations/printers"), &reserved).await?.is(201);
    let usage = async || -> Result<(u64, u64, u64)> {
        let usage = site.nc.read(&pool).await?["properties"]["usage"].clone();
        let count = |name: &str| usage[name].as_u64().unwrap_or(u64::MAX);
        Ok((
            count("numberOfIPAddresses"),
            count("numberOfIPAddressesAllocated"),
            count("numberOfIPAddressesInTransition"),
        ))
    };
    assert_eq!(usage().await?, (4, 0, 0));
    let mut given = BTreeSet::new();
    for name in ["a", "b", "c"] {
        given.insert(address(&vm(&site.nc, name, subnet).await?.is(201)));
    }
    assert_eq!(given.into_iter().collect::<Vec<_>>(), ["172.16.7.10", "172.16.7.12", "172.16.7.13"]);
    assert_eq!(usage().await?, (4, 3, 0));
    vm(&site.nc, "d", subnet).await?.refused(400, "SubnetIsFull");
    site.nc.delete("/networkInterfaces/b").await?.is(200);
    assert_eq!(usage().await?, (4, 2, 1));
    Ok(())
}

#[tokio::test]
async fn macs_come_from_the_pools_and_are_given_once() -> Result<()> {
    let site = Site::empty().await?;
    let bare = nic(None, &[]);
    // Without a pool there is nothing to give.
    let refused = site.nc.put("/networkInterfaces/early", &bare).await?;
    assert_eq!(refused.status, 400, "{}", refused.body);
    site.nc.put("/macPools/one", &mac_pool("00-1D-D8-60-00-00", "00-1D-D8-60-00-01")).await?.is(201);
    site.nc.put("/macPools/two", &mac_pool("00-1D-D8-61-00-00", "00-1D-D8-61-00-00")).await?.is(201);
    let fixed = nic(Some(policy::net::MacAddr::new([0, 0x1d, 0xd8, 0x60, 0, 1])), &[]);
    site.nc.put("/networkInterfaces/fixed", &fixed).await?.is(201);
    let mut given = BTreeSet::new();
    for name in ["a", "b"] {
        let made = site.nc.put(&format!("/networkInterfaces/{name}"), &bare).await?.is(201);
        given.insert(text(&made.body, "/properties/privateMacAddress").to_owned());
    }
    assert_eq!(
        given.into_iter().collect::<Vec<_>>(),
        ["001DD8600000", "001DD8610000"],
        "a static MAC in a pool is not given away"
    );
    let full = site.nc.put("/networkInterfaces/c", &bare).await?;
    assert_eq!(full.status, 400, "{}", full.body);
    let usage = site.nc.read("/macPools/one").await?["properties"]["usage"].clone();
    assert_eq!(usage["numberofMacAddressesAllocated"], 2);
    Ok(())
}

#[tokio::test]
async fn freed_macs_and_subnet_numbers_are_not_given_away_at_once() -> Result<()> {
    let site = Site::furnished().await?;
    let mut given = BTreeSet::new();
    for round in 0..3 {
        let path = format!("/networkInterfaces/round{round}");
        let made = site.nc.put(&path, &nic(None, &[])).await?.is(201).body;
        assert!(given.insert(text(&made, "/properties/privateMacAddress").to_owned()), "{given:?}");
        site.nc.delete(&path).await?.is(200);

        let path = "/virtualNetworks/blue/subnets/passing";
        let made = site.nc.put(path, &subnet("passing", "10.20.9.0/24", None)).await?.is(201).body;
        assert!(given.insert(text(&made, "/properties/virtualSubnetId").to_owned()), "{given:?}");
        site.nc.delete(path).await?.is(200);
    }
    Ok(())
}

#[tokio::test]
async fn every_virtual_subnet_has_a_number_of_its_own_in_the_range() -> Result<()> {
    let site = Site::furnished().await?;
    let mut numbers = BTreeSet::new();
    for network in 0..4 {
        let prefix = |subnet: usize| format!("10.60.{subnet}.0/24");
        let subnets: Vec<Value> = (0..8).map(|number| subnet(&format!("s{number}"), &prefix(number), None)).collect();
        let made = site
            .nc
            .put(&format!("/virtualNetworks/n{network}"), &virtual_network("10.60.0.0/16", &subnets))
            .await?
            .is(201)
            .body;
        for number in 0..8 {
            let subnet = child(&made, "/properties/subnets", &format!("s{number}"));
            let vsid: u32 =
                text(subnet, "/properties/virtualSubnetId").parse().map_err(|_| Error::Claim(subnet.to_string()))?;
            assert!((5000..=9999).contains(&vsid) && numbers.insert(vsid), "{vsid}");
        }
        // A subnet keeps its number, whatever else is written.
        let again = site
            .nc
            .put(
                &format!("/virtualNetworks/n{network}"),
                &with(without(made.clone(), "/etag"), "/tags", json!({ "a": "b" })),
            )
            .await?
            .is(200)
            .body;
        for (before, after) in
            [0, 1].map(|number| (&made["properties"]["subnets"][number], &again["properties"]["subnets"][number]))
        {
            assert_eq!(before["properties"]["virtualSubnetId"], after["properties"]["virtualSubnetId"]);
        }
    }
    Ok(())
}

#[tokio::test]
async fn clients_at_the_same_time_never_get_the_same() -> Result<()> {
    let site = Site::furnished().await?;
    let tasks: Vec<_> = (0..16)
        .map(|task| {
            let nc = site.nc.clone();
            tokio::spawn(async move {
                let mut given = Vec::new();
                for number in 0..8 {
                    let made = vm(&nc, &format!("t{task}-{number}"), "/virtualNetworks/blue/subnets/db").await?.is(201);
                    given.push((address(&made), text(&made.body, "/properties/privateMacAddress").to_owned()));
                }
                Ok::<_, Error>(given)
            })
        })
        .collect();
    let (mut addresses, mut macs) = (BTreeSet::new(), BTreeSet::new());
    for task in tasks {
        for (address, mac) in task.await.map_err(|error| Error::Claim(error.to_string()))?? {
            assert!(addresses.insert(address.clone()), "{address} was given twice");
            assert!(macs.insert(mac.clone()), "{mac} was given twice");
        }
    }
    assert_eq!(addresses.len(), 128);

    // The same static address for everybody: one gets it.
    let claims: Vec<_> = (0..16)
        .map(|task| {
            let nc = site.nc.clone();
            let wanted = harness::documents::address("ip0", "10.20.1.200", "blue/web", None);
            tokio::spawn(async move { nc.put(&format!("/networkInterfaces/s{task}"), &nic(None, &[wanted])).await })
        })
        .collect();
    let mut winners = 0;
    for claim in claims {
        let reply = claim.await.map_err(|error| Error::Claim(error.to_string()))??;
        match reply.status {
            201 => winners += 1,
            _ => drop(reply.refused(400, "PrivateIPAddressInUse")),
        }
    }
    assert_eq!(winners, 1);
    Ok(())
}
