//! Singletons, discovery, and the collections that are only listed. Contract 4.4, 12.6, 12.35, 12.38.

use super::judge::{Judge as _, text};
use super::site::Site;
use harness::Result;
use harness::documents::document;
use reqwest::Method;
use serde_json::{Value, json};

#[tokio::test]
async fn overlay_settings_answer_with_defaults_before_the_first_put() -> Result<()> {
    let site = Site::empty().await?;
    let path = "/virtualNetworkManager/configuration";
    let untouched = json!({
        "resourceRef": "/virtualNetworkManager/",
        "instanceId": "00000000-0000-0000-0000-000000000000",
        "properties": {
            "provisioningState": "Succeeded",
            "distributedRouterState": "Enabled",
            "networkVirtualizationProtocol": "VXLAN",
        },
    });
    assert_eq!(site.nc.version("v1").get(path).await?.is(200).body, untouched);

    let made = site.nc.put(path, &document(json!({ "networkVirtualizationProtocol": "nvgre" }))).await?;
    let made = made.expect_status_in("the first PUT", &[200, 201]).body;
    assert_eq!((&made["resourceId"], &made["resourceRef"]), (&json!("configuration"), &json!(path)));
    assert_eq!(made["properties"]["networkVirtualizationProtocol"], "NVGRE");
    assert_ne!(made["instanceId"], untouched["instanceId"]);
    let again = site.nc.put(path, &document(json!({}))).await?.is(200).body;
    assert_eq!(again["properties"]["networkVirtualizationProtocol"], "VXLAN", "absent is the default");
    assert_eq!(again["instanceId"], made["instanceId"]);
    Ok(())
}

#[tokio::test]
async fn switch_settings_answer_before_the_first_put_and_keep_qos_unset_without_it() -> Result<()> {
    let site = Site::empty().await?;
    let path = "/virtualSwitchManager/configuration";
    let before = site.nc.get(path).await?.is(200).body;
    assert_eq!(before["properties"]["provisioningState"], "Succeeded");
    assert_eq!(before["properties"].get("qosSettings"), None, "{before}");

    let blocked = site.nc.put(path, &document(json!({ "portDefaultState": "blocktraffic" }))).await?;
    let blocked = blocked.expect_status_in("the first PUT", &[200, 201]).body;
    assert_eq!(blocked["properties"]["portDefaultState"], "BlockTraffic");
    assert_eq!(blocked["properties"].get("qosSettings"), None, "{blocked}");
    assert_eq!(blocked["properties"]["numInterfacesHavingQos"], 0);
    let qos = site.nc.put(path, &document(json!({ "qosSettings": {} }))).await?.is(200).body;
    assert_eq!(qos["properties"]["portDefaultState"], "default");
    let settings = &qos["properties"]["qosSettings"];
    assert_eq!(
        (&settings["reservationMode"], &settings["enableSoftwareReservations"]),
        (&json!("Weight"), &json!(false))
    );
    Ok(())
}

#[tokio::test]
async fn singletons_answer_with_the_document_and_not_with_a_list() -> Result<()> {
    let site = Site::furnished().await?;
    for path in super::furniture::SINGLETONS {
        let read = site.nc.get(path).await?.is(200).body;
        assert_eq!((read.get("value"), &read["resourceId"]), (None, &json!("configuration")));
        assert_eq!(site.nc.get(&path.to_uppercase()).await?.is(200).body, read);
    }
    Ok(())
}

#[tokio::test]
async fn discovery_answers_without_a_version_and_names_one_that_is_served() -> Result<()> {
    let site = Site::empty().await?;
    let get =
        async |path: &str| -> Result<Value> { Ok(site.nc.send_raw(Method::GET, path, None, &[]).await?.is(200).body) };
    let discovery = get("/networking/discovery").await?;
    assert_eq!(
        (&discovery["resourceRef"], &discovery["resourceId"]),
        (&json!("/discovery/discovery"), &json!("discovery"))
    );
    assert_eq!(discovery["properties"]["provisioningState"], "Succeeded");
    for member in ["/etag", "/instanceId", "/properties/networkControllerVersion"] {
        assert!(!text(&discovery, member).is_empty());
    }
    let current = text(&discovery, "/properties/currentRestVersion");
    get(&format!("/networking/{current}/accessControlLists")).await?;
    let supported = discovery["properties"]["supportedRestVersions"].as_array().cloned().unwrap_or_default();
    let tokens = ["V1", "V2", "V3", "V3.1", "V3.2", "V4", "V4.2", "V5", "V6", "V6.1", "V7", "V7.1"];
    assert_eq!(supported, tokens.map(Value::from));
    assert!(supported.contains(&json!(current)), "{discovery}");

    for path in ["/Networking/Discovery", "/networking/v3/discovery", "/networking/V7.1/discovery"] {
        assert_eq!(get(path).await?, discovery, "{path}");
    }
    site.nc.version("v2").get("/discovery").await?.refused(404, "NotFound");
    Ok(())
}

#[tokio::test]
async fn collections_not_served_yet_are_empty_from_their_version_on() -> Result<()> {
    let site = Site::empty().await?;
    let collections = [
        ("/diagnostics/connectivityCheckResults", "v1"),
        ("/diagnostics/slbStateResults", "v1"),
        ("/gatewayPools", "v1"),
        ("/gateways", "v1"),
        ("/internalResourceInstances", "v1"),
        ("/learnedIPAddresses", "v5"),
        ("/loadBalancerMuxes", "v1"),
        ("/loadBalancers", "v1"),
        ("/networkControllerBackup", "v1"),
        ("/networkControllerRestore", "v1"),
        ("/publicIPAddresses", "v1"),
        ("/routeTables", "v1"),
        ("/securityTags", "v5"),
        ("/serviceInsertions", "v1"),
        ("/virtualGateways", "v1"),
    ];
    let versions = ["v1", "v2", "v3", "v3.1", "v3.2", "v4", "v4.2", "v5", "v6", "v6.1", "v7", "v7.1"];
    for (path, since) in collections {
        let first = versions.iter().position(|version| *version == since).unwrap_or_default();
        for (number, version) in versions.iter().enumerate() {
            let client = site.nc.version(version);
            for path in [path.to_owned(), format!("{path}/"), path.to_lowercase()] {
                let reply = client.get(&path).await?;
                if number < first {
                    reply.refused(404, "NotFound");
                } else {
                    assert_eq!(reply.is(200).body, json!({ "nextLink": "" }), "{version} {path}");
                }
            }
        }
        site.nc.version("v7.1").get(&format!("{path}/one")).await?.refused(404, "NotFound");
        let write = site.nc.version("v7.1").put(&format!("{path}/one"), &document(json!({}))).await?;
        assert!(
            (400..500).contains(&write.status) && !write.code().is_empty(),
            "{path}: {} {}",
            write.status,
            write.body
        );
    }
    Ok(())
}

#[tokio::test]
async fn child_collections_not_served_yet_are_empty_below_what_is_there() -> Result<()> {
    let site = Site::furnished().await?;
    let peerings = "/virtualNetworks/blue/virtualNetworkPeerings";
    for version in ["v1", "v2"] {
        site.nc.version(version).get(peerings).await?.refused(404, "NotFound");
    }
    for version in ["v3", "v7.1"] {
        assert_eq!(site.nc.version(version).get(peerings).await?.is(200).body, json!({ "nextLink": "" }));
    }
    site.nc.get("/virtualNetworks/none/virtualNetworkPeerings").await?.refused(404, "NotFound");
    site.nc.get(&format!("{peerings}/one")).await?.refused(404, "NotFound");
    Ok(())
}

#[tokio::test]
async fn an_untouched_singleton_is_not_there_for_conditions() -> Result<()> {
    let site = Site::empty().await?;
    for path in super::furniture::SINGLETONS {
        let send = async |header| site.nc.send(Method::PUT, path, Some(&document(json!({}))), &[header]).await;
        send(("If-Match", "*")).await?.refused(412, "PreconditionFailed");
        send(("If-None-Match", "*")).await?.is(201);
        send(("If-None-Match", "*")).await?.refused(412, "PreconditionFailed");
        send(("If-Match", "*")).await?.is(200);
    }
    Ok(())
}

#[tokio::test]
async fn everything_that_a_dump_tool_reads_answers_200_or_404() -> Result<()> {
    let site = Site::furnished().await?;
    let dump = [
        "accessControlLists",
        "auditingSettings/configuration",
        "credentials",
        "gatewayPools",
        "gateways",
        "iDNSServer/configuration",
        "internalResourceInstances",
        "learnedIPAddresses",
        "loadBalancerManager/config",
        "loadBalancerMuxes",
        "loadBalancers",
        "logicalNetworks",
        "macPools",
        "networkControllerBackup",
        "networkControllerRestore",
        "monitoring/networkControllerStatistics",
        "networkInterfaces",
        "publicIPAddresses",
        "securityTags",
        "Servers",
        "serviceInsertions",
        "routeTables",
        "virtualGateways",
        "virtualNetworkManager/configuration",
        "virtualNetworks",
        "virtualServers",
        "virtualSwitchManager/configuration",
        "diagnostics/slbState",
        "diagnostics/slbStateResults",
        "diagnostics/connectivityCheckResults",
    ];
    for path in dump {
        site.nc.get(&format!("/{path}")).await?.expect_status_in(path, &[200, 404]);
    }
    Ok(())
}
