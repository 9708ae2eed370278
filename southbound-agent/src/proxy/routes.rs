//! Which document is found under which path. Paths are settings, as clients can be told any.

use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

/// A document of the proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Document {
    /// Addresses for containers, as JSON (`network-proxy.md` 4).
    List,
    /// The network interface with all its addresses, as XML (`network-proxy.md` 5).
    Xml,
    /// The same as JSON.
    Json,
}

/// Where a document is found: `DOCUMENT=/path` or `DOCUMENT=/path?key=value&key=value`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Route {
    document: Document,
    /// In lower case, without a slash at the end.
    path: String,
    /// Pairs that the request must have, in any order and among others. In lower case.
    query: BTreeSet<String>,
}

/// A text that is no route.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is no route; write list=/PATH, xml=/PATH or json=/PATH, with ?KEY=VALUE&KEY=VALUE behind it if needed")]
pub struct NoRoute(String);

/// All routes, the most specific first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<Route>", into = "Vec<Route>")]
pub struct Routes(Vec<Route>);

impl Routes {
    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Route> {
        self.0.iter()
    }

    /// The document that a request target asks for.
    pub(crate) fn find(&self, target: &str) -> Option<Document> {
        let (path, query) = split(target);
        let route = self.0.iter().find(|route| route.path == path && route.query.is_subset(&query))?;
        Some(route.document)
    }
}

impl Default for Routes {
    /// What the clients of existing stacks ask for.
    fn default() -> Self {
        let wire_server = "/machine/plugins?comp=nmagent&type=getinterfaceinfov1";
        let route = |document, target: &str| {
            let (path, query) = split(target);
            Route { document, path, query }
        };
        Self::from(vec![
            route(Document::List, "/ListNetwork"),
            route(Document::Xml, wire_server),
            route(Document::Json, &format!("{wire_server}&format=json")),
            route(Document::Json, "/interfaces.json"),
        ])
    }
}

impl From<Vec<Route>> for Routes {
    fn from(mut routes: Vec<Route>) -> Self {
        // Stable: of two that ask for as much, the first said wins.
        routes.sort_by_key(|route| std::cmp::Reverse(route.query.len()));
        Self(routes)
    }
}

impl From<Routes> for Vec<Route> {
    fn from(routes: Routes) -> Self {
        routes.0
    }
}

impl FromStr for Route {
    type Err = NoRoute;

    fn from_str(text: &str) -> Result<Self, NoRoute> {
        let no_route = || NoRoute(text.to_owned());
        let (document, target) = text.split_once('=').ok_or_else(no_route)?;
        let document = match document {
            "list" => Document::List,
            "xml" => Document::Xml,
            "json" => Document::Json,
            _ => return Err(no_route()),
        };
        let is_target = target.starts_with('/') && target.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#');
        let (path, query) = split(target);
        is_target.then_some(Self { document, path, query }).ok_or_else(no_route)
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.document {
            Document::List => "list",
            Document::Xml => "xml",
            Document::Json => "json",
        })?;
        write!(f, "={}", if self.path.is_empty() { "/" } else { &self.path })?;
        for (index, pair) in self.query.iter().enumerate() {
            write!(f, "{}{pair}", if index == 0 { '?' } else { '&' })?;
        }
        Ok(())
    }
}

impl TryFrom<String> for Route {
    type Error = NoRoute;

    fn try_from(text: String) -> Result<Self, NoRoute> {
        text.parse()
    }
}

impl From<Route> for String {
    fn from(route: Route) -> Self {
        route.to_string()
    }
}

/// Path and query of a request target, in the form in which they are compared.
fn split(target: &str) -> (String, BTreeSet<String>) {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let pairs = query.split('&').filter(|pair| !pair.is_empty()).map(str::to_ascii_lowercase);
    (path.trim_end_matches('/').to_ascii_lowercase(), pairs.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_existing_clients_ask_for_is_found() {
        let routes = Routes::default();
        for (target, document) in [
            ("/ListNetwork", Some(Document::List)),
            ("/listnetwork/", Some(Document::List)),
            ("/ListNetwork?x=1", Some(Document::List)),
            ("/machine/plugins?comp=nmagent&type=getinterfaceinfov1", Some(Document::Xml)),
            ("/machine/plugins/?comp=nmagent&type=getinterfaceinfov1", Some(Document::Xml)),
            ("/machine/plugins/?type=getinterfaceinfov1&comp=nmagent", Some(Document::Xml)),
            ("/machine/plugins?comp=nmagent&type=getinterfaceinfov1&format=json", Some(Document::Json)),
            ("/interfaces.json", Some(Document::Json)),
            ("/machine/plugins", None),
            ("/machine/plugins?comp=nmagent", None),
            ("/", None),
            ("/ListNetwork/x", None),
        ] {
            assert_eq!(routes.find(target), document, "{target}");
        }
    }

    #[test]
    fn a_route_survives_its_text_form() {
        for text in ["list=/", "list=/a/b", "xml=/x?a=b&c=d", "json=/y?q"] {
            assert_eq!(text.parse::<Route>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_no_route_is_refused() {
        for text in ["", "list", "list=", "list=x", "html=/x", "=/x", "list=/a b", "list=/a#b", "list=/\u{e9}"] {
            assert_eq!(text.parse::<Route>(), Err(NoRoute(text.to_owned())));
        }
    }
}
