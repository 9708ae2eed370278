//! Version tokens and the version filter. Contract sections 1 and 4.4.

use crate::server::Server;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

const TOKENS: [&str; 12] = ["v1", "v2", "v3", "v3.1", "v3.2", "v4", "v4.2", "v5", "v6", "v6.1", "v7", "v7.1"];

#[tokio::test]
async fn every_version_token_is_accepted_in_any_case_and_no_other() {
    let server = Server::with_fabric().await;
    for token in TOKENS {
        for token in [token.to_owned(), token.to_uppercase()] {
            let path = format!("/networking/{token}/accessControlLists/all");
            let answer = server.send(Method::GET, &path, &[], "").await;
            assert_eq!(answer.status, StatusCode::OK, "{token}");
        }
    }
    for token in ["v0", "v3.0", "v8", "1", "latest", ""] {
        let path = format!("/networking/{token}/accessControlLists/all");
        server.send(Method::GET, &path, &[], "").await.refused(404, "NotFound");
    }
}

#[tokio::test]
async fn newer_properties_are_hidden_from_older_versions_and_survive_their_writes() {
    let server = Server::with_fabric().await;
    let through = async |version: &str, method: Method, body: Value| {
        let path = format!("/networking/{version}/virtualNetworks/blue/subnets/db");
        let answer = server.send(method, &path, &[], body.to_string()).await;
        answer.expect(StatusCode::OK)["properties"].clone()
    };
    let ranges = json!({"properties": {"addressPrefix": "10.2.0.0/16"}});
    let vsid = through("v2", Method::GET, Value::Null).await["virtualSubnetId"].clone();
    assert!(vsid.as_str().unwrap().parse::<u32>().unwrap() >= 4096);
    assert_eq!(through("v1", Method::GET, Value::Null).await.get("virtualSubnetId"), None);
    assert_eq!(through("v1", Method::PUT, ranges).await.get("virtualSubnetId"), None);
    assert_eq!(through("v7.1", Method::GET, Value::Null).await["virtualSubnetId"], vsid);

    let path = |version: &str| format!("/networking/{version}/virtualNetworks/blue");
    let mut body = server.send(Method::GET, &path("v2"), &[], "").await.expect(StatusCode::OK);
    body["properties"]["unbilledAddressRanges"] = json!("10.7.0.0/16");
    server.send(Method::PUT, &path("v2"), &[], body.to_string()).await.expect(StatusCode::OK);
    // An old client reads, changes something it knows, and writes back.
    let mut body = server.send(Method::GET, &path("v1"), &[], "").await.expect(StatusCode::OK);
    assert_eq!(body["properties"].get("unbilledAddressRanges"), None);
    body["properties"]["dhcpOptions"] = json!({"dnsServers": ["10.0.0.53"]});
    body["properties"]["unbilledAddressRanges"] = json!("10.8.0.0/16");
    server.send(Method::PUT, &path("v1"), &[], body.to_string()).await.expect(StatusCode::OK);
    let after = server.send(Method::GET, &path("v7"), &[], "").await.expect(StatusCode::OK);
    assert_eq!(after["properties"]["unbilledAddressRanges"], "10.7.0.0/16");
    assert_eq!(after["properties"]["dhcpOptions"], json!({"dnsServers": ["10.0.0.53"]}));
}

#[tokio::test]
async fn collections_answer_from_their_version_on() {
    let server = Server::empty().await;
    for (name, since) in [("loadBalancers", "v1"), ("securityTags", "v5"), ("learnedIPAddresses", "v5")] {
        let oldest = TOKENS.iter().position(|token| *token == since).unwrap();
        for (index, token) in TOKENS.iter().enumerate() {
            let answer = server.send(Method::GET, &format!("/networking/{token}/{name}"), &[], "").await;
            match index < oldest {
                true => answer.refused(404, "NotFound"),
                false => assert_eq!((answer.status.as_u16(), answer.text.as_str()), (200, r#"{"nextLink":""}"#)),
            }
        }
    }
    server.get("discovery").await.refused(404, "NotFound");
    for path in ["/networking/discovery", "/Networking/Discovery/", "/networking/v3/discovery"] {
        let document = server.send(Method::GET, path, &[], "").await.expect(StatusCode::OK);
        let tokens = document["properties"]["supportedRestVersions"].as_array().unwrap();
        assert_eq!(tokens.len(), TOKENS.len());
        let current = document["properties"]["currentRestVersion"].as_str().unwrap();
        let path = format!("/networking/{current}/servers");
        assert_eq!(server.send(Method::GET, &path, &[], "").await.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn what_is_not_served_yet_answers_as_empty() {
    let server = Server::empty().await;
    let put = server.put("loadBalancers/a", json!({})).await;
    put.refused(400, "OperationNotSupported");
    server.get("loadBalancers/a").await.refused(404, "NotFound");
    server.get("iDNSServer/configuration").await.refused(404, "NotFound");
    assert_eq!(server.delete("loadBalancers/a").await.status, StatusCode::NO_CONTENT);
    server.get("noSuchThing").await.refused(404, "NotFound");
}
