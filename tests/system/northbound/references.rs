//! Back references appear and vanish in the instant of the write; usage counts follow. Contract 4.3, 7, 10.5.

use super::judge::{Judge as _, references, with, without};
use super::site::Site;
use harness::Result;
use harness::documents::{acl, address, nic, reference, server, subnet, virtual_network};
use serde_json::json;

#[tokio::test]
async fn a_list_names_who_uses_it_at_once() -> Result<()> {
    let site = Site::furnished().await?;
    let users = async |of: &str| -> Result<(Vec<String>, Vec<String>)> {
        let list = site.nc.read("/accessControlLists/plain").await?;
        let all = site.nc.read("/accessControlLists").await?;
        assert!(
            all["value"].as_array().is_some_and(|all| all.contains(&list)),
            "{of}: the list of lists says the same"
        );
        Ok((references(&list, "/properties/ipConfigurations"), references(&list, "/properties/subnets")))
    };
    assert_eq!(users("nobody").await?, (vec![], vec![]));

    let with_list = |list: Option<&str>| nic(None, &[address("ip0", "10.20.1.60", "blue/web", list)]);
    site.nc.put("/networkInterfaces/vm9", &with_list(Some("plain"))).await?.is(201);
    site.nc.put("/virtualNetworks/blue/subnets/db", &subnet("db", "10.20.2.0/24", Some("plain"))).await?.is(200);
    let ip0 = "/networkInterfaces/vm9/ipConfigurations/ip0".to_owned();
    let db = "/virtualNetworks/blue/subnets/db".to_owned();
    assert_eq!(users("both").await?, (vec![ip0.clone()], vec![db.clone()]));

    let more = address("ip1", "10.20.1.61", "blue/web", Some("plain"));
    site.nc.put("/networkInterfaces/vm9/ipConfigurations/ip1", &more).await?.is(201);
    let ip1 = "/networkInterfaces/vm9/ipConfigurations/ip1".to_owned();
    assert_eq!(users("two addresses").await?, (vec![ip0, ip1.clone()], vec![db.clone()]));

    site.nc
        .put("/networkInterfaces/vm9/ipConfigurations/ip0", &address("ip0", "10.20.1.60", "blue/web", None))
        .await?
        .is(200);
    assert_eq!(users("one address").await?, (vec![ip1], vec![db.clone()]));
    site.nc.delete("/networkInterfaces/vm9").await?.is(200);
    assert_eq!(users("the subnet").await?, (vec![], vec![db]));
    site.nc.put("/virtualNetworks/blue/subnets/db", &subnet("db", "10.20.2.0/24", None)).await?.is(200);
    assert_eq!(users("nobody again").await?, (vec![], vec![]));
    site.nc.delete("/accessControlLists/plain").await?.is(200);
    Ok(())
}

#[tokio::test]
async fn a_subnet_names_its_addresses_in_the_network_too() -> Result<()> {
    let site = Site::furnished().await?;
    let (vm1, vm2) = (
        "/networkInterfaces/vm1/ipConfigurations/ip0".to_owned(),
        "/networkInterfaces/vm2/ipConfigurations/ip0".to_owned(),
    );
    let own = site.nc.read("/virtualNetworks/blue/subnets/web").await?;
    assert_eq!(references(&own, "/properties/ipConfigurations"), [vm1.clone(), vm2.clone()]);
    let moved = with(
        site.nc.read("/networkInterfaces/vm2/ipConfigurations/ip0").await?,
        "/properties/subnet",
        reference("/virtualNetworks/blue/subnets/db"),
    );
    site.nc
        .put("/networkInterfaces/vm2/ipConfigurations/ip0", &with(moved, "/properties/privateIPAddress", "10.20.2.5"))
        .await?
        .is(200);
    let blue = site.nc.read("/virtualNetworks/blue").await?;
    assert_eq!(references(&blue, "/properties/subnets/0/properties/ipConfigurations"), [vm1]);
    assert_eq!(references(&blue, "/properties/subnets/1/properties/ipConfigurations"), [vm2]);
    Ok(())
}

#[tokio::test]
async fn a_reference_finds_what_the_same_put_makes() -> Result<()> {
    let site = Site::furnished().await?;
    let six = with(
        subnet("six", "2001:db8:60::/64", None),
        "/properties/dualStackSubnet",
        reference("/virtualNetworks/fresh/subnets/four"),
    );
    let mut network = virtual_network("10.60.0.0/16", &[six, subnet("four", "10.60.1.0/24", None)]);
    network["properties"]["addressSpace"]["addressPrefixes"] = json!(["10.60.0.0/16", "2001:db8:60::/48"]);
    let stored = site.nc.put("/virtualNetworks/fresh", &network).await?.is(201).body;
    assert_eq!(
        stored["properties"]["subnets"][0]["properties"]["dualStackSubnet"],
        reference("/virtualNetworks/fresh/subnets/four")
    );
    // A reference from inside of the tree keeps nobody from deleting the tree.
    site.nc.delete("/virtualNetworks/fresh").await?.is(200);
    Ok(())
}

#[tokio::test]
async fn what_is_no_longer_referred_to_can_go() -> Result<()> {
    let site = Site::furnished().await?;
    site.nc.delete("/accessControlLists/web-tier").await?.refused(409, "InUseAccessControlListCannotBeDeleted");
    site.nc.delete("/networkInterfaces/vm1").await?.is(200);
    site.nc.delete("/accessControlLists/web-tier").await?.refused(409, "InUseAccessControlListCannotBeDeleted");
    site.nc.delete("/networkInterfaces/vm2").await?.is(200);
    site.nc.delete("/virtualNetworks/blue").await?.is(200);
    site.nc.delete("/accessControlLists/web-tier").await?.is(200);
    site.nc.delete("/virtualNetworks/green").await?.is(200);
    site.nc.delete("/logicalNetworks/HNVPA").await?.refused(409, "ResourceInUse");
    site.nc.delete("/servers/host-a").await?.is(200);
    site.nc.delete("/logicalNetworks/HNVPA").await?.is(200);
    site.nc.delete("/credentials/host-admin").await?.refused(409, "InUseCredentialCannotBeDeleted");
    site.nc.delete("/virtualServers/mux1").await?.is(200);
    site.nc.delete("/credentials/host-admin").await?.is(200);
    site.nc.delete("/macPools/pool").await?.is(200);
    Ok(())
}

#[tokio::test]
async fn a_referenced_document_may_be_written() -> Result<()> {
    let site = Site::furnished().await?;
    site.nc.put("/accessControlLists/web-tier", &acl(&["130 in deny * * > *"])).await?.is(200);
    let provider = site.nc.read("/logicalNetworks/HNVPA").await?;
    let gateways = with(provider, "/properties/subnets/0/properties/defaultGateways", json!(["192.0.2.1"]));
    site.nc.put("/logicalNetworks/HNVPA", &gateways).await?.is(200);
    let host = server("127.0.0.1:9", "host-admin", "192.0.2.0/25");
    let renamed = with(host, "/properties/model", "Example 9000");
    assert_eq!(site.nc.put("/servers/host-a", &renamed).await?.is(200).body["properties"]["model"], "Example 9000");
    Ok(())
}

#[tokio::test]
async fn qos_users_are_counted_at_once() -> Result<()> {
    let site = Site::furnished().await?;
    let settings = "/virtualSwitchManager/configuration";
    site.nc.put(settings, &harness::documents::switch_settings()).await?.is(200);
    let count = async || -> Result<serde_json::Value> {
        Ok(site.nc.read(settings).await?["properties"]["numInterfacesHavingQos"].clone())
    };
    assert_eq!(count().await?, 0);
    let capped = |mbps: u32| {
        with(nic(None, &[]), "/properties/portSettings", json!({ "qosSettings": { "outboundMaximumMbps": mbps } }))
    };
    site.nc.put("/networkInterfaces/capped", &capped(100)).await?.is(201);
    site.nc.put("/networkInterfaces/free", &capped(0)).await?.is(201);
    assert_eq!(count().await?, 1);
    site.nc.put("/networkInterfaces/free", &capped(5)).await?.is(200);
    assert_eq!(count().await?, 2);
    site.nc.put("/networkInterfaces/capped", &without(capped(1), "/properties/portSettings")).await?.is(200);
    site.nc.delete("/networkInterfaces/free").await?.is(200);
    assert_eq!(count().await?, 0);
    site.nc
        .put(settings, &json!({ "properties": { "qosSettings": { "reservationMode": "Absolute" } } }))
        .await?
        .is(200);
    Ok(())
}
