//! `/v1/proxy`: switching the network proxy, and what guests would be told.

use super::running::{NIC, Running, mac, sections, whole};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

impl Running {
    async fn switch(&self, settings: &Value) -> (StatusCode, Value) {
        self.call(Method::PUT, "/v1/proxy", settings.to_string()).await
    }
}

#[tokio::test]
async fn the_proxy_is_off_until_it_is_switched_and_stays_as_it_was_over_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let agent = Running::start(folder.path()).await;
    let before = agent.get("/v1/proxy").await;
    assert_eq!((&before["enabled"], &before["listen"]), (&json!(false), &json!("169.254.169.254:6642")));
    let (status, switched) = agent.switch(&json!({ "enabled": true, "routes": ["list=/mine"] })).await;
    assert_eq!((status, &switched["enabled"]), (StatusCode::OK, &json!(true)));
    agent.stop().await;

    let agent = Running::start(folder.path()).await;
    let after = agent.get("/v1/proxy").await;
    assert_eq!((&after["enabled"], &after["routes"]), (&json!(true), &json!(["list=/mine"])));
    agent.stop().await;
}

#[tokio::test]
async fn a_damaged_file_switches_the_proxy_off_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let agent = Running::start(folder.path()).await;
    agent.attach(mac()).await;
    agent.apply(&whole(1, &sections(80))).await;
    agent.switch(&json!({ "enabled": true })).await;
    agent.stop().await;
    std::fs::write(folder.path().join("proxy.json"), "{\"enabled\"").unwrap();

    let agent = Running::start(folder.path()).await;
    assert_eq!(agent.get("/v1/proxy").await["enabled"], json!(false));
    assert_eq!(agent.get("/v1/ports").await[0]["result"]["code"], json!("success"));
    let (status, switched) = agent.switch(&json!({ "enabled": true })).await;
    assert_eq!((status, &switched["enabled"]), (StatusCode::OK, &json!(true)));
    agent.stop().await;
}

#[tokio::test]
async fn settings_that_make_no_sense_change_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let agent = Running::start(folder.path()).await;
    let before = agent.get("/v1/proxy").await;
    for settings in [json!({}), json!({ "enabled": 1 }), json!({ "enabled": true, "routes": ["/x"] }), json!([])] {
        let (status, body) = agent.switch(&settings).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{settings}: {body}");
        assert_eq!(agent.get("/v1/proxy").await, before);
    }
    agent.stop().await;
}

#[tokio::test]
async fn a_guest_is_told_what_is_in_force_and_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let agent = Running::start(folder.path()).await;
    agent.attach(mac()).await;
    let listed = async || agent.get("/v1/proxy").await["ports"][0]["listed"].clone();
    assert_eq!(listed().await, Value::Null, "no policy yet");
    agent.apply(&whole(1, &sections(80))).await;
    assert_eq!(listed().await, json!(0), "the own address is not for containers");
    let (_, status) = agent.call(Method::DELETE, &format!("/v1/ports/{NIC}"), String::new()).await;
    assert_eq!(status["profileId"], json!(NIC));
    assert_eq!(agent.get("/v1/proxy").await["ports"], json!([]));
    agent.stop().await;
}
