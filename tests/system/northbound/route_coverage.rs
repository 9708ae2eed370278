//! `/openapi.json` says what is served: every path in it answers as it says, and every served path is in it.

use super::judge::Judge as _;
use super::site::Site;
use harness::Result;
use harness::rest::Reply;
use reqwest::Method;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The document at `/openapi.json`, and ids that lead to what is there.
struct Routes {
    site: Site,
    document: Value,
    operation: String,
}

impl Routes {
    async fn read() -> Result<Self> {
        let site = Site::furnished().await?;
        let document = site.nc.send_raw(Method::GET, "/openapi.json", None, &[]).await?.is(200).body;
        assert!(
            document["openapi"].as_str().is_some_and(|version| version.starts_with("3.1")),
            "{}",
            document["openapi"]
        );
        let same = site.nc.read("/accessControlLists/plain").await?;
        let reply = site.nc.put("/accessControlLists/plain", &same).await?.is(200);
        let operation = reply.header("x-ms-request-id").unwrap_or_default().to_owned();
        Ok(Self { site, document, operation })
    }

    fn paths(&self) -> &Map<String, Value> {
        self.document["paths"].as_object().expect("the document has paths")
    }

    /// The path with its parameters filled in: with ids of the furniture, or for the last one with `last`.
    fn fill(&self, template: &str, last: Option<&str>) -> String {
        let segments: Vec<&str> = template.split('/').collect();
        let end = segments.len() - 1;
        let mut filled: Vec<&str> = Vec::new();
        for (number, segment) in segments.iter().enumerate() {
            let parameter = segment.starts_with('{');
            let known = match filled.last().copied().unwrap_or_default() {
                "networking" => "v7.1",
                "accessControlLists" => "web-tier",
                "aclRules" => "110-in",
                "virtualNetworks" => "blue",
                "subnets" if filled.contains(&"logicalNetworks") => "vlan7",
                "subnets" => "web",
                "networkInterfaces" if filled.contains(&"servers") => "switch",
                "networkInterfaces" => "vm1",
                "ipConfigurations" => "ip0",
                "logicalNetworks" => "backend",
                "ipPools" => "pool7",
                "servers" => "host-a",
                "virtualServers" => "mux1",
                "credentials" => "host-admin",
                "macPools" => "pool",
                "operations" | "operationResults" => &self.operation,
                _ => "none",
            };
            filled.push(match last {
                Some(last) if parameter && number == end => last,
                _ if parameter => known,
                _ => segment,
            });
        }
        filled.join("/")
    }

    async fn send(&self, method: Method, path: &str, body: Option<&str>) -> Result<Reply> {
        self.site.nc.send_raw(method, path, body, &[]).await
    }
}

/// That this answer is one that the operation documents.
#[track_caller]
fn documented(operation: &Value, path: &str, reply: &Reply) {
    let responses = operation["responses"].as_object().cloned().unwrap_or_default();
    let listed = responses.contains_key(&reply.status.to_string()) || responses.contains_key("default");
    assert!(listed, "{path}: {} is not among {:?}: {}", reply.status, responses.keys(), reply.body);
}

#[tokio::test]
async fn every_documented_path_answers_get_as_documented() -> Result<()> {
    let routes = Routes::read().await?;
    let mut seen = BTreeMap::<u16, usize>::new();
    for (template, item) in routes.paths().iter().filter(|(template, _)| template.contains("/networking")) {
        let Some(operation) = item.get("get") else { continue };
        let path = routes.fill(template, None);
        let reply = routes.send(Method::GET, &path, None).await?;
        documented(operation, &path, &reply);
        assert!(reply.status == 200 || path.contains("none"), "{path}: {} {}", reply.status, reply.body);
        *seen.entry(reply.status).or_default() += 1;
        if template.ends_with('}') && !template.contains("peration") {
            let missing = routes.fill(template, Some("missing"));
            let reply = routes.send(Method::GET, &missing, None).await?;
            documented(operation, &missing, &reply);
            reply.refused(404, "NotFound");
        }
    }
    assert!(seen.get(&200).is_some_and(|count| *count >= 36), "{seen:?}");
    Ok(())
}

#[tokio::test]
async fn every_documented_put_refuses_what_is_no_json() -> Result<()> {
    let routes = Routes::read().await?;
    let before = routes.site.everything().await?;
    let mut count = 0;
    for (template, item) in routes.paths() {
        let Some(operation) = item.get("put") else { continue };
        let path = routes.fill(template, None);
        let reply = routes.send(Method::PUT, &path, Some("{\"properties\":")).await?;
        documented(operation, &path, &reply);
        reply.refused(400, "InvalidRequestFormat");
        count += 1;
    }
    assert!(count >= 16, "{count} paths can be PUT");
    assert_eq!(routes.site.everything().await?, before);
    Ok(())
}

#[tokio::test]
async fn every_documented_delete_of_what_is_not_there_has_nothing_to_do() -> Result<()> {
    let routes = Routes::read().await?;
    let before = routes.site.everything().await?;
    let mut count = 0;
    for (template, item) in routes.paths() {
        let Some(operation) = item.get("delete") else { continue };
        let path = routes.fill(template, Some("missing"));
        let reply = routes.send(Method::DELETE, &path, None).await?;
        documented(operation, &path, &reply);
        assert_eq!(reply.status, 204, "{path}: {}", reply.body);
        count += 1;
    }
    assert!(count >= 14, "{count} paths can be deleted");
    assert_eq!(routes.site.everything().await?, before);
    Ok(())
}

#[tokio::test]
async fn a_method_that_is_not_documented_is_not_offered() -> Result<()> {
    let routes = Routes::read().await?;
    for (template, item) in routes.paths().iter().filter(|(template, _)| template.contains("/networking")) {
        let path = routes.fill(template, None);
        for method in [Method::PUT, Method::DELETE, Method::POST, Method::PATCH] {
            if item.get(method.as_str().to_lowercase()).is_none() {
                let reply = routes.send(method.clone(), &path, Some("{}")).await?;
                assert_eq!(
                    (reply.status, reply.code()),
                    (405, "OperationNotSupported"),
                    "{method} {path}: {}",
                    reply.body
                );
            }
        }
    }
    Ok(())
}

#[tokio::test]
async fn every_served_path_is_documented() -> Result<()> {
    let routes = Routes::read().await?;
    // Names of parameters are nobody's business.
    let shape = |template: &str| -> String {
        let segments = template.split('/').map(|segment| if segment.starts_with('{') { "{}" } else { segment });
        segments.collect::<Vec<_>>().join("/").to_lowercase()
    };
    let known: Vec<String> = routes.paths().keys().map(|template| shape(template)).collect();
    let collections = [
        "accessControlLists",
        "accessControlLists/{}/aclRules",
        "credentials",
        "logicalNetworks",
        "logicalNetworks/{}/subnets",
        "logicalNetworks/{}/subnets/{}/ipPools",
        "macPools",
        "networkInterfaces",
        "networkInterfaces/{}/ipConfigurations",
        "servers",
        "servers/{}/networkInterfaces",
        "virtualNetworks",
        "virtualNetworks/{}/subnets",
        "virtualServers",
    ];
    let documents = collections
        .iter()
        .flat_map(|name| [format!("/networking/{{}}/{name}"), format!("/networking/{{}}/{name}/{{}}")]);
    let others = [
        "/networking/discovery",
        "/networking/{}/discovery",
        "/networking/{}/virtualNetworkManager/configuration",
        "/networking/{}/virtualSwitchManager/configuration",
        "/networking/{}/operations/{}",
        "/networking/{}/operationResults/{}",
    ];
    for path in documents.chain(others.map(str::to_owned)) {
        assert!(known.contains(&shape(&path)), "{path} is not documented");
    }
    Ok(())
}
