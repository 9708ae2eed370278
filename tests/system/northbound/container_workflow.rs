//! The REST half of giving a container host its addresses: find the VM's NIC by address, append ten IP configurations,
//! PUT the whole NIC, let the hosts' side read it back.

use super::judge::{Judge as _, references, text};
use super::site::Site;
use harness::Result;
use harness::documents::{self, acl, address, mac_pool, nic, provider_network, reference, subnet, virtual_network};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const SUBNET: &str = "/virtualNetworks/VNet1/subnets/Subnet1";

/// `VNet1/Subnet1` with the list `AllowAll`, and a VM at 192.168.1.9.
async fn tenant() -> Result<Site> {
    let site = Site::empty().await?;
    let network = virtual_network("192.168.0.0/16", &[subnet("Subnet1", "192.168.1.0/24", Some("AllowAll"))]);
    let vm = nic(None, &[address("IP_192_168_1_9", "192.168.1.9", "VNet1/Subnet1", Some("AllowAll"))]);
    for (path, document) in [
        ("/macPools/DefaultMacPool", mac_pool("00-1D-D8-10-00-00", "00-1D-D8-10-0F-FF")),
        ("/logicalNetworks/HNVPA", provider_network("192.0.2.0/25", "192.0.2.5", "192.0.2.100")),
        ("/accessControlLists/AllowAll", acl(&documents::ALLOW_ALL)),
        ("/virtualNetworks/VNet1", network),
        ("/networkInterfaces/ContainerHost_Ethernet1", vm),
        ("/networkInterfaces/Other_Ethernet1", nic(None, &[address("ip", "192.168.1.8", "VNet1/Subnet1", None)])),
    ] {
        site.nc.put(path, &document).await?.is(201);
    }
    Ok(site)
}

/// The NIC that has this address, as the script finds it: in the list of all.
async fn nic_at(site: &Site, wanted: &str) -> Result<Value> {
    let all = site.nc.read("/networkInterfaces").await?;
    let has = |nic: &&Value| {
        let addresses = nic["properties"]["ipConfigurations"].as_array().into_iter().flatten();
        { addresses }.any(|address| address["properties"]["privateIPAddress"] == wanted)
    };
    let found: Vec<&Value> = all["value"].as_array().into_iter().flatten().filter(has).collect();
    assert_eq!(found.len(), 1, "{all}");
    Ok(found[0].clone())
}

/// The ten configurations that the script makes.
fn containers() -> Vec<Value> {
    (101..=110)
        .map(|host| {
            json!({
                "resourceId": format!("IP_192_168_1_{host}"),
                "properties": {
                    "privateIPAddress": format!("192.168.1.{host}"), "privateIPAllocationMethod": "Static",
                    "subnet": reference(SUBNET), "accessControlList": reference("/accessControlLists/AllowAll"),
                },
            })
        })
        .collect()
}

#[tokio::test]
async fn ten_addresses_are_added_with_one_put_of_the_whole_nic() -> Result<()> {
    let site = tenant().await?;
    let mut vm = nic_at(&site, "192.168.1.9").await?;
    let before = vm.clone();
    vm["properties"]["ipConfigurations"].as_array_mut().into_iter().for_each(|list| list.extend(containers()));
    let stored = site.nc.put("/networkInterfaces/ContainerHost_Ethernet1", &vm).await?.is(200).body;

    assert_eq!(stored["instanceId"], before["instanceId"], "the port profile of the VM stays");
    assert_eq!(stored["properties"]["privateMacAddress"], before["properties"]["privateMacAddress"]);
    let addresses = stored["properties"]["ipConfigurations"].as_array().cloned().unwrap_or_default();
    assert_eq!(addresses.len(), 11);
    assert_eq!(addresses[0]["instanceId"], before["properties"]["ipConfigurations"][0]["instanceId"]);
    let expected: BTreeSet<String> = addresses.iter().map(|address| text(address, "/resourceRef").to_owned()).collect();
    for (number, address) in addresses.iter().skip(1).enumerate() {
        assert_eq!(text(address, "/resourceId"), format!("IP_192_168_1_{}", 101 + number));
        assert_eq!(text(address, "/properties/privateIPAddress"), format!("192.168.1.{}", 101 + number));
        assert_eq!(address["properties"]["subnet"], reference(SUBNET));
        assert_eq!(site.nc.read(text(address, "/resourceRef")).await?, *address);
    }
    // Subnet and list know all of them at once.
    let of_list: BTreeSet<String> =
        references(&site.nc.read("/accessControlLists/AllowAll").await?, "/properties/ipConfigurations")
            .into_iter()
            .collect();
    assert_eq!(of_list, expected);
    assert_eq!(references(&site.nc.read(SUBNET).await?, "/properties/ipConfigurations").len(), 12);
    assert_eq!(nic_at(&site, "192.168.1.105").await?, stored);
    Ok(())
}

#[tokio::test]
async fn the_workflow_can_be_repeated_and_taken_back() -> Result<()> {
    let site = tenant().await?;
    let path = "/networkInterfaces/ContainerHost_Ethernet1";
    for _ in 0..2 {
        let mut vm = nic_at(&site, "192.168.1.9").await?;
        let list = vm["properties"]["ipConfigurations"].as_array().cloned().unwrap_or_default();
        let missing =
            containers().into_iter().filter(|new| list.iter().all(|old| old["resourceId"] != new["resourceId"]));
        vm["properties"]["ipConfigurations"] = list.iter().cloned().chain(missing).collect();
        let stored = site.nc.put(path, &vm).await?.is(200).body;
        assert_eq!(stored["properties"]["ipConfigurations"].as_array().map(Vec::len), Some(11));
    }
    // One address goes under its own path, the others with a PUT of the NIC.
    site.nc.delete(&format!("{path}/ipConfigurations/IP_192_168_1_104")).await?.is(200);
    let mut vm = nic_at(&site, "192.168.1.9").await?;
    vm["properties"]["ipConfigurations"].as_array_mut().into_iter().for_each(|list| list.truncate(1));
    site.nc.put(path, &vm).await?.is(200);
    assert_eq!(references(&site.nc.read(SUBNET).await?, "/properties/ipConfigurations").len(), 2);
    // The addresses may come back: their names are the client's choice.
    let mut vm = nic_at(&site, "192.168.1.9").await?;
    vm["properties"]["ipConfigurations"].as_array_mut().into_iter().for_each(|list| list.extend(containers()));
    site.nc.put(path, &vm).await?.is(200);
    Ok(())
}

#[tokio::test]
async fn one_bad_address_of_ten_adds_none() -> Result<()> {
    let site = tenant().await?;
    let before = nic_at(&site, "192.168.1.9").await?;
    let mut vm = before.clone();
    vm["properties"]["ipConfigurations"].as_array_mut().into_iter().for_each(|list| list.extend(containers()));
    vm["properties"]["ipConfigurations"][10]["properties"]["privateIPAddress"] = json!("192.168.1.8");
    site.nc.put("/networkInterfaces/ContainerHost_Ethernet1", &vm).await?.refused(400, "PrivateIPAddressInUse");
    assert_eq!(nic_at(&site, "192.168.1.9").await?, before);
    assert_eq!(references(&site.nc.read(SUBNET).await?, "/properties/ipConfigurations").len(), 2);
    Ok(())
}
