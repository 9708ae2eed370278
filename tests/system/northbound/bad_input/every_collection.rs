//! What must be refused in the same way whatever collection it is sent to.

use super::{Refused, all};
use crate::northbound::judge::{Judge as _, with};
use crate::northbound::site::Site;
use crate::northbound::wire;
use harness::Result;
use reqwest::Method;
use serde_json::{Value, json};

/// A served collection.
struct Served {
    /// Its list; `None` for a singleton.
    list: Option<&'static str>,
    /// A document in it, which nothing of the furniture keeps from being PUT again as it is.
    document: &'static str,
}

const SERVED: [Served; 16] = [
    Served { list: Some("/accessControlLists"), document: "/accessControlLists/web-tier" },
    Served {
        list: Some("/accessControlLists/web-tier/aclRules"),
        document: "/accessControlLists/web-tier/aclRules/110-in",
    },
    Served { list: Some("/virtualNetworks"), document: "/virtualNetworks/blue" },
    Served { list: Some("/virtualNetworks/blue/subnets"), document: "/virtualNetworks/blue/subnets/web" },
    Served { list: Some("/networkInterfaces"), document: "/networkInterfaces/vm1" },
    Served {
        list: Some("/networkInterfaces/vm1/ipConfigurations"),
        document: "/networkInterfaces/vm1/ipConfigurations/ip0",
    },
    Served { list: Some("/logicalNetworks"), document: "/logicalNetworks/backend" },
    Served { list: Some("/logicalNetworks/backend/subnets"), document: "/logicalNetworks/backend/subnets/vlan7" },
    Served {
        list: Some("/logicalNetworks/backend/subnets/vlan7/ipPools"),
        document: "/logicalNetworks/backend/subnets/vlan7/ipPools/pool7",
    },
    Served { list: Some("/servers"), document: "/servers/host-a" },
    Served { list: Some("/servers/host-a/networkInterfaces"), document: "/servers/host-a/networkInterfaces/switch" },
    Served { list: Some("/virtualServers"), document: "/virtualServers/mux1" },
    Served { list: Some("/credentials"), document: "/credentials/host-admin" },
    Served { list: Some("/macPools"), document: "/macPools/pool" },
    Served { list: None, document: "/virtualNetworkManager/configuration" },
    Served { list: None, document: "/virtualSwitchManager/configuration" },
];

const OTHER_ETAG: &str = "W/\"00000000-1111-2222-3333-444444444444\"";

/// Paths that a body is PUT to: a stored document, and a new one where there can be any.
fn targets(served: &Served) -> Vec<String> {
    let mut targets = vec![served.document.to_owned()];
    targets.extend(served.list.map(|list| format!("{list}/fresh")));
    targets
}

/// Method, path, body, headers.
type Request<'a> = (Method, String, Option<String>, Vec<(&'a str, &'a str)>);

/// Sends the same to every collection, and gives what was answered otherwise or has changed something.
async fn check(
    site: &Site,
    case: &str,
    (status, code): (u16, &str),
    detail: Option<&str>,
    requests: Vec<Request<'_>>,
) -> Result<()> {
    let before = site.everything().await?;
    for (method, path, body, headers) in requests {
        let what = format!("{case}: {method} {path}");
        let reply = site.nc.send_raw(method, &path, body.as_deref(), &headers).await?;
        assert_eq!((reply.status, reply.code()), (status, code), "{what} was answered {}", reply.body);
        let mut details = reply.body["error"]["details"].as_array().into_iter().flatten();
        assert!(
            detail.is_none_or(|code| details.any(|detail| detail["code"] == code)),
            "{what} was answered {}",
            reply.body
        );
        assert!(site.everything().await? == before, "{what} has changed something");
    }
    Ok(())
}

#[tokio::test]
async fn a_body_that_is_no_json_is_refused() -> Result<()> {
    let site = Site::furnished().await?;
    for body in
        ["", "{", "{\"properties\": {}", "{\"properties\": {},}", "properties", "{'properties': {}}", "{} {}", "\u{0}"]
    {
        let put = |path| (Method::PUT, format!("/networking/v4{path}"), Some(body.to_owned()), vec![]);
        let requests = SERVED.iter().flat_map(targets).map(put).collect();
        check(&site, body, (400, "InvalidRequestFormat"), Some("InvalidJson"), requests).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_body_of_another_shape_is_refused() -> Result<()> {
    let site = Site::furnished().await?;
    for body in
        ["null", "[]", "7", "\"text\"", "[{\"properties\": {}}]", "{\"properties\": 7}", "{\"properties\": \"text\"}"]
    {
        let put = |path| (Method::PUT, format!("/networking/v4{path}"), Some(body.to_owned()), vec![]);
        let requests = SERVED.iter().flat_map(targets).map(put).collect();
        check(&site, body, (400, "InvalidRequestFormat"), None, requests).await?;
    }
    Ok(())
}

#[tokio::test]
async fn tags_and_metadata_that_are_no_objects_are_refused() -> Result<()> {
    let site = Site::furnished().await?;
    for (member, value) in [("tags", json!("text")), ("tags", json!([1])), ("resourceMetadata", json!(7))] {
        let mut requests = Vec::new();
        for served in &SERVED {
            let body = with(site.nc.read(served.document).await?, &format!("/{member}"), value.clone());
            requests.push((Method::PUT, format!("/networking/v4{}", served.document), Some(body.to_string()), vec![]));
        }
        check(&site, member, (400, "InvalidRequestFormat"), None, requests).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_body_deeper_than_any_document_is_refused() -> Result<()> {
    let site = Site::furnished().await?;
    let body = format!("{{\"properties\": {}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    let put = |path| (Method::PUT, format!("/networking/v4{path}"), Some(body.clone()), vec![]);
    let requests = SERVED.iter().flat_map(targets).map(put).collect();
    check(&site, "deep", (400, "InvalidRequestFormat"), Some("InvalidJson"), requests).await
}

#[tokio::test]
async fn a_body_with_another_id_than_the_path_is_refused() -> Result<()> {
    let rows = SERVED.iter().flat_map(targets).map(|path| {
        let body = json!({ "resourceId": "another", "properties": {} });
        put(format!("another id at {path}"), path, body)
    });
    all(rows).await
}

fn put(case: String, path: String, body: Value) -> Refused {
    super::put(case, path, body, "InvalidResourceName")
}

#[tokio::test]
async fn an_id_that_is_no_name_is_refused() -> Result<()> {
    let site = Site::furnished().await?;
    let long = "x".repeat(257);
    let names = ["a%2Fb", "a%5Cb", "a%3Fb", "a%23b", "a%25b", "%20a", "a%20", "a%00b", "a%0Ab", "a%7Fb", long.as_str()];
    for name in names {
        let put = |list: &str| {
            (Method::PUT, format!("/networking/v4{list}/{name}"), Some("{\"properties\":{}}".to_owned()), vec![])
        };
        let requests = SERVED.iter().filter_map(|served| served.list).map(put).collect();
        check(&site, name, (400, "InvalidResourceName"), None, requests).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_stale_etag_is_refused() -> Result<()> {
    let site = Site::furnished().await?;
    for served in &SERVED {
        let path = served.document;
        let body = site.nc.read(path).await?.to_string();
        let request =
            |method, body, header, value| vec![(method, format!("/networking/v4{path}"), body, vec![(header, value)])];
        let failed = (412, "PreconditionFailed");
        check(&site, "stale", failed, None, request(Method::PUT, Some(body.clone()), "If-Match", OTHER_ETAG)).await?;
        check(&site, "only if new", failed, None, request(Method::PUT, Some(body.clone()), "If-None-Match", "*"))
            .await?;
        let Some(list) = served.list else { continue };
        check(&site, "stale", failed, None, request(Method::DELETE, None, "If-Match", OTHER_ETAG)).await?;

        // A valid document of the collection, but for its name: the precondition is looked at first.
        let fresh = with(site.nc.read(path).await?, "/resourceId", "fresh").to_string();
        for condition in ["*", OTHER_ETAG] {
            let put = (
                Method::PUT,
                format!("/networking/v4{list}/fresh"),
                Some(fresh.clone()),
                vec![("If-Match", condition)],
            );
            check(&site, "nothing to replace", failed, None, vec![put]).await?;
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_refused() -> Result<()> {
    let site = Site::furnished().await?;
    let body = format!("{{\"properties\":{{}},\"padding\":\"{}\"}}", "x".repeat(16 << 20));
    let put = |served: &Served| (Method::PUT, format!("/networking/v4{}", served.document), Some(body.clone()), vec![]);
    check(&site, "too large", (413, "RequestBodyTooLarge"), None, SERVED.iter().map(put).collect()).await
}

#[tokio::test]
async fn the_limit_is_a_setting_and_holds_for_bodies_of_unknown_length() -> Result<()> {
    let site = Site::empty_with(&["--body-limit", "1000"])?;
    let put = async |length: usize, chunked: bool| {
        let body = format!("{{\"properties\":{{}},\"padding\":\"{}\"}}", "x".repeat(length));
        let (header, body) = match chunked {
            true => ("Transfer-Encoding: chunked".to_owned(), format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len())),
            false => (format!("Content-Length: {}", body.len()), body),
        };
        let path = "/networking/v4/accessControlLists/sized";
        let request = format!("PUT {path} HTTP/1.1\r\nHost: nc\r\nConnection: close\r\n{header}\r\n\r\n{body}");
        wire::exchange(site.nc.root(), &[request.as_bytes()]).await
    };
    for chunked in [false, true] {
        let refused = put(1000, chunked).await?;
        assert_eq!(refused.status, 413, "{}", refused.body);
        assert!(refused.body.contains("\"RequestBodyTooLarge\""), "{}", refused.body);
        site.nc.get("/accessControlLists/sized").await?.is(404);
    }
    assert_eq!(put(900, false).await?.status, 201);
    assert_eq!(put(900, true).await?.status, 200);
    Ok(())
}

#[tokio::test]
async fn a_body_that_is_no_utf_8_is_refused() -> Result<()> {
    let site = Site::empty().await?;
    let body = b"{\"tags\":{\"a\":\"\xc3\x28\xff\"}}";
    let path = "/networking/v4/accessControlLists/bytes";
    let length = body.len();
    let head = format!("PUT {path} HTTP/1.1\r\nHost: nc\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
    let refused = wire::exchange(site.nc.root(), &[&[head.as_bytes(), body].concat()]).await?;
    assert_eq!(refused.status, 400, "{}", refused.body);
    assert!(
        refused.body.contains("\"InvalidRequestFormat\"") && refused.body.contains("\"InvalidJson\""),
        "{}",
        refused.body
    );
    site.nc.get("/accessControlLists/bytes").await?.is(404);
    Ok(())
}

#[tokio::test]
async fn a_method_that_is_not_offered_is_refused_with_those_that_are() -> Result<()> {
    let site = Site::furnished().await?;
    let before = site.everything().await?;
    let refuse = async |method: Method, path: &str, offered: &[&str]| -> Result<()> {
        let reply =
            site.nc.send(method.clone(), path, Some(&json!({})), &[]).await?.refused(405, "OperationNotSupported");
        let allow = reply.header("Allow").unwrap_or_default();
        let allowed: Vec<&str> = allow.split(',').map(str::trim).collect();
        assert!(offered.iter().all(|method| allowed.contains(method)), "{method} {path}: Allow: {allow}");
        assert!(!allowed.contains(&method.as_str()), "{method} {path}: Allow: {allow}");
        Ok(())
    };
    for Served { list, document } in &SERVED {
        for method in [Method::POST, Method::PATCH] {
            refuse(method.clone(), document, &["GET", "PUT"]).await?;
        }
        match list {
            Some(list) => {
                for method in [Method::POST, Method::PATCH, Method::PUT, Method::DELETE] {
                    refuse(method, list, &["GET"]).await?;
                }
            }
            None => refuse(Method::DELETE, document, &["GET", "PUT"]).await?,
        }
    }
    for method in [Method::PUT, Method::DELETE, Method::POST] {
        refuse(method, "/discovery", &["GET"]).await?;
    }
    assert_eq!(site.everything().await?, before);
    Ok(())
}

#[tokio::test]
async fn an_unknown_version_or_collection_is_not_there() -> Result<()> {
    let site = Site::furnished().await?;
    for served in &SERVED {
        let body = site.nc.read(served.document).await?.to_string();
        let paths = ["v0", "v1.0", "v4.1", "v8", "4", "latest", "v"]
            .map(|version| format!("/networking/{version}{}", served.document));
        for path in paths {
            let requests = [(Method::GET, None), (Method::PUT, Some(body.clone())), (Method::DELETE, None)];
            let requests = requests.map(|(method, body)| (method, path.clone(), body, vec![])).into();
            check(&site, "unknown version", (404, "NotFound"), None, requests).await?;
        }
    }
    let unknown = [
        "/networking/v4/accessControlList",
        "/networking/v4/virtualSubnets/web",
        "/networking/v4/virtualNetworks/blue/subnet/web",
        "/networking/v4/virtualNetworks/blue/subnets/web/ipPools",
        "/networking/v4/virtualNetworkManager/config",
        "/networking/v4/aclRules/110-in",
        "/networking/v4",
        "/networking",
        "/networking/accessControlLists",
        "/accessControlLists",
        "/",
        "/nowhere",
    ];
    let get = |path: &str| (Method::GET, path.to_owned(), None, vec![]);
    check(&site, "unknown collection", (404, "NotFound"), None, unknown.map(get).into()).await?;
    let put = |path: &str| (Method::PUT, path.to_owned(), Some("{\"properties\":{}}".to_owned()), vec![]);
    check(&site, "unknown collection", (404, "NotFound"), None, unknown.map(put).into()).await
}
