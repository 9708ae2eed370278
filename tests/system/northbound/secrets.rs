//! Secrets go in and never come out: not over REST, not in the log, not in the files. Contract 12.5.

use super::furniture::{self, SECRET};
use super::judge::{Judge as _, text, with, without};
use super::site::Site;
use harness::documents::{credential, document};
use harness::{Error, Result};
use serde_json::json;

const PATH: &str = "/credentials/host-admin";

/// Whether any file below the site's directory, or anything that the controller has said, has this text in it.
fn somewhere(site: &Site, needle: &str) -> Result<Option<String>> {
    let entries = std::fs::read_dir(site.directory.path()).map_err(Error::io("list the database directory"))?;
    let mut names = Vec::new();
    for entry in entries {
        let path = entry.map_err(Error::io("list the database directory"))?.path();
        let bytes = std::fs::read(&path).map_err(Error::io(format!("read {}", path.display())))?;
        names.push(path.display().to_string());
        if bytes.windows(needle.len()).any(|window| window == needle.as_bytes()) {
            return Ok(Some(path.display().to_string()));
        }
    }
    assert!(names.iter().any(|name| name.contains("controller.db")), "{names:?}");
    Ok(site.controller.output().into_iter().find(|line| line.contains(needle)))
}

#[tokio::test]
async fn the_clear_secret_is_nowhere() -> Result<()> {
    let mut site = Site::furnished().await?;
    site.nc.put(PATH, &credential("example\\fabric", "An0ther-secret")).await?.is(200);
    site.nc.put(PATH, &credential("example\\fabric", SECRET)).await?.is(200);
    for version in ["v1", "v4", "v7.1"] {
        let client = site.nc.version(version);
        for path in furniture::COLLECTIONS.into_iter().chain([PATH, "/networkInterfaces/vm1"]) {
            let read = client.read(path).await?.to_string();
            assert!(!read.contains(SECRET) && !read.contains("An0ther-secret"), "{version} {path}: {read}");
        }
    }
    for needle in [SECRET, "An0ther-secret"] {
        assert_eq!(somewhere(&site, needle)?, None, "while it runs");
    }
    // What is not secret can be found, so the search finds what is there.
    assert!(somewhere(&site, "mux1.example")?.is_some());
    site.controller.process().terminate()?;
    assert_eq!(somewhere(&site, SECRET)?, None, "after it has ended");
    site.restart()?;
    assert!(!site.nc.read(PATH).await?.to_string().contains(SECRET));
    Ok(())
}

#[tokio::test]
async fn an_error_does_not_repeat_a_secret() -> Result<()> {
    let site = Site::furnished().await?;
    let bad = with(credential("someone", SECRET), "/properties/type", "Handshake");
    let refused = site.nc.put("/credentials/fresh", &bad).await?.is(400);
    assert!(!refused.body.to_string().contains(SECRET), "{}", refused.body);
    assert_eq!(somewhere(&site, SECRET)?, None);
    Ok(())
}

#[tokio::test]
async fn a_put_of_what_get_returned_keeps_the_secret() -> Result<()> {
    let site = Site::furnished().await?;
    let read = site.nc.read(PATH).await?;
    let placeholder = text(&read, "/properties/value").to_owned();
    assert!(!placeholder.is_empty());
    assert_eq!(site.nc.put(PATH, &read).await?.is(200).body, read, "the placeholder changes nothing");
    assert_eq!(
        site.nc.put(PATH, &without(read.clone(), "/properties/value")).await?.is(200).body,
        read,
        "nor does absence"
    );

    // The same secret is no change, another is; both read alike.
    assert_eq!(site.nc.put(PATH, &credential("example\\fabric", SECRET)).await?.is(200).body, read);
    let other = site.nc.put(PATH, &credential("example\\fabric", "An0ther-secret")).await?.is(200).body;
    assert_ne!(other["etag"], read["etag"]);
    assert_eq!(other["properties"]["value"], read["properties"]["value"]);
    Ok(())
}

#[tokio::test]
async fn thumbprints_and_names_are_no_secrets() -> Result<()> {
    let site = Site::empty().await?;
    let thumbprint = "9F86D081884C7D659A2FEAA0C55AD015A3BF4F1B";
    let certificate = site.nc.put("/credentials/cert", &furniture::certificate()).await?.is(201).body;
    assert_eq!(certificate["properties"]["value"], thumbprint);
    let rotated = with(certificate, "/properties/value", "0000000000000000000000000000000000000001");
    assert_eq!(
        site.nc.put("/credentials/cert", &rotated).await?.is(200).body["properties"]["value"],
        "0000000000000000000000000000000000000001"
    );

    let named = document(json!({ "type": "x509certificatesubjectname", "value": "CN=host-a.example, O=Example" }));
    let newer = site.nc.version("v6.1");
    let stored = newer.put("/credentials/name", &named).await?.is(201).body;
    assert_eq!(
        (&stored["properties"]["value"], &stored["properties"]["type"]),
        (&json!("CN=host-a.example, O=Example"), &json!("x509certificatesubjectname"))
    );
    Ok(())
}

#[tokio::test]
async fn the_casing_of_a_credential_type_survives() -> Result<()> {
    let site = Site::empty().await?;
    for type_ in ["usernamePassword", "UsernamePassword", "USERNAMEPASSWORD"] {
        let path = format!("/credentials/{type_}-1");
        site.nc.delete(&path).await?;
        let stored =
            site.nc.put(&path, &with(credential("someone", SECRET), "/properties/type", type_)).await?.is(201).body;
        assert_eq!(stored["properties"]["type"], type_);
        assert_eq!(stored["properties"]["userName"], "someone");
    }
    Ok(())
}
