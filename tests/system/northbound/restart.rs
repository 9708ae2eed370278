//! What survives the process: everything that was acknowledged, and what people read with `sqlite3`.

use super::judge::{Judge as _, same, text};
use super::site::Site;
use super::skip;
use harness::documents::acl;
use harness::rest::Reply;
use harness::{Error, Result};
use std::process::Command;

#[track_caller]
fn generation(reply: &Reply) -> u64 {
    let header = reply.header("x-nc-generation").unwrap_or_else(|| panic!("no generation: {:?}", reply.headers));
    header.parse().unwrap_or_else(|_| panic!("{header} is no generation"))
}

#[tokio::test]
async fn a_restart_keeps_every_document_as_it_was() -> Result<()> {
    let mut site = Site::furnished().await?;
    site.nc.delete("/virtualNetworks/green").await?.is(200);
    let last = generation(&site.nc.put("/accessControlLists/last", &acl(&[])).await?.is(201));
    let before = site.everything().await?;
    for kill in [false, true] {
        if kill {
            site.controller.process().kill()?;
        } else {
            let status = site.controller.process().terminate()?;
            assert!(status.success(), "it ended with {status}");
        }
        site.restart()?;
        same(&site.everything().await?, &before, "documents, etags, instanceIds, addresses; over a restart");
    }
    let next = generation(&site.nc.put("/accessControlLists/next", &acl(&[])).await?.is(201));
    assert!(next > last, "{next} after {last}");
    site.nc.delete("/accessControlLists/web-tier").await?.refused(409, "InUseAccessControlListCannotBeDeleted");
    Ok(())
}

/// Rows of a query, as `sqlite3` prints them.
fn query(site: &Site, sql: &str) -> Result<Vec<String>> {
    let output = Command::new("sqlite3").arg("-readonly").arg(site.controller.database()).arg(sql).output();
    let output = output.map_err(Error::io("run sqlite3"))?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{sql}: {said}");
    Ok(String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect())
}

#[tokio::test]
async fn people_read_the_tables_they_think_in_with_sqlite3() -> Result<()> {
    if !harness::support::on_path("sqlite3") {
        skip::unless_promised("sqlite3");
        return Ok(());
    }
    let site = Site::furnished().await?;
    let rows = |sql: &str| query(&site, sql);
    assert_eq!(rows("SELECT name FROM virtual_networks ORDER BY name")?, ["blue", "green"]);
    let blue = site.nc.read("/virtualNetworks/blue").await?;
    let vsid = text(&blue, "/properties/subnets/0/properties/virtualSubnetId");
    assert_eq!(
        rows("SELECT virtual_network, name, address_prefix, vsid, typeof(vsid) FROM virtual_subnets ORDER BY 1, 2")?[1],
        format!("blue|web|10.20.1.0/24|{vsid}|integer")
    );
    let vm1 = site.nc.read("/networkInterfaces/vm1").await?;
    assert_eq!(
        rows("SELECT name, mac_address, port_profile_id FROM network_interfaces ORDER BY name")?[0],
        format!("vm1|001DD8200001|{}", text(&vm1, "/instanceId"))
    );
    assert_eq!(
        rows("SELECT network_interface, name, ip_address, subnet FROM ip_configurations ORDER BY 1")?,
        ["vm1|ip0|10.20.1.4|/virtualNetworks/blue/subnets/web", "vm2|ip0|10.20.1.5|/virtualNetworks/blue/subnets/web"]
    );
    assert_eq!(rows("SELECT name FROM access_control_lists ORDER BY name")?, ["plain", "web-tier"]);
    assert_eq!(
        rows(
            "SELECT name, priority, typeof(priority), action, protocol FROM acl_rules \
             WHERE access_control_list = 'web-tier' ORDER BY priority"
        )?,
        ["110-in|110|integer|Allow|TCP", "120-out|120|integer|Allow|UDP"]
    );
    site.nc.delete("/networkInterfaces/vm2").await?.is(200);
    assert_eq!(rows("SELECT count(*) FROM ip_configurations")?, ["1"], "a write is seen at once");
    Ok(())
}
