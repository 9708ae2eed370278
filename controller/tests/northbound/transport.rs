//! Methods, headers, sizes, and the addresses beside the API. Contract sections 1 and 3.

use crate::server::{Server, nic};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[tokio::test]
async fn methods_that_are_not_offered_are_refused_with_those_that_are() {
    let server = Server::with_fabric().await;
    for (method, path, allow) in [
        (Method::POST, "/networking/v1/accessControlLists", "GET, HEAD"),
        (Method::PUT, "/networking/v1/accessControlLists", "GET, HEAD"),
        (Method::DELETE, "/networking/v1/accessControlLists/", "GET, HEAD"),
        (Method::PATCH, "/networking/v1/accessControlLists/all", "GET, HEAD, PUT, DELETE"),
        (Method::POST, "/networking/v1/virtualNetworkManager/configuration", "GET, HEAD, PUT"),
        (Method::PUT, "/networking/discovery", "GET, HEAD"),
        (Method::PUT, "/healthz", "GET, HEAD"),
    ] {
        let answer = server.send(method.clone(), path, &[], "{}").await;
        answer.refused(405, "OperationNotSupported");
        assert_eq!(answer.header("allow"), Some(allow), "{method} {path}");
    }
}

#[tokio::test]
async fn every_answer_carries_the_headers_of_the_contract() {
    let server = Server::with_fabric().await;
    for path in ["/networking/v1/accessControlLists/all", "/networking/v1/accessControlLists", "/networking/v1/nothing"]
    {
        let answer = server.send(Method::GET, path, &[("x-ms-client-request-id", "abc")], "").await;
        assert_eq!(answer.header("content-type"), Some("application/json; charset=utf-8"));
        assert_eq!(answer.header("x-ms-client-request-id"), Some("abc"));
        assert!(answer.header("x-ms-request-id").is_some());
        assert!(answer.header("date").is_some());
        let silent = [("x-ms-client-request-id", "abc"), ("x-ms-return-client-request-id", "FALSE")];
        let answer = server.send(Method::GET, path, &silent, "").await;
        assert_eq!(answer.header("x-ms-client-request-id"), None);
    }
    let head = server.send(Method::HEAD, "/networking/v1/accessControlLists/all", &[], "").await;
    assert_eq!((head.status, head.text.as_str()), (StatusCode::OK, ""));
    assert!(head.header("etag").is_some());
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_refused_and_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::on(directory.path(), 1000).await;
    let long = json!({"properties": {}, "tags": {"long": "x".repeat(1000)}}).to_string();
    let path = "/networking/v1/accessControlLists/long";
    server.send(Method::PUT, path, &[], long.clone()).await.refused(413, "RequestBodyTooLarge");
    // Also when its length is not announced.
    let request = format!(
        "PUT {path} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n{long}\r\n0\r\n\r\n",
        long.len()
    );
    let mut connection = TcpStream::connect(server.address()).await.unwrap();
    connection.write_all(request.as_bytes()).await.unwrap();
    let mut status = [0; 12];
    connection.read_exact(&mut status).await.unwrap();
    assert_eq!(&status, b"HTTP/1.1 413");
    server.get("accessControlLists/long").await.refused(404, "NotFound");
    let short = json!({"properties": {}, "tags": {"short": "x".repeat(900)}}).to_string();
    server.send(Method::PUT, path, &[], short).await.expect(StatusCode::CREATED);
    server.stop().await;
}

#[tokio::test]
async fn ids_are_decoded_once_and_their_rules_hold() {
    let server = Server::with_fabric().await;
    for (written, id) in [("a%20b", "a b"), ("%C3%BC", "ü"), ("10.1.0.0_16", "10.1.0.0_16"), ("a%2520b", "")] {
        let path = format!("/networking/v1/accessControlLists/{written}");
        let answer = server.send(Method::PUT, &path, &[], "{}").await;
        match id {
            "" => answer.refused(400, "InvalidResourceName"),
            id => assert_eq!(answer.expect(StatusCode::CREATED)["resourceId"], id),
        }
    }
    for written in ["%20a", "a%2Fb", "a%3Fb", "a%23b", "a%5Cb", "a%07b", &"x".repeat(257)] {
        let path = format!("/networking/v1/accessControlLists/{written}");
        server.send(Method::PUT, &path, &[], "{}").await.refused(400, "InvalidResourceName");
        server.send(Method::GET, &path, &[], "").await.refused(404, "NotFound");
    }
    let path = format!("/networking/v1/accessControlLists/{}", "x".repeat(256));
    server.send(Method::PUT, &path, &[], "{}").await.expect(StatusCode::CREATED);
}

#[tokio::test]
async fn the_addresses_beside_the_api_answer() {
    let server = Server::with_fabric().await;
    for (path, part) in [
        ("/healthz", "ok"),
        ("/readyz", "ready"),
        ("/metrics", "controller_resources{collection=\"virtualNetworks\"} 1\n"),
        ("/metrics", "controller_http_requests_total{method=\"PUT\",status=\"2xx\"} 4\n"),
    ] {
        let answer = server.send(Method::GET, path, &[], "").await;
        assert_eq!(answer.status, StatusCode::OK);
        assert!(answer.text.contains(part), "{path}: {}", answer.text);
    }
    let document = server.send(Method::GET, "/openapi.json", &[], "").await.expect(StatusCode::OK);
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
}

#[tokio::test]
async fn a_write_waits_for_the_hosts_only_when_asked_and_says_what_came_of_it() {
    let server = Server::with_fabric().await;
    let answer = server.put("networkInterfaces/n", nic("10.1.0.9")).await;
    assert_eq!(answer.header("x-nc-enforced"), None);
    let headers = [("prefer", "return=minimal, wait=20")];
    let answer = server.put_with("networkInterfaces/n", nic("10.1.0.10"), &headers).await;
    // No host carries the NIC, so there is nobody to wait for.
    assert_eq!(answer.header("x-nc-enforced"), Some("all"));
    assert_eq!(answer.header("preference-applied"), Some("wait=20"));
    assert_eq!(answer.expect(StatusCode::OK)["resourceId"], "n");
}

#[tokio::test]
async fn generations_grow_with_every_accepted_write() {
    let server = Server::empty().await;
    let mut last = 0;
    for id in ["a", "b", "c"] {
        let answer = server.put(&format!("accessControlLists/{id}"), Value::Null).await;
        let generation = answer.header("x-nc-generation").unwrap().parse::<u64>().unwrap();
        assert!(generation > last);
        last = generation;
    }
}
