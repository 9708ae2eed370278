//! What real clients send and must be understood: contract sections 1, 2 and 4.2.

use super::judge::{Judge as _, child, etag, references, strip, with, without};
use super::site::Site;
use super::{furniture, wire};
use harness::Result;
use harness::documents::{acl, address, nic, reference, subnet, virtual_network};
use reqwest::Method;
use serde_json::{Map, Value, json};

#[tokio::test]
async fn paths_are_read_in_any_case_and_ids_kept_as_first_written() -> Result<()> {
    let site = Site::furnished().await?;
    let blue = site.nc.read("/virtualNetworks/blue").await?;
    let spellings = [
        "/Networking/v1/virtualNetworks/blue",
        "/networking/V4/VIRTUALNETWORKS/BLUE",
        "/NETWORKING/v7.1/virtualnetworks/Blue",
        "/networking/V3.2/virtualNetworks/bl%75e",
    ];
    for path in spellings {
        let reply = site.nc.send_raw(Method::GET, path, None, &[]).await?.is(200);
        assert_eq!((&reply.body["resourceId"], &reply.body["etag"]), (&blue["resourceId"], &blue["etag"]), "{path}");
    }
    let subnet = site.nc.get("/VirtualNetworks/BLUE/Subnets/WEB").await?.is(200).body;
    assert_eq!(subnet["resourceRef"], "/virtualNetworks/blue/subnets/web");

    let same = site.nc.put("/virtualNetworks/BLUE", &without(blue.clone(), "/resourceId")).await?.is(200);
    assert_eq!(same.body, blue, "one document, with the name it was made with");
    let named = site.nc.put("/virtualNetworks/BLUE", &with(blue.clone(), "/resourceId", "Blue")).await?.is(200);
    assert_eq!(named.body, blue);
    site.nc.delete("/VIRTUALNETWORKS/GREEN").await?.is(200);
    site.nc.get("/virtualNetworks/green").await?.is(404);
    Ok(())
}

#[tokio::test]
async fn a_collection_is_listed_with_and_without_trailing_slash() -> Result<()> {
    let site = Site::furnished().await?;
    for path in [
        "/virtualNetworks",
        "/virtualNetworks/blue/subnets",
        "/logicalNetworks/backend/subnets/vlan7/ipPools",
        "/loadBalancers",
    ] {
        let plain = site.nc.get(path).await?.is(200).body;
        assert_eq!(site.nc.get(&format!("{path}/")).await?.is(200).body, plain, "{path}");
    }
    Ok(())
}

#[tokio::test]
async fn every_version_token_serves_in_any_case() -> Result<()> {
    let site = Site::empty().await?;
    for token in ["v1", "v2", "v3", "v3.1", "v3.2", "v4", "v4.2", "v5", "v6", "v6.1", "v7", "v7.1"] {
        for token in [token.to_owned(), token.to_uppercase()] {
            let client = site.nc.version(&token);
            client.put("/accessControlLists/web", &acl(&[])).await?.is(201);
            client.get("/accessControlLists/web").await?.is(200);
            client.get("/accessControlLists").await?.is(200);
            client.delete("/accessControlLists/web").await?.is(200);
        }
    }
    Ok(())
}

#[tokio::test]
async fn ids_may_be_any_printable_text() -> Result<()> {
    let site = Site::empty().await?;
    let long = "x".repeat(256);
    let ids = [
        ("10.172.10.0_24", "10.172.10.0_24"),
        ("host-1.fabric.example", "host-1.fabric.example"),
        ("2026-02-03T10:05:00", "2026-02-03T10:05:00"),
        ("a b", "a%20b"),
        ("ÄÖ ü", "%C3%84%C3%96%20%C3%BC"),
        ("50+50", "50+50"),
        ("{curly}", "%7Bcurly%7D"),
        ("'quoted'", "%27quoted%27"),
        (long.as_str(), long.as_str()),
    ];
    for (id, segment) in ids {
        let path = format!("/accessControlLists/{segment}");
        let made = site.nc.put(&path, &with(acl(&[]), "/resourceId", id)).await?.is(201).body;
        assert_eq!(made["resourceId"], id);
        assert_eq!(site.nc.read(&path).await?, made);
        let reference = made["resourceRef"].as_str().unwrap_or_default().to_owned();
        assert_eq!(site.nc.read(&reference).await?, made, "{reference} can be appended to the version");
    }
    Ok(())
}

/// The same with every member name and enum value in another case.
fn shout(value: Value) -> Value {
    const WORDS: [&str; 9] = ["Allow", "Deny", "Inbound", "Outbound", "tcp", "All", "Static", "Dynamic", "Disabled"];
    match value {
        Value::Object(members) => Value::Object(
            members.into_iter().map(|(name, value)| (name.to_uppercase(), shout(value))).collect::<Map<_, _>>(),
        ),
        Value::Array(elements) => elements.into_iter().map(shout).collect(),
        Value::String(word) if WORDS.iter().any(|known| known.eq_ignore_ascii_case(&word)) => {
            word.to_uppercase().into()
        }
        other => other,
    }
}

#[tokio::test]
async fn member_names_and_enum_values_are_read_in_any_case() -> Result<()> {
    let site = Site::furnished().await?;
    for (path, document) in furniture::documents() {
        let stored = site.nc.read(path).await?;
        let reply = site.nc.put(path, &shout(document)).await?.is(200);
        assert_eq!(reply.body, stored, "{path} reads the same, so nothing changed");
    }
    Ok(())
}

#[tokio::test]
async fn numbers_and_truths_may_be_texts_and_the_reverse() -> Result<()> {
    let site = Site::furnished().await?;
    let list = with(acl(&["200 in allow tcp * > *:443"]), "/properties/aclRules/0/properties/priority", 200);
    let list = with(list, "/properties/aclRules/0/properties/destinationPortRange", 443);
    let stored = site.nc.put("/accessControlLists/typed", &list).await?.is(201).body;
    let rule = &stored["properties"]["aclRules"][0]["properties"];
    assert_eq!((&rule["priority"], &rule["destinationPortRange"]), (&json!("200"), &json!("443")));

    site.nc.put("/virtualSwitchManager/configuration", &harness::documents::switch_settings()).await?.is(200);
    let vm = nic(None, &[]);
    let settings = json!({
        "vmqWeight": "50", "stormLimit": "0",
        "qosSettings": { "outboundMaximumMbps": "1000", "inboundMaximumMbps": "500", "outboundReservedValue": "10" },
    });
    let vm = with(
        with(with(vm, "/properties/portSettings", settings), "/properties/isPrimary", "True"),
        "/properties/isMultitenantStack",
        "false",
    );
    let stored = site.nc.put("/networkInterfaces/typed", &vm).await?.is(201).body;
    let port = &stored["properties"]["portSettings"];
    assert_eq!((&port["vmqWeight"], &port["stormLimit"]), (&json!(50), &json!(0)));
    let qos = json!({
        "outboundMaximumMbps": 1000,
        "inboundMaximumMbps": 500,
        "outboundReservedValue": 10,
        "enableHardwareLimits": false,
    });
    assert_eq!(port["qosSettings"], qos);
    assert_eq!(
        (&stored["properties"]["isPrimary"], &stored["properties"]["isMultitenantStack"]),
        (&json!(true), &json!(false))
    );

    for enabled in [json!(true), json!("true"), json!("TRUE"), json!("True")] {
        let network = json!({
            "properties": {
                "networkVirtualizationEnabled": enabled,
                "subnets": [{ "resourceId": "a", "properties": { "vlanid": 12 } }],
            },
        });
        let stored = site.nc.put("/logicalNetworks/typed", &network).await?.expect_status_in("PUT", &[200, 201]).body;
        assert_eq!(stored["properties"]["networkVirtualizationEnabled"], "True");
        assert_eq!(stored["properties"]["subnets"][0]["properties"]["vlanID"], "12");
    }
    Ok(())
}

#[tokio::test]
async fn a_single_value_stands_for_a_list_of_one() -> Result<()> {
    let site = Site::furnished().await?;
    let mut network = virtual_network("10.60.0.0/16", &[]);
    network["properties"]["addressSpace"]["addressPrefixes"] = json!("10.60.0.0/16");
    network["properties"]["dhcpOptions"] = json!({ "DnsServers": "10.60.0.53" });
    network["properties"]["subnets"] = subnet("one", "10.60.1.0/24", None);
    let stored = site.nc.put("/virtualNetworks/scalar", &network).await?.is(201).body;
    assert_eq!(stored["properties"]["addressSpace"]["addressPrefixes"], json!(["10.60.0.0/16"]));
    assert_eq!(stored["properties"]["dhcpOptions"]["dnsServers"], json!(["10.60.0.53"]));
    assert_eq!(child(&stored, "/properties/subnets", "one")["properties"]["addressPrefix"], "10.60.1.0/24");
    Ok(())
}

#[tokio::test]
async fn a_reference_may_be_a_whole_object_with_any_spelling_of_its_path() -> Result<()> {
    let site = Site::furnished().await?;
    let whole = site.nc.read("/logicalNetworks/HNVPA").await?;
    let spellings = [
        whole,
        reference("/logicalNetworks/HNVPA"),
        reference("/LOGICALNETWORKS/hnvpa"),
        reference("logicalNetworks/HNVPA"),
        reference("/networking/v1/logicalNetworks/HNVPA"),
        reference("/Networking/V4.2/logicalnetworks/HNVPA"),
        json!({
            "ResourceRef": "/logicalNetworks/HNVPA",
            "instanceId": "00000000-0000-0000-0000-000000000000",
            "etag": null,
        }),
    ];
    for spelling in spellings {
        let network = with(virtual_network("10.60.0.0/16", &[]), "/properties/logicalNetwork", spelling.clone());
        let stored = site.nc.put("/virtualNetworks/spelled", &network).await?.expect_status_in("PUT", &[200, 201]).body;
        assert_eq!(stored["properties"]["logicalNetwork"], reference("/logicalnetworks/HNVPA"), "{spelling}");
    }
    Ok(())
}

#[tokio::test]
async fn null_counts_as_absence_at_every_level() -> Result<()> {
    let site = Site::furnished().await?;
    let mut vm1 = site.nc.read("/networkInterfaces/vm1").await?;
    let address = &mut vm1["properties"]["ipConfigurations"][0]["properties"];
    assert!(address["accessControlList"].is_object());
    address["accessControlList"] = json!(null);
    address["publicIPAddress"] = json!(null);
    address["loadBalancerBackendAddressPools"] = json!(null);
    vm1["properties"]["dnsSettings"] = json!(null);
    vm1["properties"]["portSettings"] = json!(null);
    vm1["properties"]["internalDnsNameLabel"] = json!(null);
    vm1["tags"] = json!(null);
    vm1["resourceMetadata"] = json!(null);
    let stored = site.nc.put("/networkInterfaces/vm1", &vm1).await?.is(200).body;
    let address = &stored["properties"]["ipConfigurations"][0]["properties"];
    assert_eq!(address.get("accessControlList"), None, "the list is detached");
    assert_eq!(address["loadBalancerBackendAddressPools"], json!([]));
    assert_eq!(stored["properties"]["dnsSettings"], json!({}));
    assert!(!stored.to_string().contains("null"), "{stored}");
    assert_eq!(
        references(&site.nc.read("/accessControlLists/web-tier").await?, "/properties/ipConfigurations"),
        [""; 0]
    );
    Ok(())
}

#[tokio::test]
async fn what_only_the_server_writes_and_what_nobody_knows_is_ignored() -> Result<()> {
    let site = Site::furnished().await?;
    let noise = json!({
        "provisioningState": "Failed", "configurationState": { "status": "Failure" }, "bgpNetworks": [], "types": ["x"],
        "server": reference("/servers/none"), "serviceInsertionElements": [reference("/nowhere/at/all")],
        "parentResourceID": "blue",
    });
    for (path, _) in furniture::documents() {
        let stored = site.nc.read(path).await?;
        let mut noisy = stored.clone();
        let own = stored["properties"].as_object().cloned().unwrap_or_default();
        let mut members = noise.as_object().cloned().unwrap_or_default();
        members.retain(|name, _| !own.contains_key(name) || name == "provisioningState");
        noisy["properties"].as_object_mut().into_iter().for_each(|properties| properties.extend(members.clone()));
        noisy["instanceId"] = json!("00000000-0000-0000-0000-000000000000");
        noisy["etag"] = json!("W/\"none\"");
        noisy["resourceRef"] = json!("/accessControlLists/None/aclRules/r1");
        noisy["parentResourceID"] = json!("nobody");
        noisy["operation-id"] = json!(7);
        let reply = site.nc.put(path, &noisy).await?.is(200);
        assert_eq!(reply.body, stored, "{path}");
    }
    Ok(())
}

#[tokio::test]
async fn a_byte_order_mark_and_any_content_type_are_taken() -> Result<()> {
    let site = Site::empty().await?;
    let path = "/networking/v1/accessControlLists/marked";
    let marked = format!("\u{feff}{}", acl(&[]));
    site.nc.send_raw(Method::PUT, path, Some(&marked), &[]).await?.is(201);
    let body = acl(&["110 in allow * * > *"]).to_string();
    let address = "PUT /networking/v1/accessControlLists/typed HTTP/1.1\r\nHost: nc\r\nConnection: close";
    for (number, content_type) in
        ["", "Content-Type: text/plain\r\n", "Content-Type: application/xml; charset=utf-16\r\n"].iter().enumerate()
    {
        let request = format!("{address}\r\n{content_type}Content-Length: {}\r\n\r\n{body}", body.len());
        let reply = wire::exchange(site.nc.root(), &[request.as_bytes()]).await?;
        assert_eq!(reply.status, if number == 0 { 201 } else { 200 }, "{content_type}: {}", reply.body);
    }
    Ok(())
}

#[tokio::test]
async fn a_body_of_many_megabytes_is_taken() -> Result<()> {
    let site = Site::empty().await?;
    let rule = |number: usize| {
        let mut rule = harness::documents::rule(&format!("{} in allow tcp * > *:443", 100 + number));
        rule["properties"]["description"] = "x".repeat(1000).into();
        rule
    };
    let list = json!({ "properties": { "aclRules": (0..5000).map(rule).collect::<Vec<_>>() } });
    assert!(list.to_string().len() > 5 << 20);
    let stored = site.nc.put("/accessControlLists/large", &list).await?.is(201).body;
    assert_eq!(stored["properties"]["aclRules"].as_array().map(Vec::len), Some(5000));
    assert_eq!(etag(&site.nc.read("/accessControlLists/large").await?), etag(&stored));
    Ok(())
}

#[tokio::test]
async fn what_get_returned_can_be_put_back_through_every_version() -> Result<()> {
    let site = Site::furnished().await?;
    for version in ["v1", "v2", "v3", "v4", "v5", "v6", "v7.1"] {
        let client = site.nc.version(version);
        for (path, _) in furniture::documents() {
            let read = client.read(path).await?;
            let reply = client.put(path, &read).await?.is(200);
            assert_eq!(reply.body, read, "{version} {path}");
            let stripped = strip(read.clone(), &["provisioningState", "configurationState"]);
            assert_eq!(client.put(path, &stripped).await?.is(200).body, read, "{version} {path} without states");
        }
    }
    let children = [
        "/virtualNetworks/blue/subnets/web",
        "/networkInterfaces/vm1/ipConfigurations/ip0",
        "/logicalNetworks/backend/subnets/vlan7",
        "/servers/host-a/networkInterfaces/switch",
    ];
    for path in children {
        let read = site.nc.read(path).await?;
        assert_eq!(site.nc.put(path, &read).await?.is(200).body, read, "{path}");
    }
    Ok(())
}

#[tokio::test]
async fn a_nic_without_a_method_is_static_if_it_has_a_mac_and_dynamic_if_not() -> Result<()> {
    let site = Site::furnished().await?;
    let bare =
        without(nic(None, &[address("ip0", "10.20.1.90", "blue/web", None)]), "/properties/privateMacAllocationMethod");
    let stored = site.nc.put("/networkInterfaces/bare", &bare).await?.is(201).body;
    assert_eq!(stored["properties"]["privateMacAllocationMethod"], "Dynamic");
    let with_mac = with(
        with(bare, "/properties/privateMacAddress", "00:1d:d8:20:00:77"),
        "/properties/ipConfigurations",
        json!([]),
    );
    let stored = site.nc.put("/networkInterfaces/with-mac", &with_mac).await?.is(201).body;
    assert_eq!(stored["properties"]["privateMacAllocationMethod"], "Static");
    assert_eq!(stored["properties"]["privateMacAddress"], "001DD8200077");
    Ok(())
}
