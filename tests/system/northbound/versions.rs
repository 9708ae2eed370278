//! The version filter, contract section 4.4.

use super::judge::{Judge as _, child, with, without, without_etags};
use super::site::Site;
use harness::Result;
use harness::documents::reference;
use serde_json::{Value, json};

/// Paths of documents with properties that have a `since`, the JSON pointer to one, and the version it came with.
const NEWER: [(&str, &str, &str, &str); 6] = [
    ("/virtualNetworks/blue", "/properties/unbilledAddressRanges", "v1", "v2"),
    ("/virtualNetworks/blue", "/properties/subnets/0/properties/virtualSubnetId", "v1", "v2"),
    ("/virtualNetworkManager/configuration", "/properties/virtualSubnetIdRange", "v1", "v2"),
    ("/virtualSwitchManager/configuration", "/properties/portDefaultState", "v3", "v3.1"),
    ("/networkInterfaces/vm1", "/properties/ipConfigurations/0/properties/isPrimary", "v3.2", "v4"),
    ("/servers/host-a", "/properties/auditingEnabled", "v2", "v3"),
];

/// A furnished site where every one of them has a value.
async fn site() -> Result<Site> {
    let site = Site::furnished().await?;
    let set = async |path: &str, pointer: &str, value: Value| -> Result<()> {
        let document = with(site.nc.read(path).await?, pointer, value);
        site.nc.put(path, &document).await?.expect_status_in(path, &[200]);
        Ok(())
    };
    set("/virtualNetworks/blue", "/properties/unbilledAddressRanges", json!("198.18.0.0/15,203.0.113.0/24")).await?;
    set("/networkInterfaces/vm1", "/properties/ipConfigurations/0/properties/isPrimary", json!(true)).await?;
    set("/servers/host-a", "/properties/auditingEnabled", json!(["Firewall"])).await?;
    Ok(site)
}

#[tokio::test]
async fn a_property_shows_from_its_version_on() -> Result<()> {
    let site = site().await?;
    for (path, pointer, before, since) in NEWER {
        let old = site.nc.version(before).read(path).await?;
        assert_eq!(old.pointer(pointer), None, "{path}{pointer} through {before}");
        let new = site.nc.version(since).read(path).await?;
        assert!(new.pointer(pointer).is_some(), "{path}{pointer} through {since}: {new}");
    }
    Ok(())
}

#[tokio::test]
async fn a_put_through_an_old_version_keeps_what_it_cannot_know() -> Result<()> {
    let site = site().await?;
    let newest = site.nc.version("v7.1");
    let oldest = site.nc.version("v1");
    for path in
        ["/virtualNetworks/blue", "/networkInterfaces/vm1", "/servers/host-a", "/virtualSwitchManager/configuration"]
    {
        let before = newest.read(path).await?;
        // What an old client read, with a change of its own.
        let old = with(oldest.read(path).await?, "/tags", json!({ "touched": "by an old client" }));
        oldest.put(path, &old).await?.is(200);
        let after = newest.read(path).await?;
        assert_eq!(after["tags"]["touched"], "by an old client");
        assert_eq!(without_etags(with(before, "/tags", after["tags"].clone())), without_etags(after), "{path}");
    }
    // Through a version that knows the property, absence means what it always means.
    let blue = newest.read("/virtualNetworks/blue").await?;
    let plain = without(blue, "/properties/unbilledAddressRanges");
    let after = newest.put("/virtualNetworks/blue", &plain).await?.is(200).body;
    assert_eq!(after["properties"].get("unbilledAddressRanges"), None);
    Ok(())
}

#[tokio::test]
async fn what_an_old_version_does_not_know_is_ignored_in_its_bodies() -> Result<()> {
    let site = Site::furnished().await?;
    let oldest = site.nc.version("v1");
    let blue =
        with(oldest.read("/virtualNetworks/blue").await?, "/properties/unbilledAddressRanges", "no ranges at all");
    oldest.put("/virtualNetworks/blue", &blue).await?.is(200);
    let tags = json!([reference("/securityTags/none")]);
    let vm1 = with(oldest.read("/networkInterfaces/vm1").await?, "/properties/securityTags", tags);
    oldest.put("/networkInterfaces/vm1", &vm1).await?.is(200);
    let stored = site.nc.version("v7.1").read("/virtualNetworks/blue").await?;
    assert_eq!(stored["properties"].get("unbilledAddressRanges"), None);
    Ok(())
}

#[tokio::test]
async fn children_of_an_old_write_keep_what_they_had_too() -> Result<()> {
    let site = site().await?;
    let oldest = site.nc.version("v1");
    let subnet = json!({ "resourceId": "new", "properties": { "addressPrefix": "10.20.9.0/24" } });
    let blue = oldest.read("/virtualNetworks/blue").await?;
    let mut subnets = blue["properties"]["subnets"].as_array().cloned().unwrap_or_default();
    subnets.push(subnet);
    let vsid = |document: &Value, id: &str| {
        child(document, "/properties/subnets", id)["properties"]["virtualSubnetId"].clone()
    };
    let before = site.nc.read("/virtualNetworks/blue").await?;
    oldest.put("/virtualNetworks/blue", &with(blue, "/properties/subnets", Value::Array(subnets))).await?.is(200);
    let after = site.nc.read("/virtualNetworks/blue").await?;
    assert_eq!(vsid(&before, "web"), vsid(&after, "web"));
    assert!(vsid(&after, "new").is_string(), "{after}");

    let address = oldest.read("/networkInterfaces/vm1/ipConfigurations/ip0").await?;
    let moved = with(address, "/properties/privateIPAddress", "10.20.1.44");
    oldest.put("/networkInterfaces/vm1/ipConfigurations/ip0", &moved).await?.is(200);
    let stored = site.nc.version("v4").read("/networkInterfaces/vm1/ipConfigurations/ip0").await?;
    assert_eq!(
        (&stored["properties"]["privateIPAddress"], &stored["properties"]["isPrimary"]),
        (&json!("10.20.1.44"), &json!(true))
    );
    Ok(())
}
