//! Output form: contract section 10, casing and types of section 12.

use super::furniture;
use super::judge::{Judge as _, child, etag, text, with};
use super::site::Site;
use harness::Result;
use harness::documents::{acl, mac_pool, nic, reference};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use uuid::Uuid;

#[tokio::test]
async fn a_collection_without_documents_has_no_value() -> Result<()> {
    let site = Site::empty().await?;
    for path in furniture::COLLECTIONS {
        assert_eq!(site.nc.get(path).await?.is(200).body, json!({ "nextLink": "" }), "{path}");
    }
    site.nc.put("/accessControlLists/one", &acl(&[])).await?.is(201);
    assert_eq!(site.nc.get("/accessControlLists/one/aclRules").await?.is(200).body, json!({ "nextLink": "" }));
    site.nc.delete("/accessControlLists/one").await?.is(200);
    assert_eq!(site.nc.get("/accessControlLists").await?.is(200).body, json!({ "nextLink": "" }));
    Ok(())
}

#[tokio::test]
async fn a_list_has_the_whole_documents() -> Result<()> {
    let site = Site::furnished().await?;
    for version in ["v1", "v7.1"] {
        let client = site.nc.version(version);
        for path in furniture::COLLECTIONS {
            let list = client.read(path).await?;
            assert_eq!(list["nextLink"], "", "{path}");
            let members = list["value"].as_array().cloned().unwrap_or_default();
            let expected =
                furniture::documents().into_iter().filter(|(of, _)| of.starts_with(&format!("{path}/"))).count();
            assert_eq!(members.len(), expected, "{version} {path}");
            for member in members {
                assert_eq!(client.read(text(&member, "/resourceRef")).await?, member, "{version} {path}");
            }
        }
    }
    let subnets = site.nc.read("/virtualNetworks/blue/subnets").await?;
    let blue = site.nc.read("/virtualNetworks/blue").await?;
    assert_eq!(subnets["value"], blue["properties"]["subnets"]);
    Ok(())
}

/// Every document in this one, itself included.
fn documents(document: &Value) -> Vec<&Value> {
    let below = document["properties"].as_object().into_iter().flat_map(|properties| properties.values());
    let below = below.filter_map(Value::as_array).flatten().filter(|element| element["resourceId"].is_string());
    [document].into_iter().chain(below.flat_map(documents)).collect()
}

#[tokio::test]
async fn every_document_has_the_members_that_all_have() -> Result<()> {
    let site = Site::furnished().await?;
    let mut instances = BTreeSet::new();
    for (path, _) in furniture::documents() {
        let top = site.nc.read(path).await?;
        for document in documents(&top) {
            assert_eq!(site.nc.read(text(document, "/resourceRef")).await?, *document, "{path}");
            assert!(text(document, "/resourceRef").ends_with(text(document, "/resourceId")), "{document}");
            assert_eq!(document["properties"]["provisioningState"], "Succeeded", "{document}");
            assert!(etag(document).starts_with("W/\""), "{document}");
            let instance: Uuid =
                text(document, "/instanceId").parse().map_err(|_| harness::Error::Claim(format!("{document}")))?;
            assert!(!instance.is_nil() && instances.insert(instance), "{document}");
        }
        assert!(!top.to_string().contains("null"), "{top}");
    }
    Ok(())
}

#[tokio::test]
async fn tags_and_metadata_are_kept_as_they_came() -> Result<()> {
    let site = Site::furnished().await?;
    let tags = json!({ "Cost Center": "42", "Ümlaut": "ß", "empty": "" });
    let metadata = json!({
        "client": "portal",
        "tenantId": "t-1",
        "groupId": "g-1",
        "resourceName": "Blue",
        "name": "b",
        "originalHref": "https://portal.example/1",
        "more": { "of": [1, 2.5, true] },
    });
    for (path, _) in furniture::documents() {
        let document = site.nc.read(path).await?;
        assert_eq!(
            (document.get("tags"), document.get("resourceMetadata")),
            (None, None),
            "{path}: not set, not shown"
        );
        let marked = with(with(document, "/tags", tags.clone()), "/resourceMetadata", metadata.clone());
        site.nc.put(path, &marked).await?.is(200);
        let read = site.nc.version("v1").read(path).await?;
        assert_eq!((&read["tags"], &read["resourceMetadata"]), (&tags, &metadata), "{path}");
    }
    let subnet = site.nc.read("/virtualNetworks/blue/subnets/web").await?;
    site.nc.put("/virtualNetworks/blue/subnets/web", &with(subnet, "/tags", tags.clone())).await?.is(200);
    assert_eq!(child(&site.nc.read("/virtualNetworks/blue").await?, "/properties/subnets", "web")["tags"], tags);
    Ok(())
}

#[tokio::test]
async fn an_access_control_list_reads_as_in_the_contract() -> Result<()> {
    let site = Site::furnished().await?;
    let document = site.nc.read("/accessControlLists/web-tier").await?;
    let properties = &document["properties"];
    assert_eq!(properties["ipConfigurations"], json!([reference("/networkInterfaces/vm1/ipConfigurations/ip0")]));
    assert_eq!(properties["subnets"], json!([reference("/virtualNetworks/blue/subnets/web")]));
    assert_eq!(
        (&properties["inboundDefaultAction"], &properties["outboundDefaultAction"]),
        (&json!("Permit"), &json!("Permit"))
    );
    assert_eq!(
        child(&document, "/properties/aclRules", "110-in")["properties"],
        json!({
            "provisioningState": "Succeeded", "protocol": "TCP", "sourcePortRange": "*", "destinationPortRange": "443",
            "action": "Allow",
            "sourceAddressPrefix": "*", "destinationAddressPrefix": "10.20.1.0/24", "priority": "110",
            "type": "Inbound", "logging": "Disabled",
        })
    );
    let plain = site.nc.read("/accessControlLists/plain").await?;
    assert_eq!((&plain["properties"]["ipConfigurations"], &plain["properties"]["subnets"]), (&json!([]), &json!([])));
    let by_default = json!({ "properties": { "aclRules": [{ "resourceId": "r", "properties": {
        "action": "allow", "type": "OUTBOUND", "priority": "500", "protocol": "all", "sourcePortRange": "0-65535",
        "destinationPortRange": "0-65535", "sourceAddressPrefix": "virtualnetwork",
        "destinationAddressPrefix": "10.9.8.7/8" } }] } });
    let stored = site.nc.put("/accessControlLists/fresh", &by_default).await?.is(201).body;
    let rule = &stored["properties"]["aclRules"][0]["properties"];
    assert_eq!(
        (&rule["action"], &rule["type"], &rule["protocol"], &rule["logging"]),
        (&json!("Allow"), &json!("Outbound"), &json!("All"), &json!("Enabled"))
    );
    assert_eq!(rule["destinationAddressPrefix"], "10.9.8.7/8", "a prefix is returned as written");
    Ok(())
}

#[tokio::test]
async fn a_nic_reads_as_in_the_contract() -> Result<()> {
    let site = Site::furnished().await?;
    let document = site.nc.read("/networkInterfaces/vm1").await?;
    let mut properties = document["properties"].clone();
    properties.as_object_mut().map(|members| members.remove("configurationState"));
    let address = child(&document, "/properties/ipConfigurations", "ip0");
    assert_eq!(
        address["properties"],
        json!({
            "provisioningState": "Succeeded", "privateIPAddress": "10.20.1.4", "privateIPAllocationMethod": "Static",
            "subnet": reference("/virtualNetworks/blue/subnets/web"),
            "accessControlList": reference("/accessControlLists/web-tier"),
            "loadBalancerBackendAddressPools": [], "loadBalancerInboundNatRules": [],
        })
    );
    assert_eq!(
        properties,
        json!({
            "provisioningState": "Succeeded", "ipConfigurations": [address], "dnsSettings": {},
            "privateMacAddress": "001DD8200001",
            "privateMacAllocationMethod": "Static", "serviceInsertionElements": [],
            "portSettings": {
                "macSpoofingEnabled": "Disabled", "arpGuardEnabled": "Disabled", "dhcpGuardEnabled": "Disabled",
                "stormLimit": 0,
                "portFlowLimit": 0, "iovWeight": 0, "iovInterruptModeration": "Off", "iovQueuePairsRequested": 0,
                "vmqWeight": 100,
            },
            "isHostVirtualNetworkInterface": false, "isPrimary": true, "isMultitenantStack": false,
        })
    );
    let empty = site.nc.put("/networkInterfaces/empty", &nic(None, &[])).await?.is(201).body;
    assert_eq!(empty["properties"].get("ipConfigurations"), None, "left out when there are none");
    Ok(())
}

#[tokio::test]
async fn a_logical_network_reads_as_in_the_contract() -> Result<()> {
    let site = Site::furnished().await?;
    let document = site.nc.read("/logicalNetworks/backend").await?;
    assert_eq!(document["resourceRef"], "/logicalnetworks/backend");
    assert_eq!(document["properties"]["networkVirtualizationEnabled"], "False");
    assert_eq!(document["properties"]["virtualNetworks"], json!([]));
    let vlan7 = &child(&document, "/properties/subnets", "vlan7")["properties"];
    assert_eq!((&vlan7["vlanID"], &vlan7["isPublic"]), (&json!("7"), &json!(false)));
    for empty in ["ipConfigurations", "networkInterfaces", "gatewayPools", "networkConnections"] {
        assert_eq!(vlan7[empty], json!([]), "{empty}");
    }
    let usage =
        json!({ "numberOfIPAddresses": 191, "numberofIPAddressesAllocated": 0, "numberOfIPAddressesInTransition": 0 });
    assert_eq!(vlan7["usage"], usage);
    let pool = &vlan7["ipPools"][0]["properties"];
    assert_eq!((&pool["startIpAddress"], &pool["endIpAddress"]), (&json!("172.16.7.10"), &json!("172.16.7.200")));
    // The subnet and its pool spell one member differently, as in the original.
    let of_pool =
        json!({ "numberOfIPAddresses": 191, "numberOfIPAddressesAllocated": 0, "numberOfIPAddressesInTransition": 0 });
    assert_eq!(pool["usage"], of_pool);
    let bare = &child(&document, "/properties/subnets", "bare")["properties"];
    assert_eq!((bare.get("addressPrefix"), &bare["dnsServers"]), (None, &json!([])));

    let provider = site.nc.read("/logicalNetworks/HNVPA").await?;
    assert_eq!(provider["properties"]["networkVirtualizationEnabled"], "True");
    let networks = json!([reference("/virtualNetworks/blue"), reference("/virtualNetworks/green")]);
    assert_eq!(provider["properties"]["virtualNetworks"], networks);
    let cards = &provider["properties"]["subnets"][0]["properties"]["networkInterfaces"];
    assert_eq!(*cards, json!([reference("/servers/host-a/networkInterfaces/switch")]));
    Ok(())
}

#[tokio::test]
async fn a_virtual_network_reads_as_in_the_contract() -> Result<()> {
    let site = Site::furnished().await?;
    let document = site.nc.read("/virtualNetworks/blue").await?;
    let properties = &document["properties"];
    assert_eq!(properties["logicalNetwork"], reference("/logicalnetworks/HNVPA"), "in the casing of the original");
    assert_eq!(properties["addressSpace"], json!({ "addressPrefixes": ["10.20.0.0/16"] }));
    assert_eq!(properties["dhcpOptions"], json!({ "dnsServers": ["10.20.0.53"] }));
    let db = &child(&document, "/properties/subnets", "db")["properties"];
    assert_eq!((db.get("accessControlList"), &db["ipConfigurations"]), (None, &json!([])));
    let vsid: u32 = text(db, "/virtualSubnetId").parse().unwrap_or_default();
    assert!((5000..=9999).contains(&vsid), "{db}");
    Ok(())
}

#[tokio::test]
async fn hosts_and_pools_read_as_in_the_contract() -> Result<()> {
    let site = Site::furnished().await?;
    let server = site.nc.read("/servers/host-a").await?;
    let card = &server["properties"]["networkInterfaces"][0]["properties"];
    let subnet = reference("/logicalnetworks/HNVPA/subnets/192.0.2.0_25");
    assert_eq!(*card, json!({ "provisioningState": "Succeeded", "isBMC": "false", "logicalSubnets": [subnet] }));
    let connection = &server["properties"]["connections"][0];
    assert_eq!(connection["managementAddresses"], json!(["127.0.0.1:9"]));
    assert_eq!(connection["credential"], reference("/credentials/host-admin"));

    let vm = site.nc.read("/virtualServers/mux1").await?;
    assert_eq!(
        (&vm["markServerReadOnly"], &vm["properties"]["vmGuid"]),
        (&json!(false), &json!("0A1B2C3D-4E5F-4601-8723-456789ABCDEF"))
    );
    let marked = site.nc.put("/virtualServers/mux1", &with(vm, "/markServerReadOnly", "True")).await?.is(200).body;
    assert_eq!(marked["markServerReadOnly"], true);

    let pool = site.nc.put("/macPools/plain", &mac_pool("001dd8500000", "00:1d:d8:50:00:ff")).await?.is(201).body;
    assert_eq!(
        pool["properties"],
        json!({
            "provisioningState": "Succeeded", "startMacAddress": "00-1D-D8-50-00-00",
            "endMacAddress": "00-1D-D8-50-00-FF",
            "usage": { "numberOfMacAddresses": 256, "numberofMacAddressesAllocated": 0 },
        })
    );
    let used = site.nc.read("/macPools/pool").await?;
    assert_eq!(
        used["properties"]["usage"],
        json!({ "numberOfMacAddresses": 4096, "numberofMacAddressesAllocated": 1 })
    );
    Ok(())
}
