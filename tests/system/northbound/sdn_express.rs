//! What SDN Express, the PowerShell module and the older REST helpers send, in their order and spelling.
//!
//! The order and the spelling are those that the published scripts use; steps for resources that are not served yet are
//! left out.

use super::judge::{Judge as _, child, references, same, text, with, without_etags};
use super::site::{Client, Site};
use harness::Result;
use harness::documents::reference;
use harness::rest::Reply;
use reqwest::Method;
use serde_json::{Value, json};

const HOST: &str = "8f1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d";
const ZERO: &str = "00000000-0000-0000-0000-000000000000";

/// `New-NetworkController...`: PUT of the .NET object, then GET of the operation that the answer names.
async fn new(nc: &Client, path: &str, properties: Value) -> Result<Reply> {
    let id = path.rsplit('/').next().unwrap_or_default();
    // Unset members of the .NET object are null, GUIDs are zero.
    let body = json!({
        "resourceRef": null, "instanceId": ZERO, "resourceMetadata": null, "etag": null, "tags": null,
        "resourceId": id, "properties": properties,
    });
    // The version comes from a list that the module walks down; the first one answers.
    let reply = nc.version("V5").put(path, &body).await?.expect_status_in(path, &[200, 201]);
    let operation = reply.header("Azure-AsyncOperation").unwrap_or_default();
    let operation = operation.strip_prefix(nc.root()).unwrap_or(operation);
    let state = nc.send_raw(Method::GET, operation, None, &[]).await?.is(200).body;
    assert_eq!(state["status"], "Succeeded", "{path}: {state}");
    Ok(reply)
}

/// `Get-NetworkController... -ResourceId` in a try block: whether it is there.
async fn there(nc: &Client, path: &str) -> Result<Option<Value>> {
    let reply = nc.version("V5").get(path).await?.expect_status_in(path, &[200, 404]);
    Ok((reply.status == 200).then_some(reply.body))
}

/// One whole run, as `SDNExpress.ps1` makes it.
async fn run(nc: &Client) -> Result<()> {
    // Is there a controller? An empty list will do.
    nc.version("V5").get("/credentials").await?.is(200);
    controller(nc).await?;
    provider_network(nc).await?;
    host(nc).await?;
    vip_network(nc).await?;
    mux(nc).await?;
    gateway_nics(nc).await
}

async fn controller(nc: &Client) -> Result<()> {
    let pool = json!({ "startMacAddress": "06-00-00-00-00-00", "endMacAddress": "06-00-00-00-FF-FF", "usage": null });
    new(nc, "/macPools/DefaultMacPool", pool).await?;
    let certificate =
        json!({ "type": "X509Certificate", "userName": null, "value": "9F86D081884C7D659A2FEAA0C55AD015A3BF4F1B" });
    new(nc, "/credentials/NCHostCert", certificate).await?;
    let user = json!({ "type": "UsernamePassword", "userName": "EXAMPLE\\fabric", "value": "Corr3ct-horse" });
    new(nc, "/credentials/NCHostUser", user).await?;
    Ok(())
}

async fn provider_network(nc: &Client) -> Result<()> {
    let network = "/logicalNetworks/HNVPA";
    if there(nc, network).await?.is_none() {
        new(nc, network, json!({ "networkVirtualizationEnabled": true })).await?;
    }
    let subnets = nc.version("V5").get(&format!("{network}/subnets")).await?.is(200).body;
    let known = subnets["value"]
        .as_array()
        .is_some_and(|all| all.iter().any(|one| one["properties"]["addressPrefix"] == "192.0.2.0/25"));
    if !known {
        let subnet = json!({
            "addressPrefix": "192.0.2.0/25",
            "vlanId": "11",
            "defaultGateways": ["192.0.2.1"],
            "dnsServers": null,
        });
        new(nc, &format!("{network}/subnets/192.0.2.0_25"), subnet).await?;
    }
    let range = json!({ "startIpAddress": "192.0.2.5", "endIpAddress": "192.0.2.100" });
    new(nc, &format!("{network}/subnets/192.0.2.0_25/ipPools/192.0.2.0_25"), range).await?;
    Ok(())
}

async fn host(nc: &Client) -> Result<()> {
    let certificate = nc.version("V5").read("/credentials/NCHostCert").await?;
    let user = nc.version("V5").read("/credentials/NCHostUser").await?;
    let subnet = nc.version("V5").read("/logicalNetworks/HNVPA/subnets/192.0.2.0_25").await?;
    // Whole objects stand for references; the type is copied from the credential.
    let connection = |credential: &Value, port: Value| {
        json!({
            "managementAddresses": ["host-a.example"], "credential": credential,
            "credentialType": credential["properties"]["type"],
            "protocol": null, "port": port,
        })
    };
    let properties = json!({
        "connections": [connection(&certificate, json!("443")), connection(&user, json!(null))],
        "certificate": "MIIBszCCAVmgAwIBAgIU",
        "networkInterfaces": [{
            "resourceId": "SDNSwitch",
            "instanceId": ZERO,
            "properties": { "logicalSubnets": [subnet] },
        }],
    });
    let path = format!("/servers/{HOST}");
    let made = new(nc, &path, properties).await?;
    let id = text(&made.body, "/instanceId");
    assert_ne!(id, ZERO, "the script stores it on the host as its HostId");
    assert_eq!(made.body["properties"]["connections"][1]["credentialType"], "UsernamePassword");
    Ok(())
}

async fn vip_network(nc: &Client) -> Result<()> {
    for (name, prefix, public) in [("PrivateVIP", "192.0.2.128/27", false), ("PublicVIP", "203.0.113.0/27", true)] {
        let path = format!("/logicalNetworks/{name}");
        if there(nc, &path).await?.is_some() {
            continue;
        }
        let id = prefix.replace('/', "_");
        let first = prefix.split('/').next().unwrap_or_default();
        let last = if public { "203.0.113.31" } else { "192.0.2.159" };
        let pool = json!({ "resourceId": id, "properties": { "startIpAddress": first, "endIpAddress": last } });
        // The network's own address is the gateway, and the pool ends on everybody's.
        let subnet = json!({
            "addressPrefix": prefix,
            "vlanId": "0",
            "defaultGateways": [first],
            "isPublic": public,
            "ipPools": [pool],
        });
        let made = new(
            nc,
            &path,
            json!({ "networkVirtualizationEnabled": false, "subnets": [{ "resourceId": id, "properties": subnet }] }),
        )
        .await?;
        assert_eq!(child(&made.body, "/properties/subnets", &id)["properties"]["addressPrefix"], prefix);
    }
    // Later the host gets the new subnet: all servers are read, one is changed and PUT back.
    let servers = nc.version("V5").read("/servers").await?;
    let mut server = servers["value"][0].clone();
    let subnet = nc.version("V5").read("/logicalNetworks/PrivateVIP/subnets/192.0.2.128_27").await?;
    let cards =
        server.pointer_mut("/properties/networkInterfaces/0/properties/logicalSubnets").and_then(Value::as_array_mut);
    let cards = cards.expect("the server has its card");
    let found = cards.iter().any(|known| known["resourceRef"].as_str() == subnet["resourceRef"].as_str());
    if !found {
        cards.push(subnet);
    }
    let path = text(&server, "/resourceRef").to_owned();
    let stored = nc.version("V5").put(&path, &server).await?.is(200).body;
    let expected =
        ["/logicalnetworks/HNVPA/subnets/192.0.2.0_25", "/logicalnetworks/PrivateVIP/subnets/192.0.2.128_27"];
    assert_eq!(references(&stored, "/properties/networkInterfaces/0/properties/logicalSubnets"), expected);
    Ok(())
}

async fn mux(nc: &Client) -> Result<()> {
    let user = nc.version("V5").read("/credentials/NCHostUser").await?;
    let connection = json!({
        "managementAddresses": ["mux1.example"],
        "credential": user,
        "credentialType": user["properties"]["type"],
    });
    let body = json!({
        "resourceId": "mux1.example",
        "properties": { "connections": [connection], "vmGuid": "0A1B2C3D-4E5F-4601-8723-456789ABCDEF" },
        "markServerReadOnly": false,
    });
    let stored = nc
        .version("V5")
        .put("/virtualServers/mux1.example", &body)
        .await?
        .expect_status_in("virtual server", &[200, 201])
        .body;
    assert_eq!(stored["markServerReadOnly"], false);
    Ok(())
}

async fn gateway_nics(nc: &Client) -> Result<()> {
    let back = "/networkInterfaces/gw1.example_BackEnd";
    if there(nc, back).await?.is_none() {
        new(nc, back, json!({ "privateMacAllocationMethod": "Dynamic" })).await?;
    }
    let subnet = nc.version("V5").read("/logicalNetworks/PrivateVIP/subnets/192.0.2.128_27").await?;
    let address =
        json!({ "resourceId": "FrontEnd", "properties": { "privateIPAllocationMethod": "Dynamic", "subnet": subnet } });
    let front = "/networkInterfaces/gw1.example_FrontEnd";
    if there(nc, front).await?.is_none() {
        new(nc, front, json!({ "privateMacAllocationMethod": "Dynamic", "ipConfigurations": [address] })).await?;
    }
    for path in [back, front] {
        // A loop without pause, as in the script; the first look must be the last.
        for _ in 0..200 {
            let read = nc.version("V5").read(path).await?;
            assert_eq!(read["properties"]["provisioningState"], "Succeeded");
            assert_eq!(text(&read, "/properties/privateMacAddress").len(), 12);
        }
    }
    let front = nc.version("V5").read(front).await?;
    let address = text(&front, "/properties/ipConfigurations/0/properties/privateIPAddress");
    assert!(address.starts_with("192.0.2.1"), "{address}");
    Ok(())
}

#[tokio::test]
async fn sdn_express_configures_a_controller_and_runs_again_without_harm() -> Result<()> {
    let mut site = Site::empty().await?;
    run(&site.nc).await?;
    let once = without_etags(site.everything().await?);
    run(&site.nc).await?;
    same(&without_etags(site.everything().await?), &once, "the second run changed something");

    site.controller.process().kill()?;
    site.restart()?;
    run(&site.nc).await?;
    same(&without_etags(site.everything().await?), &once, "the third run, after a restart, changed something");
    Ok(())
}

#[tokio::test]
async fn a_gateway_that_got_no_address_may_be_pinned_by_the_script() -> Result<()> {
    let site = Site::empty().await?;
    run(&site.nc).await?;
    let path = "/networkInterfaces/gw1.example_FrontEnd";
    let read = site.nc.version("V5").read(path).await?;
    let chosen = text(&read, "/properties/ipConfigurations/0/properties/privateIPAddress").to_owned();
    let pinned = with(read, "/properties/ipConfigurations/0/properties/privateIPAllocationMethod", "Static");
    let stored = site.nc.version("V5").put(path, &pinned).await?.is(200).body;
    let address = &stored["properties"]["ipConfigurations"][0]["properties"];
    assert_eq!(
        (&address["privateIPAllocationMethod"], &address["privateIPAddress"]),
        (&json!("Static"), &json!(chosen))
    );
    Ok(())
}

#[tokio::test]
async fn the_old_rest_helpers_are_served() -> Result<()> {
    let site = Site::empty().await?;
    let nc = &site.nc;
    controller(nc).await?;
    let raw = async |method: Method, path: &str, body: Option<Value>| -> Result<Reply> {
        let body = body.map(|body| body.to_string());
        let headers = [("Accept", "application/json"), ("Connection", "close")];
        nc.send_raw(method, &format!("/Networking/v1{path}"), body.as_deref(), &headers).await
    };
    // They give GUIDs of their own, legacy members and VLANs as numbers.
    let network = json!({
        "resourceId": "Transit", "instanceId": "11111111-2222-3333-4444-555555555555",
        "properties": {
            "subnets": [{
                "resourceId": "T1",
                "properties": {
                    "addressPrefix": "10.10.0.0/24",
                    "vlanid": 0,
                    "dnsServers": [],
                    "defaultGateways": ["10.10.0.1"],
                },
            }],
        },
    });
    raw(Method::PUT, "/logicalnetworks/Transit", Some(network)).await?.is(201);
    let subnet = raw(Method::GET, "/logicalnetworks/Transit/subnets/T1", None).await?.is(200).body;
    assert_eq!(subnet["properties"]["vlanID"], "0");
    let server = json!({
        "resourceId": "server1", "instanceId": "22222222-3333-4444-5555-666666666666",
        "properties": {
            "networkInterfaces": [], "managementState": "Managed", "types": ["host"],
            "connections": [{
                "managementAddresses": ["10.10.0.9"],
                "credential": reference("/credentials/NCHostUser"),
                "credentialType": "usernamepassword",
            }],
        },
    });
    let stored = raw(Method::PUT, "/Servers/server1", Some(server)).await?.is(201).body;
    assert_ne!(stored["instanceId"], "22222222-3333-4444-5555-666666666666");

    // The helpers find NICs by looking for an instanceId in the list, with and without a trailing slash.
    let vm = json!({
        "resourceId": "nic1",
        "properties": { "privateMacAddress": "001DD8220001", "privateMacAllocationMethod": "Static" },
    });
    let made = raw(Method::PUT, "/networkinterfaces/nic1", Some(vm)).await?.is(201).body;
    for path in ["/networkinterfaces", "/networkinterfaces/"] {
        let list = raw(Method::GET, path, None).await?.is(200).body;
        assert!(
            list["value"].as_array().is_some_and(|all| all.iter().any(|nic| nic["instanceId"] == made["instanceId"])),
            "{list}"
        );
    }
    raw(Method::DELETE, "/networkinterfaces/nic1", None).await?.is(200);
    raw(Method::GET, "/networkinterfaces/nic1", None).await?.is(404);
    Ok(())
}
