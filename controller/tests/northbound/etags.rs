//! Contract section 6.

use crate::server::{Server, allow, nic, subnet};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

#[tokio::test]
async fn preconditions_decide_as_the_table_says() {
    let server = Server::with_fabric().await;
    let etag = server.get("accessControlLists/all").await.etag();
    let bare = etag.trim_start_matches("W/").trim_matches('"').to_owned();
    let stale = "W/\"00000000-0000-4000-8000-000000000000\"";
    let body = json!({"properties": {"inboundDefaultAction": "Permit", "aclRules": [allow("r1", 200)]}}).to_string();
    for (method, header, value, missing, existing) in [
        (Method::PUT, "if-match", "", 201, 200),
        (Method::PUT, "if-match", "*", 412, 200),
        (Method::PUT, "if-match", etag.as_str(), 412, 200),
        (Method::PUT, "if-match", bare.as_str(), 412, 200),
        (Method::PUT, "if-match", stale, 412, 412),
        (Method::PUT, "if-none-match", "*", 201, 412),
        (Method::DELETE, "if-match", stale, 204, 412),
        (Method::DELETE, "if-match", etag.as_str(), 204, 200),
    ] {
        let path = |id: &str| format!("/networking/v1/accessControlLists/{id}");
        let absent = server.send(method.clone(), &path("absent"), &[(header, value)], body.clone()).await;
        assert_eq!(absent.status.as_u16(), missing, "{method} {header}: {value}, missing: {}", absent.text);
        server.delete("accessControlLists/absent").await;
        let present = server.send(method.clone(), &path("all"), &[(header, value)], body.clone()).await;
        assert_eq!(present.status.as_u16(), existing, "{method} {header}: {value}, existing: {}", present.text);
    }
}

#[tokio::test]
async fn put_with_a_stale_etag_changes_nothing() {
    let server = Server::with_fabric().await;
    let stale = server.get("accessControlLists/all").await.etag();
    server.put("accessControlLists/all", json!({"aclRules": []})).await.expect(StatusCode::OK);
    let before = server.get("accessControlLists/all").await.text;
    let (other, condition) = (json!({"aclRules": [allow("x", 300)]}), [("if-match", stale.as_str())]);
    server.put_with("accessControlLists/all", other, &condition).await.refused(412, "PreconditionFailed");
    assert_eq!(server.get("accessControlLists/all").await.text, before);
}

#[tokio::test]
async fn a_put_that_changes_nothing_keeps_etag_and_generation() {
    let server = Server::with_fabric().await;
    let first = server.put("networkInterfaces/n", nic("10.1.0.9")).await;
    let generation = first.header("x-nc-generation").map(str::to_owned);
    let document = first.text.clone();
    let again = server.send(Method::PUT, "/networking/v1/networkInterfaces/n", &[], document.clone()).await;
    assert_eq!(again.status, StatusCode::OK);
    assert_eq!(again.header("x-nc-generation").map(str::to_owned), generation);
    assert_eq!(again.text, document);
}

#[tokio::test]
async fn a_parent_put_gives_all_descendants_one_new_etag() {
    let server = Server::with_fabric().await;
    let before = server.get("virtualNetworks/blue").await.etag();
    let put =
        server.put("virtualNetworks/blue", blue(&[subnet("web", "10.1.0.0/16"), subnet("db", "10.3.0.0/16")])).await;
    let document = put.expect(StatusCode::OK);
    assert_ne!(document["etag"], before);
    for subnet in document["properties"]["subnets"].as_array().unwrap() {
        assert_eq!(subnet["etag"], document["etag"]);
    }
}

#[tokio::test]
async fn a_child_write_changes_the_child_and_its_ancestors_but_not_its_siblings() {
    let server = Server::with_fabric().await;
    let before = server.get("virtualNetworks/blue").await.expect(StatusCode::OK);
    let put = server.put("virtualNetworks/blue/subnets/db", json!({"addressPrefix": "10.9.0.0/16"})).await;
    let child = put.expect(StatusCode::OK);
    let after = server.get("virtualNetworks/blue").await.expect(StatusCode::OK);
    let subnet = |network: &Value, index: usize| network["properties"]["subnets"][index].clone();
    assert_ne!(after["etag"], before["etag"]);
    assert_eq!(subnet(&after, 0), subnet(&before, 0));
    assert_eq!(subnet(&after, 1), child);
    assert_ne!(child["etag"], subnet(&before, 1)["etag"]);
    assert_eq!(child["instanceId"], subnet(&before, 1)["instanceId"]);

    server.delete("virtualNetworks/blue/subnets/db").await.expect(StatusCode::OK);
    let last = server.get("virtualNetworks/blue").await.expect(StatusCode::OK);
    assert_ne!(last["etag"], after["etag"]);
    assert_eq!(subnet(&last, 0), subnet(&before, 0));
}

#[tokio::test]
async fn being_referred_to_changes_no_etag() {
    let server = Server::with_fabric().await;
    let before = server.get("virtualNetworks/blue").await.etag();
    server.put("networkInterfaces/n", nic("10.1.0.9")).await.expect(StatusCode::CREATED);
    let after = server.get("virtualNetworks/blue").await;
    assert_eq!(after.etag(), before);
    assert!(after.text.contains("/networkInterfaces/n/ipConfigurations/ip0"), "{}", after.text);
}

fn blue(subnets: &[Value]) -> Value {
    json!({
        "addressSpace": {"addressPrefixes": ["10.0.0.0/8"]},
        "logicalNetwork": {"resourceRef": "/logicalNetworks/HNVPA"},
        "subnets": subnets,
    })
}
