//! Whatever stands in a document: it is judged, never choked on; what is refused changes nothing, and what is accepted
//! reads as something that can be PUT back.

use crate::northbound::furniture;
use crate::northbound::judge::{same, strip, without_reports};
use crate::northbound::site::Site;
use harness::Result;
use serde_json::{Value, json};

/// What is put in the place of every value.
fn oddities() -> Vec<Value> {
    vec![
        json!(null),
        json!(-1),
        json!(1e308),
        json!(18_446_744_073_709_551_615_u64),
        json!(""),
        json!("x"),
        json!("0"),
        json!("10.20.1.9"),
        json!("10.20.0.0/16"),
        json!("255.255.255.255/32"),
        json!("\u{0}\u{1f600}\u{202e}"),
        json!("9".repeat(10_000)),
        json!([]),
        json!([[]]),
        json!({}),
        json!({ "resourceRef": "" }),
        json!({ "resourceRef": "/virtualNetworks/blue/subnets/web" }),
        json!([{ "resourceId": "x", "properties": {} }]),
    ]
}

/// The JSON pointers of every value in a document.
fn pointers(document: &Value, at: String, found: &mut Vec<String>) {
    found.push(at.clone());
    match document {
        Value::Object(members) => {
            members
                .iter()
                .for_each(|(name, value)| pointers(value, format!("{at}/{}", name.replace('/', "~1")), found));
        }
        Value::Array(elements) => {
            elements.iter().enumerate().for_each(|(number, value)| pointers(value, format!("{at}/{number}"), found));
        }
        _ => {}
    }
}

/// A document without what the server chooses anew when a child was away: its identity, and what it got.
fn outline(document: Value) -> Value {
    strip(document, &["configurationState", "etag", "instanceId", "virtualSubnetId", "usage"])
}

#[tokio::test]
async fn no_value_anywhere_makes_the_controller_fail() -> Result<()> {
    let site = Site::furnished().await?;
    let nc = site.nc.version("v7.1");
    let before = outline(site.everything().await?);
    let (mut accepted, mut refused, mut wrong) = (0, 0, Vec::new());
    for (path, _) in furniture::documents() {
        let mut original = without_reports(nc.read(path).await?);
        let mut places = Vec::new();
        pointers(&original, String::new(), &mut places);
        // The body itself has tests of its own.
        for (place, oddity) in
            places.iter().skip(1).flat_map(|place| oddities().into_iter().map(move |odd| (place, odd)))
        {
            let mut odd = original.clone();
            *odd.pointer_mut(place).expect("it was found there") = oddity.clone();
            let mut fault =
                |what: &str, body: &Value| wrong.push(format!("{path}{place} = {oddity:.60}: {what}: {body}"));
            let reply = nc.put(path, &odd).await?;
            let body = without_reports(reply.body.clone());
            match reply.status {
                200 if body == original => accepted += 1,
                200 => {
                    accepted += 1;
                    let again = without_reports(nc.put(path, &body).await?.body);
                    if again != body {
                        fault("accepted, but not what it reads as", &again);
                    }
                    let restored = without_reports(nc.put(path, &original).await?.body);
                    if outline(restored.clone()) != outline(original) {
                        fault("accepted, but not taken back", &restored);
                    }
                    original = restored;
                }
                400 | 409 if !reply.code().is_empty() => {
                    refused += 1;
                    if without_reports(nc.read(path).await?) != original {
                        fault("refused, but it changed", &reply.body);
                    }
                }
                status => fault(&status.to_string(), &reply.body),
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), accepted + refused, wrong.join("\n"));
    assert!(accepted > 1000 && refused > 1000, "{accepted} accepted, {refused} refused");
    same(&outline(site.everything().await?), &before, "something has changed in passing");
    Ok(())
}
