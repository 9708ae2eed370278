//! References, back references and "in use". Contract section 7.

use crate::server::{Server, nic, subnet};
use reqwest::StatusCode;
use serde_json::json;

fn network(reference: serde_json::Value) -> serde_json::Value {
    json!({"addressSpace": {"addressPrefixes": ["10.0.0.0/8"]}, "logicalNetwork": reference})
}

#[tokio::test]
async fn a_reference_is_read_in_every_form_and_shown_as_its_target_is_written() {
    let server = Server::with_fabric().await;
    for reference in [
        json!({"resourceRef": "/logicalNetworks/hnvpa"}),
        json!({"ResourceRef": "logicalnetworks/HNVPA"}),
        json!({"resourceRef": "/networking/v3/LogicalNetworks/HnvPa"}),
        server.get("logicalNetworks/HNVPA").await.expect(StatusCode::OK),
    ] {
        server.put("virtualNetworks/red", network(reference)).await.expect(StatusCode::CREATED);
        let shown = server.get("virtualNetworks/red").await.expect(StatusCode::OK);
        assert_eq!(shown["properties"]["logicalNetwork"], json!({"resourceRef": "/logicalnetworks/HNVPA"}));
        server.delete("virtualNetworks/red").await.expect(StatusCode::OK);
    }
}

#[tokio::test]
async fn a_reference_that_leads_nowhere_is_refused() {
    let server = Server::with_fabric().await;
    for (text, code, detail) in [
        ("/logicalNetworks/none", "InvalidResourceReference", None),
        ("/virtualNetworks/blue", "InvalidRequestFormat", Some("InvalidJsonReferenceWrongType")),
        ("/logicalNetworks", "InvalidRequestFormat", Some("InvalidJsonReferenceFormat")),
        ("/logicalNetworks//", "InvalidRequestFormat", Some("InvalidJsonReferenceFormat")),
    ] {
        let answer = server.put("virtualNetworks/red", network(json!({"resourceRef": text}))).await;
        answer.refused(400, code);
        let body = answer.expect(StatusCode::BAD_REQUEST);
        assert_eq!(body["error"]["details"][0]["code"].as_str(), detail, "{text}");
    }
    server.get("virtualNetworks/red").await.refused(404, "NotFound");
}

#[tokio::test]
async fn what_is_referred_to_stays_and_the_refusal_names_the_referrer() {
    let server = Server::with_fabric().await;
    let list = json!({"resourceRef": "/accessControlLists/all"});
    let subnet = json!({"addressPrefix": "10.2.0.0/16", "accessControlList": list});
    server.put("virtualNetworks/blue/subnets/db", subnet).await.expect(StatusCode::OK);
    server.put("networkInterfaces/n", nic("10.1.0.9")).await.expect(StatusCode::CREATED);
    for (path, code) in [
        ("accessControlLists/all", "InUseAccessControlListCannotBeDeleted"),
        ("virtualNetworks/blue/subnets/web", "InUseSubnetCannotBeDeleted"),
        ("virtualNetworks/blue", "VnetInUse"),
        ("logicalNetworks/HNVPA", "ResourceInUse"),
    ] {
        let before = server.get(path).await.text;
        let answer = server.delete(path).await;
        answer.refused(409, code);
        assert!(answer.text.contains("is in use by /"), "{}", answer.text);
        assert_eq!(server.get(path).await.text, before, "{path}");
    }
    // Dropping a used subnet from the parent's array is the same.
    let without_web = json!({
        "addressSpace": {"addressPrefixes": ["10.0.0.0/8"]},
        "logicalNetwork": {"resourceRef": "/logicalNetworks/HNVPA"},
        "subnets": [{"resourceId": "db", "properties": {"addressPrefix": "10.2.0.0/16"}}],
    });
    server.put("virtualNetworks/blue", without_web).await.refused(409, "InUseSubnetCannotBeDeleted");

    server.delete("networkInterfaces/n").await.expect(StatusCode::OK);
    server.delete("virtualNetworks/blue").await.expect(StatusCode::OK);
    server.delete("accessControlLists/all").await.expect(StatusCode::OK);
}

#[tokio::test]
async fn references_inside_of_a_tree_do_not_hold_it() {
    let server = Server::with_fabric().await;
    // Dual stack pairs refer to each other.
    let mut four = subnet("four", "10.5.0.0/16");
    four["properties"]["dualStackSubnet"] = json!({"resourceRef": "/virtualNetworks/red/subnets/six"});
    let red = json!({
        "addressSpace": {"addressPrefixes": ["10.5.0.0/16", "fd00::/48"]},
        "logicalNetwork": {"resourceRef": "/logicalNetworks/HNVPA"},
        "subnets": [four, subnet("six", "fd00::/64")],
    });
    let body = json!({ "properties": red }).to_string();
    let path = "/networking/v4/virtualNetworks/red";
    let answer = server.send(reqwest::Method::PUT, path, &[], body).await;
    let document = answer.expect(StatusCode::CREATED);
    let pair = &document["properties"]["subnets"][0]["properties"]["dualStackSubnet"];
    assert_eq!(pair["resourceRef"], "/virtualNetworks/red/subnets/six");
    server.delete("virtualNetworks/red").await.expect(StatusCode::OK);
}

#[tokio::test]
async fn back_references_come_and_go_with_the_forward_reference() {
    let server = Server::with_fabric().await;
    let back =
        async |path: &str, member: &str| server.get(path).await.expect(StatusCode::OK)["properties"][member].clone();
    assert_eq!(back("virtualNetworks/blue/subnets/web", "ipConfigurations").await, json!([]));
    server.put("networkInterfaces/n", nic("10.1.0.9")).await.expect(StatusCode::CREATED);
    let reference = json!([{"resourceRef": "/networkInterfaces/n/ipConfigurations/ip0"}]);
    assert_eq!(back("virtualNetworks/blue/subnets/web", "ipConfigurations").await, reference);
    let network = server.get("virtualNetworks/blue").await.expect(StatusCode::OK);
    assert_eq!(network["properties"]["subnets"][0]["properties"]["ipConfigurations"], reference);
    assert_eq!(
        back("logicalNetworks/HNVPA", "virtualNetworks").await,
        json!([{"resourceRef": "/virtualNetworks/blue"}])
    );
    server.delete("networkInterfaces/n").await.expect(StatusCode::OK);
    assert_eq!(back("virtualNetworks/blue/subnets/web", "ipConfigurations").await, json!([]));
}
