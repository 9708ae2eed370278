//! Children inside of the parent and under their own URI. Contract 4.1.

use crate::server::{Server, allow, ip_configuration, nic};
use reqwest::StatusCode;
use serde_json::{Value, json};

#[tokio::test]
async fn a_child_is_the_same_document_in_its_parent_and_under_its_own_uri() {
    let server = Server::with_fabric().await;
    let parent = server.get("accessControlLists/all").await.expect(StatusCode::OK);
    let child = server.get("accessControlLists/all/aclRules/r1").await.expect(StatusCode::OK);
    let list = server.get("accessControlLists/all/aclRules/").await.expect(StatusCode::OK);
    assert_eq!(parent["properties"]["aclRules"], json!([child]));
    assert_eq!(list["value"], json!([child]));
}

#[tokio::test]
async fn a_parent_put_sets_the_whole_list_and_a_kept_child_keeps_its_instance() {
    let server = Server::with_fabric().await;
    let before = server.get("accessControlLists/all/aclRules/r1").await.expect(StatusCode::OK);
    let rules = json!({"aclRules": [allow("r2", 100), allow("R1", 300)]});
    let list = server.put("accessControlLists/all", rules).await.expect(StatusCode::OK);
    let ids: Vec<_> =
        list["properties"]["aclRules"].as_array().unwrap().iter().map(|rule| &rule["resourceId"]).collect();
    // The order of the array, and the spelling of the first write.
    assert_eq!(ids, ["r2", "r1"]);
    assert_eq!(list["properties"]["aclRules"][1]["instanceId"], before["instanceId"]);

    server.put("accessControlLists/all", json!({})).await.expect(StatusCode::OK);
    server.get("accessControlLists/all/aclRules/r1").await.refused(404, "NotFound");
    let empty = server.get("accessControlLists/all/aclRules").await;
    assert_eq!(empty.text, r#"{"nextLink":""}"#);
}

#[tokio::test]
async fn a_child_put_creates_last_in_line_and_replaces_in_place() {
    let server = Server::with_fabric().await;
    for (id, priority, status) in [("b", 300, 201), ("a", 400, 201), ("b", 500, 200)] {
        let rule = allow(id, priority)["properties"].clone();
        let answer = server.put(&format!("accessControlLists/all/aclRules/{id}"), rule).await;
        assert_eq!(answer.status.as_u16(), status, "{}", answer.text);
    }
    let list = server.get("accessControlLists/all").await.expect(StatusCode::OK);
    let rules = list["properties"]["aclRules"].as_array().unwrap();
    let shown: Vec<_> =
        rules.iter().map(|rule| (rule["resourceId"].as_str().unwrap(), &rule["properties"]["priority"])).collect();
    assert_eq!(shown, [("r1", &json!("200")), ("b", &json!("500")), ("a", &json!("400"))]);
}

#[tokio::test]
async fn a_child_of_nothing_is_not_found() {
    let server = Server::with_fabric().await;
    let rule = allow("r", 300)["properties"].clone();
    server.put("accessControlLists/none/aclRules/r", rule).await.refused(404, "NotFound");
    server.get("accessControlLists/none/aclRules").await.refused(404, "NotFound");
    server.get("accessControlLists/none/aclRules/r").await.refused(404, "NotFound");
    assert_eq!(server.delete("accessControlLists/none/aclRules/r").await.status, StatusCode::NO_CONTENT);
    server.get("virtualNetworks/none/virtualNetworkPeerings").await.refused(404, "NotFound");
}

#[tokio::test]
async fn grandchildren_follow_their_parents() {
    let server = Server::with_fabric().await;
    let pool = json!({"resourceId": "p", "properties": {"startIpAddress": "192.0.2.5", "endIpAddress": "192.0.2.9"}});
    let subnet = json!({"addressPrefix": "192.0.2.0/24", "ipPools": [pool]});
    server.put("logicalNetworks/HNVPA/subnets/s", subnet).await.expect(StatusCode::CREATED);
    let path = "logicalNetworks/HNVPA/subnets/s/ipPools/p";
    let pool = server.get(path).await.expect(StatusCode::OK);
    assert_eq!(pool["resourceRef"], "/logicalnetworks/HNVPA/subnets/s/ipPools/p");
    let network = server.get("logicalNetworks/HNVPA").await.expect(StatusCode::OK);
    assert_eq!(network["properties"]["subnets"][0]["properties"]["ipPools"], json!([pool]));
    server.delete("logicalNetworks/HNVPA/subnets/s").await.expect(StatusCode::OK);
    server.get(path).await.refused(404, "NotFound");
}

#[tokio::test]
async fn children_without_id_or_with_the_same_id_are_refused() {
    let server = Server::with_fabric().await;
    for (rules, code) in [
        (json!([allow("a", 300), allow("A", 400)]), "InvalidResourceName"),
        (json!([{"properties": {}}]), "RequiredParamMissing"),
        (json!([allow("a/b", 300)]), "InvalidResourceName"),
        (json!(["a"]), "InvalidRequestFormat"),
    ] {
        server.put("accessControlLists/new", json!({"aclRules": rules})).await.refused(400, code);
    }
    server.get("accessControlLists/new").await.refused(404, "NotFound");
}

/// The container workflow: get the NIC by its address, append addresses, put the whole NIC.
#[tokio::test]
async fn addresses_are_appended_to_a_nic_by_get_append_put() {
    let server = Server::with_fabric().await;
    let first = server.put("networkInterfaces/vm", nic("10.1.0.9")).await.expect(StatusCode::CREATED);
    let all = server.get("networkInterfaces").await.expect(StatusCode::OK);
    let has = |nic: &&Value| nic["properties"]["ipConfigurations"][0]["properties"]["privateIPAddress"] == "10.1.0.9";
    let mut found = all["value"].as_array().unwrap().iter().find(has).unwrap().clone();
    for last in 101..=110 {
        let id = format!("IP_10_1_0_{last}");
        let more = ip_configuration(&id, &format!("10.1.0.{last}"));
        found["properties"]["ipConfigurations"].as_array_mut().unwrap().push(more);
    }
    let after = server.put("networkInterfaces/vm", found["properties"].clone()).await.expect(StatusCode::OK);
    assert_eq!(after["properties"]["ipConfigurations"].as_array().unwrap().len(), 11);
    assert_eq!(after["instanceId"], first["instanceId"]);
    assert_eq!(after["properties"]["privateMacAddress"], first["properties"]["privateMacAddress"]);
}
