//! What documents look like, in and out. Contract sections 2, 4 and 10.

use crate::server::{Server, nic};
use reqwest::{Method, StatusCode};
use serde_json::json;

#[tokio::test]
async fn members_beside_properties_are_kept_verbatim() {
    let server = Server::with_fabric().await;
    let body = json!({
        "resourceId": "N", "tags": {"costCenter": "42", "Owner": "blue"},
        "resourceMetadata": {"client": "portal", "tenantId": "t-1"}, "noSuchMember": 1, "instanceId": "0",
        "properties": nic("10.1.0.9"),
    });
    let path = "/networking/v1/networkInterfaces/n";
    let put = server.send(Method::PUT, path, &[], body.to_string()).await.expect(StatusCode::CREATED);
    assert_eq!(put["tags"], body["tags"]);
    assert_eq!(put["resourceMetadata"], body["resourceMetadata"]);
    assert_eq!(put.get("noSuchMember"), None);
    assert_ne!(put["instanceId"], "0");
    let get = server.get("networkInterfaces/N").await;
    assert_eq!(get.header("etag"), put["etag"].as_str());
    assert_eq!(get.expect(StatusCode::OK), put);
    // Absent means gone: PUT replaces.
    let put = server.put("networkInterfaces/n", nic("10.1.0.9")).await.expect(StatusCode::OK);
    assert_eq!(put.get("tags"), None);
}

#[tokio::test]
async fn input_is_read_as_clients_write_it() {
    let server = Server::with_fabric().await;
    let rule = json!({
        "ACTION": "allow", "Type": "INBOUND", "priority": 110, "protocol": "tcp", "sourcePortRange": "0-65535",
        "destinationPortRange": 443, "sourceAddressPrefix": "*", "destinationAddressPrefix": "10.1.0.0/16",
        "logging": null, "bgpNetworks": [], "provisioningState": "Failed",
    });
    let put = server.put("accessControlLists/all/aclRules/https", rule).await.expect(StatusCode::CREATED);
    assert_eq!(
        put["properties"],
        json!({
            "provisioningState": "Succeeded", "action": "Allow", "type": "Inbound", "priority": "110", "protocol": "TCP",
            "sourcePortRange": "0-65535", "destinationPortRange": "443", "sourceAddressPrefix": "*",
            "destinationAddressPrefix": "10.1.0.0/16", "logging": "Enabled",
        })
    );
}

#[tokio::test]
async fn bodies_that_are_no_document_are_refused() {
    let server = Server::with_fabric().await;
    let path = "/networking/v1/accessControlLists/new";
    for (body, code) in [
        ("", "InvalidRequestFormat"),
        ("{", "InvalidRequestFormat"),
        ("nonsense", "InvalidRequestFormat"),
        ("[]", "InvalidRequestFormat"),
        ("\"text\"", "InvalidRequestFormat"),
        ("{\"properties\": []}", "InvalidRequestFormat"),
        ("{\"resourceId\": \"other\"}", "InvalidResourceName"),
        ("{\"properties\": {\"aclRules\": {\"properties\": {}}}}", "RequiredParamMissing"),
    ] {
        server.send(Method::PUT, path, &[], body).await.refused(400, code);
    }
    let answer = server.send(Method::PUT, path, &[], "{").await.expect(StatusCode::BAD_REQUEST);
    assert_eq!(answer["error"]["details"][0]["code"], "InvalidJson");
    server.get("accessControlLists/new").await.refused(404, "NotFound");
    // A byte order mark and any media type are fine.
    for headers in [&[("content-type", "text/plain")][..], &[]] {
        let answer = server.send(Method::PUT, path, headers, "\u{feff}{\"properties\": {}}").await;
        assert!(answer.status.is_success(), "{}", answer.text);
    }
}

#[tokio::test]
async fn a_secret_is_never_shown_and_survives_its_own_placeholder() {
    let server = Server::empty().await;
    let secret = json!({"type": "usernamePassword", "userName": "fabric", "value": "p4ssw0rd"});
    let put = server.put("credentials/host", secret).await;
    assert!(!put.text.contains("p4ssw0rd"), "{}", put.text);
    let shown = put.expect(StatusCode::CREATED);
    let back = server.put("credentials/host", shown["properties"].clone()).await;
    assert_eq!(back.etag(), shown["etag"].as_str().unwrap());
    for path in ["credentials/host", "credentials"] {
        assert!(!server.get(path).await.text.contains("p4ssw0rd"));
    }
}

#[tokio::test]
async fn an_untouched_singleton_shows_its_defaults_under_a_reduced_header() {
    let server = Server::empty().await;
    let answer = server.get("virtualNetworkManager/configuration").await;
    assert_eq!(answer.header("etag"), None);
    let document = answer.expect(StatusCode::OK);
    assert_eq!(document["resourceRef"], "/virtualNetworkManager/");
    assert_eq!(document["instanceId"], "00000000-0000-0000-0000-000000000000");
    assert_eq!(document.get("resourceId"), None);
    assert_eq!(document["properties"]["provisioningState"], "Succeeded");
    assert_eq!(document["properties"]["networkVirtualizationProtocol"], "VXLAN");

    let put = server.put("virtualNetworkManager/configuration", document["properties"].clone()).await;
    let document = put.expect(StatusCode::CREATED);
    assert_eq!(document["resourceRef"], "/virtualNetworkManager/configuration");
    assert_eq!(document["resourceId"], "configuration");
    server.delete("virtualNetworkManager/configuration").await.refused(405, "OperationNotSupported");
}

#[tokio::test]
async fn everything_that_is_shown_can_be_put_back_unchanged() {
    let server = Server::with_fabric().await;
    server.put("networkInterfaces/n", nic("10.1.0.9")).await.expect(StatusCode::CREATED);
    for version in ["v1", "v3", "v7.1"] {
        for path in [
            "networkInterfaces/n",
            "virtualNetworks/blue",
            "accessControlLists/all",
            "logicalNetworks/HNVPA",
            "macPools/default",
        ] {
            let uri = format!("/networking/{version}/{path}");
            let shown = server.send(Method::GET, &uri, &[], "").await;
            let (etag, text) = (shown.etag(), shown.text);
            let back = server.send(Method::PUT, &uri, &[], text).await;
            assert_eq!((back.status, back.etag()), (StatusCode::OK, etag), "{uri}");
        }
    }
}
