//! Headers, finished operations, repeated requests. Contract 1.1, 1.2, 5 and the additions to it.

use super::judge::{Judge as _, etag};
use super::site::Site;
use super::wire;
use harness::Result;
use harness::documents::acl;
use harness::rest::Reply;
use reqwest::Method;
use serde_json::json;
use std::collections::BTreeSet;

/// The id at the end of the `Azure-AsyncOperation` header, which must point to this controller.
#[track_caller]
fn operation(site: &Site, reply: &Reply) -> String {
    let uri = reply.header("Azure-AsyncOperation").unwrap_or_else(|| panic!("no operation: {:?}", reply.headers));
    let start = format!("{}/networking/V1/operations/", site.nc.root());
    let id = uri.strip_prefix(&start).unwrap_or_else(|| panic!("{uri} does not start with {start}"));
    assert_eq!(reply.header("x-ms-request-id"), Some(id), "the request's id is the operation's");
    id.to_owned()
}

#[tokio::test]
async fn every_successful_write_names_a_finished_operation() -> Result<()> {
    let site = Site::empty().await?;
    let path = "/accessControlLists/web";
    let list = acl(&["110 in allow tcp * > *"]);
    let mut ids = BTreeSet::new();
    for (version, document) in [("v4", Some(&list)), ("v7", Some(&list)), ("v1", Some(&acl(&[]))), ("V6.1", None)] {
        let client = site.nc.version(version);
        let reply = match document {
            Some(document) => client.put(path, document).await?.expect_status_in(path, &[200, 201]),
            None => client.delete(path).await?.is(200),
        };
        let id = operation(&site, &reply);
        assert_eq!(reply.header("Location"), None, "a synchronous answer has no other place");
        for version in ["V1", "v1", "v7.1"] {
            let client = site.nc.version(version);
            let state = client.get(&format!("/operations/{id}")).await?.is(200).body;
            assert_eq!(state["status"], "Succeeded", "{state}");
            assert_eq!(state.get("error"), None, "{state}");
            let result = client.get(&format!("/operationResults/{id}")).await?;
            assert_eq!(result.is(if document.is_some() { 200 } else { 204 }).body, reply.body);
        }
        assert!(ids.insert(id), "every write has an operation of its own");
    }
    for unknown in ["/operations/none", "/operationResults/00000000-0000-0000-0000-000000000001"] {
        site.nc.get(unknown).await?.refused(404, "NotFound");
    }
    Ok(())
}

#[tokio::test]
async fn addresses_in_headers_have_the_host_that_the_client_used() -> Result<()> {
    let site = Site::empty().await?;
    let headers = [("Host", "nc.example:8443")];
    let reply = site.nc.send(Method::PUT, "/accessControlLists/web", Some(&acl(&[])), &headers).await?.is(201);
    let uri = reply.header("Azure-AsyncOperation").unwrap_or_default();
    assert!(uri.starts_with("http://nc.example:8443/networking/V1/operations/"), "{uri}");
    Ok(())
}

#[tokio::test]
async fn every_answer_has_the_headers_of_the_contract() -> Result<()> {
    let site = Site::furnished().await?;
    let one = site.nc.get("/virtualNetworks/blue").await?.is(200);
    assert_eq!(one.header("ETag"), Some(etag(&one.body)));
    let list = site.nc.get("/virtualNetworks").await?.is(200);
    assert_eq!(list.header("ETag"), None, "a list is no single resource");
    let missing = site.nc.get("/virtualNetworks/none").await?.is(404);
    let invalid = site.nc.put("/virtualNetworks/none", &json!({ "properties": {} })).await?.is(400);
    let mut ids = BTreeSet::new();
    for reply in [&one, &list, &missing, &invalid] {
        assert_eq!(reply.header("Content-Type"), Some("application/json; charset=utf-8"));
        let length: usize = reply.header("Content-Length").and_then(|text| text.parse().ok()).unwrap_or_default();
        assert!(length > 0, "{:?}", reply.headers);
        assert!(reply.header("Date").is_some_and(|date| date.ends_with("GMT")), "{:?}", reply.headers);
        assert!(reply.header("Server").is_some_and(|name| !name.is_empty()), "{:?}", reply.headers);
        ids.insert(reply.header("x-ms-request-id").unwrap_or_default().to_owned());
    }
    assert!(ids.len() == 4 && !ids.contains(""), "{ids:?}");
    assert_eq!(missing.header("ETag"), None);
    assert_eq!(invalid.header("Azure-AsyncOperation"), None);
    Ok(())
}

#[tokio::test]
async fn the_clients_own_request_id_comes_back_unless_it_asks_otherwise() -> Result<()> {
    let site = Site::empty().await?;
    let name = "x-ms-client-request-id";
    let quiet = "x-ms-return-client-request-id";
    let get = async |headers: &[(&str, &str)]| -> Result<Option<String>> {
        let reply = site.nc.send(Method::GET, "/accessControlLists", None, headers).await?.is(200);
        Ok(reply.header(name).map(str::to_owned))
    };
    assert_eq!(get(&[]).await?, None);
    assert_eq!(get(&[(name, "one")]).await?.as_deref(), Some("one"));
    assert_eq!(get(&[(name, "two"), (quiet, "TRUE")]).await?.as_deref(), Some("two"));
    assert_eq!(get(&[(name, "three"), (quiet, "FALSE")]).await?, None);
    assert_eq!(get(&[(name, "four"), (quiet, "false")]).await?, None);
    Ok(())
}

#[tokio::test]
async fn a_repeated_write_gets_the_answer_of_the_first() -> Result<()> {
    let site = Site::empty().await?;
    let path = "/accessControlLists/web";
    let id = [("x-ms-client-request-id", "a-retry")];
    let first = site.nc.send(Method::PUT, path, Some(&acl(&[])), &id).await?.is(201);
    let other = site.nc.put(path, &acl(&["110 in allow * * > *"])).await?.is(200);
    let again = site.nc.send(Method::PUT, path, Some(&acl(&[])), &id).await?.is(201);
    assert_eq!(again.body, first.body);
    assert_eq!(operation(&site, &again), operation(&site, &first));
    assert_eq!(site.nc.read(path).await?, other.body, "the second attempt did nothing");

    // The same id on another path or with another method is another write.
    site.nc.send(Method::PUT, "/accessControlLists/other", Some(&acl(&[])), &id).await?.is(201);
    let deleted = site.nc.send(Method::DELETE, path, None, &id).await?.is(200);
    let again = site.nc.send(Method::DELETE, path, None, &id).await?.is(200);
    assert_eq!(operation(&site, &again), operation(&site, &deleted));
    site.nc.get(path).await?.is(404);
    Ok(())
}

#[tokio::test]
async fn writes_that_change_something_have_growing_generations() -> Result<()> {
    let site = Site::empty().await?;
    let generation = |reply: &Reply| -> Option<u64> { reply.header("x-nc-generation")?.parse().ok() };
    let path = "/accessControlLists/web";
    let made = generation(&site.nc.put(path, &acl(&[])).await?.is(201));
    let child = generation(
        &site
            .nc
            .put(&format!("{path}/aclRules/110-in"), &harness::documents::rule("110 in allow * * > *"))
            .await?
            .is(201),
    );
    let refused = site.nc.put(path, &json!({ "properties": { "inboundDefaultAction": "No" } })).await?.is(400);
    assert_eq!(generation(&refused), None);
    let other = generation(&site.nc.put("/accessControlLists/other", &acl(&[])).await?.is(201));
    let deleted = generation(&site.nc.delete(path).await?.is(200));
    assert!(
        made.is_some() && made < child && child < other && other < deleted,
        "{made:?} {child:?} {other:?} {deleted:?}"
    );
    assert_eq!(generation(&site.nc.get("/accessControlLists/other").await?), None);
    Ok(())
}

#[tokio::test]
async fn a_client_that_waits_is_told_what_is_enforced() -> Result<()> {
    let site = Site::furnished().await?;
    let wait = [("Prefer", "wait=10")];
    let path = "/accessControlLists/web-tier";
    let list = acl(&["110 in deny tcp * > *"]);
    let reply = site.nc.send(Method::PUT, path, Some(&list), &wait).await?.is(200);
    assert_eq!(reply.header("Preference-Applied"), Some("wait=10"));
    assert_eq!(reply.header("x-nc-enforced"), Some("all"), "no host has a port, so none has to do anything");
    let reply = site.nc.send(Method::DELETE, "/networkInterfaces/vm2", None, &wait).await?.is(200);
    assert_eq!(reply.header("x-nc-enforced"), Some("all"));

    // Who does not ask gets neither header; what cannot be understood is no preference.
    for headers in [&[][..], &[("Prefer", "respond-async")], &[("Prefer", "wait=soon")]] {
        let list = acl(&[&format!("{} in deny tcp * > *", 200 + headers.len())]);
        let reply = site.nc.send(Method::PUT, path, Some(&list), headers).await?.is(200);
        assert_eq!(reply.header("Preference-Applied"), None, "{headers:?}");
        assert_eq!(reply.header("x-nc-enforced"), None, "{headers:?}");
    }
    Ok(())
}

#[tokio::test]
async fn http_as_windows_powershell_speaks_it_is_understood() -> Result<()> {
    let site = Site::empty().await?;
    let body = acl(&[]).to_string();
    let head = |path: &str, more: &str| {
        format!(
            "PUT /Networking/V1{path} HTTP/1.1\r\nHost: nc.example\r\nConnection: close\r\n\
             Content-Type: application/json; charset=UTF-8\r\n{more}\r\n"
        )
    };
    let (half, rest) = body.split_at(5);
    let chunks = format!("{:x}\r\n{half}\r\n{:x};note=1\r\n{rest}\r\n0\r\n\r\n", half.len(), rest.len());
    let chunked = format!("{}{chunks}", head("/accessControlLists/chunked", "Transfer-Encoding: chunked\r\n"));
    let reply = wire::exchange(site.nc.root(), &[chunked.as_bytes()]).await?;
    assert_eq!(reply.status, 201, "{}", reply.body);

    let expecting =
        head("/accessControlLists/expecting", &format!("Content-Length: {}\r\nExpect: 100-continue\r\n", body.len()));
    let reply = wire::exchange(site.nc.root(), &[expecting.as_bytes(), body.as_bytes()]).await?;
    assert_eq!(reply.status, 201, "{}", reply.body);
    assert!(reply.headers.iter().any(|line| line.eq_ignore_ascii_case("connection: close")), "{:?}", reply.headers);
    site.nc.get("/accessControlLists/chunked").await?.is(200);
    site.nc.get("/accessControlLists/expecting").await?.is(200);
    Ok(())
}
