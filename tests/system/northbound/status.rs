//! The status table, contract section 3.

use super::furniture;
use super::judge::{Judge as _, etag, with};
use super::site::Site;
use harness::Result;
use harness::documents::{acl, rule};
use serde_json::{Value, json};

#[tokio::test]
async fn a_document_is_made_read_replaced_and_deleted() -> Result<()> {
    let site = Site::empty().await?;
    let path = "/accessControlLists/web";
    site.nc.get(path).await?.refused(404, "NotFound");

    let made = site.nc.put(path, &acl(&["110 in allow tcp * > *:443"])).await?.is(201);
    assert_eq!(made.body["resourceId"], "web");
    assert_eq!(made.body["resourceRef"], path);
    assert_eq!(made.body["properties"]["provisioningState"], "Succeeded");

    let read = site.nc.get(path).await?.is(200);
    assert_eq!(read.body, made.body, "PUT answers what GET answers");
    assert_eq!(read.header("ETag"), Some(etag(&read.body)));
    assert_eq!(made.header("ETag"), Some(etag(&made.body)));

    let replaced = site.nc.put(path, &acl(&["120 in deny udp * > *"])).await?.is(200);
    assert_eq!(replaced.body["instanceId"], made.body["instanceId"]);
    assert_ne!(replaced.body["etag"], made.body["etag"]);
    assert_eq!(replaced.body["properties"]["aclRules"].as_array().map(Vec::len), Some(1));
    assert_eq!(site.nc.read(path).await?, replaced.body);

    let deleted = site.nc.delete(path).await?.is(200);
    assert_eq!(deleted.body, Value::Null, "nothing is left to answer with");
    site.nc.get(path).await?.refused(404, "NotFound");
    assert_eq!(site.nc.delete(path).await?.is(204).body, Value::Null);

    let again = site.nc.put(path, &acl(&[])).await?.is(201);
    assert_ne!(again.body["instanceId"], made.body["instanceId"], "a new document is not the old one");
    Ok(())
}

#[tokio::test]
async fn a_put_that_changes_nothing_keeps_etag_and_state() -> Result<()> {
    let site = Site::furnished().await?;
    for (path, document) in furniture::documents() {
        let before = site.nc.read(path).await?;
        let reply = site.nc.put(path, &document).await?.is(200);
        assert_eq!(reply.body, before, "{path}");
        assert_eq!(site.nc.read(path).await?, before, "{path}");
    }
    Ok(())
}

#[tokio::test]
async fn children_are_made_read_replaced_and_deleted_under_their_own_path() -> Result<()> {
    let site = Site::furnished().await?;
    let (list, path) = ("/accessControlLists/plain", "/accessControlLists/plain/aclRules/300-in");
    site.nc.get(path).await?.refused(404, "NotFound");
    let made = site.nc.put(path, &rule("300 in allow tcp * > *:80")).await?.is(201);
    assert_eq!(made.body["resourceRef"], path);
    let parent = site.nc.read(list).await?;
    assert_eq!(parent["properties"]["aclRules"].as_array().map(Vec::len), Some(3), "{parent}");
    assert!(
        parent["properties"]["aclRules"].as_array().into_iter().flatten().any(|rule| *rule == made.body),
        "{parent}"
    );

    let replaced = site.nc.put(path, &rule("300 in deny tcp * > *:80")).await?.is(200);
    assert_eq!(replaced.body["properties"]["action"], "Deny");
    assert_eq!(replaced.body["instanceId"], made.body["instanceId"]);
    let list_of = site.nc.get("/accessControlLists/plain/aclRules").await?.is(200).body;
    assert_eq!(list_of["value"].as_array().map(Vec::len), Some(3));

    site.nc.delete(path).await?.is(200);
    site.nc.delete(path).await?.is(204);
    site.nc.get(path).await?.refused(404, "NotFound");
    let parent = site.nc.read(list).await?;
    assert_eq!(parent["properties"]["aclRules"].as_array().map(Vec::len), Some(2), "{parent}");
    Ok(())
}

#[tokio::test]
async fn children_of_nothing_are_not_there() -> Result<()> {
    let site = Site::furnished().await?;
    for parent in ["/accessControlLists/none/aclRules", "/logicalNetworks/backend/subnets/none/ipPools"] {
        site.nc.get(parent).await?.refused(404, "NotFound");
        site.nc.get(&format!("{parent}/one")).await?.refused(404, "NotFound");
        site.nc.put(&format!("{parent}/one"), &json!({ "properties": {} })).await?.refused(404, "NotFound");
        site.nc.delete(&format!("{parent}/one")).await?.is(204);
    }
    Ok(())
}

#[tokio::test]
async fn a_put_of_the_parent_replaces_its_children() -> Result<()> {
    let site = Site::furnished().await?;
    let path = "/accessControlLists/plain";
    let before = site.nc.read(path).await?;
    let kept = before["properties"]["aclRules"][0].clone();
    let other = rule("300 in deny tcp * > *");
    let after = site.nc.put(path, &with(before, "/properties/aclRules", json!([kept, other]))).await?.is(200).body;
    let rules = &after["properties"]["aclRules"];
    assert_eq!(rules.as_array().map(Vec::len), Some(2), "{rules}");
    assert_eq!(rules[0]["instanceId"], kept["instanceId"], "a child that stays in the list is the same child");
    assert_eq!(rules[1]["resourceId"], "300-in");
    site.nc.get("/accessControlLists/plain/aclRules/100-out").await?.refused(404, "NotFound");

    site.nc.put(path, &json!({ "properties": {} })).await?.is(200);
    assert_eq!(site.nc.get("/accessControlLists/plain/aclRules").await?.is(200).body, json!({ "nextLink": "" }));
    Ok(())
}

#[tokio::test]
async fn a_deleted_parent_takes_its_children_with_it() -> Result<()> {
    let site = Site::furnished().await?;
    site.nc.delete("/virtualNetworks/green").await?.is(200);
    site.nc.get("/virtualNetworks/green/subnets/web").await?.refused(404, "NotFound");
    site.nc.get("/virtualNetworks/green/subnets").await?.refused(404, "NotFound");
    // What referred from inside the tree does not refer any more.
    site.nc.delete("/networkInterfaces/vm1").await?.is(200);
    let acl = site.nc.read("/accessControlLists/web-tier").await?;
    assert_eq!(acl["properties"]["ipConfigurations"], json!([]));
    Ok(())
}

#[tokio::test]
async fn the_order_of_children_is_the_clients() -> Result<()> {
    let site = Site::empty().await?;
    let ids = |document: &Value| -> Vec<String> {
        let rules = document["properties"]["aclRules"].as_array().into_iter().flatten();
        rules.filter_map(|rule| rule["resourceId"].as_str().map(str::to_owned)).collect()
    };
    let list = acl(&["300 in deny * * > *", "100 in allow * * > *", "200 in allow * * > *"]);
    let made = site.nc.put("/accessControlLists/a", &list).await?.is(201).body;
    assert_eq!(ids(&made), ["300-in", "100-in", "200-in"]);
    site.nc.put("/accessControlLists/a/aclRules/150-in", &rule("150 in allow * * > *")).await?.is(201);
    site.nc.put("/accessControlLists/a/aclRules/300-in", &rule("300 in allow * * > *")).await?.is(200);
    assert_eq!(ids(&site.nc.read("/accessControlLists/a").await?), ["300-in", "100-in", "200-in", "150-in"]);
    Ok(())
}
