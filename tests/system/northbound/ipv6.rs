//! IPv6 in virtual networks: contract 12.23.1, 12.36.

use super::judge::{Judge as _, text};
use super::site::Site;
use harness::Result;
use harness::documents::{address, nic, reference, subnet, virtual_network};
use serde_json::{Value, json};

/// A network with two subnets, one of each family.
async fn dual_stack() -> Result<Site> {
    let site = Site::furnished().await?;
    let mut network = virtual_network(
        "10.60.0.0/16",
        &[subnet("six", "2001:db8:60:1::/64", None), subnet("four", "10.60.1.0/24", None)],
    );
    network["properties"]["addressSpace"]["addressPrefixes"] = json!(["10.60.0.0/16", "2001:db8:60::/48"]);
    site.nc.put("/virtualNetworks/dual", &network).await?.is(201);
    Ok(site)
}

fn at(text: &str) -> Value {
    nic(None, &[address("ip0", text, "dual/six", None)])
}

#[tokio::test]
async fn addresses_of_both_families_live_on_one_nic() -> Result<()> {
    let site = dual_stack().await?;
    let addresses =
        [address("ip4", "10.60.1.9", "dual/four", None), address("ip6", "2001:db8:60:1::9", "dual/six", None)];
    let made = site.nc.put("/networkInterfaces/both", &nic(None, &addresses)).await?.is(201).body;
    assert_eq!(text(&made, "/properties/ipConfigurations/1/properties/privateIPAddress"), "2001:db8:60:1::9");
    Ok(())
}

#[tokio::test]
async fn one_address_has_many_spellings() -> Result<()> {
    let site = dual_stack().await?;
    site.nc.put("/networkInterfaces/one", &at("2001:db8:60:1::9")).await?.is(201);
    for spelling in ["2001:DB8:60:1::9", "2001:0db8:0060:0001:0000:0000:0000:0009", "2001:db8:60:1::0.0.0.9"] {
        site.nc.put("/networkInterfaces/two", &at(spelling)).await?.refused(400, "PrivateIPAddressInUse");
        site.nc.put("/networkInterfaces/one", &at(spelling)).await?.is(200);
    }
    Ok(())
}

#[tokio::test]
async fn an_ipv6_subnet_reserves_its_first_two_addresses_and_has_no_broadcast() -> Result<()> {
    let site = dual_stack().await?;
    for reserved in ["2001:db8:60:1::", "2001:db8:60:1::1"] {
        site.nc.put("/networkInterfaces/one", &at(reserved)).await?.refused(400, "PrivateIPAddressInReservedRange");
    }
    site.nc.put("/networkInterfaces/last", &at("2001:db8:60:1:ffff:ffff:ffff:ffff")).await?.is(201);
    site.nc.put("/networkInterfaces/out", &at("2001:db8:60:2::9")).await?.refused(400, "PrivateIPAddressNotInSubnet");
    let dynamic =
        json!({ "privateIPAllocationMethod": "Dynamic", "subnet": reference("/virtualNetworks/dual/subnets/six") });
    let made = site
        .nc
        .put("/networkInterfaces/dynamic", &nic(None, &[json!({ "resourceId": "ip0", "properties": dynamic })]))
        .await?
        .is(201)
        .body;
    assert_eq!(text(&made, "/properties/ipConfigurations/0/properties/privateIPAddress"), "2001:db8:60:1::4");
    Ok(())
}
