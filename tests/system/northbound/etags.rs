//! The ETag table and which ETags a write changes, contract section 6.

use super::judge::{Judge as _, child, etag, with};
use super::site::{Client, Site};
use harness::Result;
use harness::documents::{acl, reference, rule};
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeMap;

const OTHER: &str = "W/\"00000000-1111-2222-3333-444444444444\"";

#[tokio::test]
async fn conditions_are_met_as_in_the_table() -> Result<()> {
    let site = Site::empty().await?;
    let condition = |header: &'static str, value: &str| Some((header, value.to_owned()));
    // The own etag is put in for $.
    let rows = [
        (Method::PUT, None, 201, 200),
        (Method::PUT, condition("If-Match", ""), 201, 200),
        (Method::PUT, condition("If-Match", "\"\""), 201, 200),
        (Method::PUT, condition("If-Match", "*"), 412, 200),
        (Method::PUT, condition("If-Match", "$"), 412, 200),
        (Method::PUT, condition("If-Match", OTHER), 412, 412),
        (Method::PUT, condition("If-None-Match", "*"), 201, 412),
        (Method::DELETE, None, 204, 200),
        (Method::DELETE, condition("If-Match", ""), 204, 200),
        (Method::DELETE, condition("If-Match", "\"\""), 204, 200),
        (Method::DELETE, condition("If-Match", "*"), 204, 200),
        (Method::DELETE, condition("If-Match", "$"), 204, 200),
        (Method::DELETE, condition("If-Match", OTHER), 204, 412),
    ];
    let path = "/accessControlLists/web";
    for (method, condition, if_missing, if_there) in rows {
        for (there, status) in [(false, if_missing), (true, if_there)] {
            site.nc.delete(path).await?;
            let own = if there {
                etag(&site.nc.put(path, &acl(&[])).await?.is(201).body).to_owned()
            } else {
                OTHER.to_owned()
            };
            let value = condition.as_ref().map(|(name, value)| (*name, value.replace('$', &own)));
            let headers: Vec<(&str, &str)> = value.iter().map(|(name, value)| (*name, value.as_str())).collect();
            let body = (method == Method::PUT).then(|| acl(&["110 in allow tcp * > *"]));
            let reply = site.nc.send(method.clone(), path, body.as_ref(), &headers).await?;
            assert_eq!(reply.status, status, "{method} with {headers:?}, there: {there}: {}", reply.body);
            if status == 412 {
                reply.refused(412, "PreconditionFailed");
                assert_eq!(site.nc.get(path).await?.status, if there { 200 } else { 404 });
            }
        }
    }
    Ok(())
}

#[tokio::test]
async fn an_etag_is_compared_by_its_text() -> Result<()> {
    let site = Site::empty().await?;
    let path = "/accessControlLists/web";
    let mut own = etag(&site.nc.put(path, &acl(&[])).await?.is(201).body).to_owned();
    assert!(own.starts_with("W/\"") && own.ends_with('"') && own.len() == 40, "{own}");
    for priority in 0..4 {
        let bare = own.trim_start_matches("W/").trim_matches('"').to_owned();
        let spelling = [own.clone(), format!("\"{bare}\""), bare.clone(), format!("W/{bare}")][priority].clone();
        let list = acl(&[&format!("{} in allow * * > *", 200 + priority)]);
        let reply = site.nc.send(Method::PUT, path, Some(&list), &[("If-Match", &spelling)]).await?;
        assert_eq!(reply.status, 200, "If-Match: {spelling}: {}", reply.body);
        assert_ne!(etag(&reply.body), own);
        own = etag(&reply.body).to_owned();
    }
    Ok(())
}

#[tokio::test]
async fn children_have_conditions_of_their_own() -> Result<()> {
    let site = Site::furnished().await?;
    let (parent, path) = ("/accessControlLists/plain", "/accessControlLists/plain/aclRules/100-in");
    site.nc.put(&format!("{parent}/aclRules/300-in"), &rule("300 in allow * * > *")).await?.is(201);
    let of_parent = etag(&site.nc.read(parent).await?).to_owned();
    let of_child = etag(&site.nc.read(path).await?).to_owned();
    assert_ne!(of_parent, of_child, "the sibling's write changed the parent alone");
    let changed = rule("100 in deny * * > *");
    let stale = site.nc.send(Method::PUT, path, Some(&changed), &[("If-Match", &of_parent)]).await?;
    stale.refused(412, "PreconditionFailed");
    site.nc.send(Method::PUT, path, Some(&changed), &[("If-Match", &of_child)]).await?.is(200);
    site.nc.send(Method::DELETE, path, None, &[("If-Match", &of_child)]).await?.refused(412, "PreconditionFailed");
    let now = etag(&site.nc.read(path).await?).to_owned();
    site.nc.send(Method::DELETE, path, None, &[("If-Match", &now)]).await?.is(200);
    Ok(())
}

/// Every ETag of the logical network `backend`, and of a NIC and a network beside it, by path.
async fn etags(nc: &Client) -> Result<BTreeMap<String, String>> {
    let mut etags = BTreeMap::new();
    for path in
        ["/logicalNetworks/backend", "/networkInterfaces/vm1", "/virtualNetworks/blue", "/accessControlLists/web-tier"]
    {
        collect(&nc.read(path).await?, &mut etags);
    }
    Ok(etags)
}

fn collect(document: &Value, etags: &mut BTreeMap<String, String>) {
    if let (Some(path), Some(etag)) = (document["resourceRef"].as_str(), document["etag"].as_str()) {
        etags.insert(path.to_lowercase(), etag.to_owned());
    }
    let members = document["properties"].as_object().into_iter().flat_map(|properties| properties.values());
    for child in members.filter_map(Value::as_array).flatten() {
        collect(child, etags);
    }
}

/// Paths whose ETag differs, or that are in one of both only.
fn changed(before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) -> Vec<String> {
    let paths = before.keys().chain(after.keys().filter(|path| !before.contains_key(*path)));
    let mut changed: Vec<String> = paths.filter(|path| before.get(*path) != after.get(*path)).cloned().collect();
    changed.sort();
    changed
}

#[tokio::test]
async fn a_put_of_the_parent_gives_it_and_all_below_one_new_etag() -> Result<()> {
    let site = Site::furnished().await?;
    let path = "/logicalNetworks/backend";
    let before = etags(&site.nc).await?;
    let document = with(site.nc.read(path).await?, "/properties/subnets/1/properties/vlanID", "10");
    site.nc.put(path, &document).await?.is(200);
    let after = etags(&site.nc).await?;
    let tree = [
        "/logicalnetworks/backend",
        "/logicalnetworks/backend/subnets/bare",
        "/logicalnetworks/backend/subnets/vlan7",
        "/logicalnetworks/backend/subnets/vlan7/ippools/pool7",
    ];
    assert_eq!(changed(&before, &after), tree);
    assert!(tree.iter().all(|path| after[*path] == after[tree[0]]), "{after:?}");
    Ok(())
}

#[tokio::test]
async fn a_write_to_a_child_changes_it_and_what_is_above_and_below() -> Result<()> {
    let site = Site::furnished().await?;
    let subnet = "/logicalNetworks/backend/subnets/vlan7";
    let pool = "/logicalNetworks/backend/subnets/vlan7/ipPools/second";
    let range = json!({ "properties": { "startIpAddress": "172.16.7.210", "endIpAddress": "172.16.7.220" } });
    let above = ["/logicalnetworks/backend", "/logicalnetworks/backend/subnets/vlan7"];
    let mut before = etags(&site.nc).await?;
    let mut step = async |what: &str, expected: &[&str]| -> Result<()> {
        let after = etags(&site.nc).await?;
        assert_eq!(changed(&before, &after), expected, "{what}");
        before = after;
        Ok(())
    };

    site.nc.put(pool, &range).await?.is(201);
    step("a new grandchild", &[above[0], above[1], "/logicalnetworks/backend/subnets/vlan7/ippools/second"]).await?;
    let longer = with(range.clone(), "/properties/endIpAddress", "172.16.7.230");
    site.nc.put(pool, &longer).await?.is(200);
    step("a changed grandchild", &[above[0], above[1], "/logicalnetworks/backend/subnets/vlan7/ippools/second"])
        .await?;
    site.nc.put(pool, &longer).await?.is(200);
    step("the same again", &[]).await?;
    let document = with(site.nc.read(subnet).await?, "/properties/dnsServers", json!([]));
    site.nc.put(subnet, &document).await?.is(200);
    let both = [
        "/logicalnetworks/backend/subnets/vlan7/ippools/pool7",
        "/logicalnetworks/backend/subnets/vlan7/ippools/second",
    ];
    step("a changed child", &[above[0], above[1], both[0], both[1]]).await?;
    site.nc.delete(pool).await?.is(200);
    step("a deleted grandchild", &[above[0], above[1], both[1]]).await?;
    Ok(())
}

#[tokio::test]
async fn a_write_elsewhere_changes_no_etag_of_what_refers_or_is_referred_to() -> Result<()> {
    let site = Site::furnished().await?;
    let before = etags(&site.nc).await?;
    let only = |after: &BTreeMap<String, String>, expected: &[&str]| assert_eq!(changed(&before, after), expected);

    // The list that blue/web and vm1 refer to changes.
    site.nc.put("/accessControlLists/web-tier/aclRules/110-in", &rule("110 in deny tcp * > *")).await?.is(200);
    let list = ["/accesscontrollists/web-tier", "/accesscontrollists/web-tier/aclrules/110-in"];
    only(&etags(&site.nc).await?, &list);

    // A new NIC puts itself into the back references of subnet and list.
    let address = harness::documents::address("ip0", "10.20.1.77", "blue/web", Some("web-tier"));
    site.nc.put("/networkInterfaces/vm9", &harness::documents::nic(None, &[address])).await?.is(201);
    only(&etags(&site.nc).await?, &list);
    let subnet = site.nc.read("/virtualNetworks/blue").await?;
    let subnet = child(&subnet, "/properties/subnets", "web").clone();
    let back = subnet["properties"]["ipConfigurations"].as_array().into_iter().flatten();
    assert!({ back }.any(|back| *back == reference("/networkInterfaces/vm9/ipConfigurations/ip0")), "{subnet}");
    Ok(())
}
