//! `discovery`: which versions are spoken here. Contract 12.6, [MS-NCNBI 3.1.5.30].

use super::Rules;
use super::schema::{Collection, Kind, Property};
use super::version::Version;
use crate::engine::reading::Reading;
use crate::engine::world::Node;
use serde_json::Value;

/// The collection.
pub static DISCOVERY: Collection = Collection::bare("discovery", "discovery")
    .since(Version::V3)
    .properties(&[
        Property::derived("networkControllerVersion", Kind::Text),
        Property::derived("currentRestVersion", Kind::Text),
        Property::derived("supportedRestVersions", Kind::List(&Kind::Text)),
    ])
    .rules(&DiscoveryRules);

/// Every collection answers under it. SDN diagnostics tools put it into their URIs as it stands.
const CURRENT: Version = Version::V7_1;

struct DiscoveryRules;

impl Rules for DiscoveryRules {
    fn derive(&self, property: &'static str, _: &Node, _: &Reading<'_>) -> Option<Value> {
        match property {
            "networkControllerVersion" => Some(env!("CARGO_PKG_VERSION").into()),
            "currentRestVersion" => Some(shown(CURRENT).into()),
            "supportedRestVersions" => Some(Version::ALL.into_iter().map(shown).collect()),
            _ => None,
        }
    }
}

/// The token as the original shows it: `V3.1`.
fn shown(version: Version) -> String {
    version.token().to_uppercase()
}

#[cfg(test)]
mod tests {
    use crate::resources::fixture::Fixture;
    use crate::resources::version::Version;
    use serde_json::json;

    #[test]
    fn the_version_to_use_is_one_that_is_spoken() {
        let mut fixture = Fixture::new();
        fixture.accept("/discovery/discovery", json!({}));
        let shown = fixture.get("/discovery/discovery")["properties"].clone();
        let versions: Vec<&str> =
            shown["supportedRestVersions"].as_array().unwrap().iter().flat_map(|v| v.as_str()).collect();
        assert_eq!(versions.len(), Version::ALL.len());
        assert!(versions.iter().all(|version| Version::parse(version).is_some()), "{versions:?}");
        assert!(versions.contains(&shown["currentRestVersion"].as_str().unwrap()));
        assert_eq!(shown["networkControllerVersion"].as_str().unwrap().split('.').count(), 3);
    }
}
