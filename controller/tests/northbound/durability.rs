//! What is acknowledged is on disk. Architecture section 4.

use crate::server::{Server, nic};
use reqwest::StatusCode;
use serde_json::{Value, json};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, SqliteConnection};
use std::path::Path;

async fn open(directory: &Path) -> SqliteConnection {
    SqliteConnectOptions::new().filename(directory.join("controller.db")).connect().await.unwrap()
}

#[tokio::test]
async fn a_restart_changes_no_document() {
    let directory = tempfile::tempdir().unwrap();
    let paths =
        ["macPools", "virtualNetworks", "logicalNetworks", "accessControlLists", "networkInterfaces", "credentials"];
    let server = Server::on(directory.path(), 1 << 20).await;
    let nic = json!({"privateMacAllocationMethod": "Dynamic"});
    let pool = json!({"startMacAddress": "00-1D-D8-10-00-00", "endMacAddress": "00-1D-D8-10-00-0F"});
    server.put("macPools/default", pool).await.expect(StatusCode::CREATED);
    server
        .put("logicalNetworks/HNVPA", json!({"networkVirtualizationEnabled": true}))
        .await
        .expect(StatusCode::CREATED);
    server
        .put("credentials/c", json!({"type": "usernamePassword", "userName": "u", "value": "p4ssw0rd"}))
        .await
        .expect(StatusCode::CREATED);
    for id in ["c", "a", "b"] {
        server.put(&format!("networkInterfaces/{id}"), nic.clone()).await.expect(StatusCode::CREATED);
    }
    server.delete("networkInterfaces/a").await.expect(StatusCode::OK);
    let mut before = Vec::new();
    for path in paths {
        before.push(server.get(path).await.text);
    }
    server.stop().await;

    let server = Server::on(directory.path(), 1 << 20).await;
    for (path, before) in paths.into_iter().zip(before) {
        assert_eq!(server.get(path).await.text, before, "{path}");
    }
    // A MAC that was in use a moment ago is not handed out again.
    let next = server.put("networkInterfaces/d", nic).await.expect(StatusCode::CREATED);
    assert_eq!(next["properties"]["privateMacAddress"], "001DD8100003");
    server.stop().await;
}

#[tokio::test]
async fn secrets_are_not_readable_in_the_database() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::on(directory.path(), 1 << 20).await;
    let secret = json!({"type": "usernamePassword", "userName": "u", "value": "p4ssw0rd"});
    server.put("credentials/c", secret).await.expect(StatusCode::CREATED);
    server.stop().await;
    for file in std::fs::read_dir(directory.path()).unwrap() {
        let path = file.unwrap().path();
        let content = std::fs::read(&path).unwrap();
        assert!(!content.windows(8).any(|window| window == b"p4ssw0rd"), "{}", path.display());
    }
}

#[tokio::test]
async fn the_views_show_what_users_think_in() {
    let server = Server::with_fabric().await;
    server.put("networkInterfaces/n", nic("10.1.0.9")).await.expect(StatusCode::CREATED);
    let mut database = open(server.directory()).await;
    for (statement, expected) in [
        (
            "SELECT name || ' ' || address_space || ' ' || logical_network FROM virtual_networks",
            "blue 10.0.0.0/8 /logicalnetworks/HNVPA",
        ),
        (
            "SELECT virtual_network || ' ' || name || ' ' || address_prefix || ' ' || (vsid >= 4096) FROM virtual_subnets WHERE name = 'web'",
            "blue web 10.1.0.0/16 1",
        ),
        (
            "SELECT name || ' ' || mac_address || ' ' || mac_allocation FROM network_interfaces",
            "n 001DD8100000 Dynamic",
        ),
        (
            "SELECT network_interface || ' ' || name || ' ' || ip_address || ' ' || subnet FROM ip_configurations",
            "n ip0 10.1.0.9 /virtualNetworks/blue/subnets/web",
        ),
        (
            "SELECT name || ' ' || inbound_default || ' ' || rules || ' ' || uses FROM access_control_lists",
            "all Permit 1 0",
        ),
        (
            "SELECT access_control_list || ' ' || name || ' ' || priority || ' ' || typeof(priority) || ' ' || action FROM acl_rules",
            "all r1 200 integer Allow",
        ),
        (
            "SELECT kind || ' ' || value || ' ' || owner_key FROM claim WHERE kind = 'ipv4'",
            "ipv4 10.1.0.9 /networkinterfaces/n/ipconfigurations/ip0",
        ),
    ] {
        let shown: String = sqlx::query_scalar(statement).fetch_one(&mut database).await.unwrap();
        assert_eq!(shown, expected, "{statement}");
    }
}

/// The database refuses what the engine did not foresee; only the guilty write fails, and the server goes on.
#[tokio::test]
async fn a_conflict_in_the_database_fails_the_guilty_write_alone() {
    let server = Server::with_fabric().await;
    let mut database = open(server.directory()).await;
    sqlx::query("INSERT INTO reference (source_key, property, target_key) VALUES ('/macpools/default', 'x', '/accesscontrollists/all')")
        .execute(&mut database)
        .await
        .unwrap();
    let guilty = server.delete("accessControlLists/all");
    let innocent = (0..20).map(|n| server.put_owned(format!("accessControlLists/n{n}"), Value::Null));
    let (guilty, innocent) = futures_util::future::join(guilty, futures_util::future::join_all(innocent)).await;
    guilty.refused(503, "RetryableError");
    for answer in innocent {
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
    }
    assert_eq!(server.get("accessControlLists/all").await.status, StatusCode::OK);
}

/// A disk that cannot be written: nothing is acknowledged, nothing is shown, and all is well again afterwards.
#[tokio::test]
async fn while_the_database_cannot_be_written_nothing_changes_and_then_it_goes_on() {
    let server = Server::with_fabric().await;
    let mut database = open(server.directory()).await;
    // Whoever else holds the write lock makes every commit fail once the timeout is over.
    sqlx::query("BEGIN IMMEDIATE").execute(&mut database).await.unwrap();
    let before = server.get("accessControlLists").await.text;
    server.put("accessControlLists/new", Value::Null).await.refused(503, "ServiceUnavailable");
    assert_eq!(server.get("accessControlLists").await.text, before);
    let ready = server.send(reqwest::Method::GET, "/readyz", &[], "").await;
    assert_eq!(ready.status, StatusCode::SERVICE_UNAVAILABLE);
    sqlx::query("ROLLBACK").execute(&mut database).await.unwrap();
    server.put("accessControlLists/new", Value::Null).await.expect(StatusCode::CREATED);
    let ready = server.send(reqwest::Method::GET, "/readyz", &[], "").await;
    assert_eq!(ready.status, StatusCode::OK);
}

/// A request that changes nothing needs no disk: its refusal says what is wrong with it, not with the disk.
#[tokio::test]
async fn what_changes_nothing_is_answered_while_the_database_cannot_be_written() {
    let server = Server::with_fabric().await;
    let mut database = open(server.directory()).await;
    sqlx::query("BEGIN IMMEDIATE").execute(&mut database).await.unwrap();
    server
        .put("accessControlLists/new", json!({"inboundDefaultAction": "Maybe"}))
        .await
        .refused(400, "InvalidParameterValue");
    let shown = server.get("accessControlLists/all").await.text;
    let path = "/networking/v1/accessControlLists/all";
    let again = server.send(reqwest::Method::PUT, path, &[], shown.clone()).await;
    assert_eq!((again.status, again.text), (StatusCode::OK, shown));
    assert_eq!(server.delete("accessControlLists/none").await.status, StatusCode::NO_CONTENT);
    sqlx::query("ROLLBACK").execute(&mut database).await.unwrap();
}
