//! What the documents of a collection look like: the one description that reading, writing, referring, storing and the
//! OpenAPI document work from.
//!
//! A resource file holds one `static` [`Collection`] for each collection and writes its properties with the `const`
//! builders below:
//!
//! ```text
//! pub static ACL_RULES: Collection = Collection::child("accessControlLists/aclRules")
//!     .properties(&[
//!         Property::new("action", Kind::Enum(&["Allow", "Deny"])).required().invalid(Code::InvalidAclRuleAction),
//!         Property::new("priority", Kind::IntegerText(100, 65000)).required().invalid(Code::InvalidAclRulePriority),
//!         Property::new("sourceSecurityTags", Kind::List(&Kind::Reference(&["securityTags"]))).since(Version::V5),
//!         Property::new("logging", Kind::Enum(&["Enabled", "Disabled"])).default(Default::Text("Enabled")),
//!     ])
//!     .rules(&AclRules);
//! ```
//!
//! The engine does the following from it, once for all collections (contract 4.2, 4.4, 7, 10): member names in any
//! case, `null` as absence, numbers and booleans as text and the reverse, enum values in any case, a scalar where a list
//! is expected, whole objects as references, unknown and read-only members ignored, properties newer than the URI version
//! left out and kept, defaults filled in, required ones demanded, references resolved to the casing of their target. What
//! comes out is the *canonical document*: members in output form, `null` nowhere.

mod property;

pub use property::{Access, Default, Kind, MacForm, Property};

use super::Rules;
use super::version::Version;
use crate::error::Code;

/// One collection, or one child collection.
pub struct Collection {
    /// Name that references and [`Kind::Reference`] use: `virtualNetworks`, or `virtualNetworks/subnets` for children.
    pub name: &'static str,
    /// The last part of the name as the original writes it in references, for example `logicalnetworks`. Contract 7.3.
    pub reference_segment: &'static str,
    /// Older URI versions answer 404, and leave it out of the parent.
    pub since: Version,
    /// Who chooses ids.
    pub identity: Identity,
    /// Methods that change something.
    pub writes: Writes,
    /// Members of `properties`, in output order, children included.
    pub properties: &'static [Property],
    /// Members beside `properties`.
    pub extras: &'static [Property],
    /// Code of the refusal to delete one that is referenced.
    pub in_use: Code,
    /// What the description cannot say.
    pub rules: &'static dyn Rules,
}

/// Who chooses the ids of a collection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identity {
    /// Clients, within contract section 2.
    Client,
    /// There is one document, at `/<name>/<id>`, or at `/<name>` when `bare`.
    Singleton {
        /// The id.
        id: &'static str,
        /// Whether the URI does without the id.
        bare: bool,
        /// Answer to GET before the first PUT.
        untouched: Untouched,
    },
}

/// Answer of a singleton to GET before its first PUT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Untouched {
    /// 404.
    NotFound,
    /// 200 with the defaults and the reduced header of contract 12.35: this `resourceRef`, the zero `instanceId`, neither
    /// `resourceId` nor `etag`.
    Defaults {
        /// `resourceRef` of the answer.
        reference: &'static str,
    },
    /// It exists from the first start on.
    Standing,
}

/// Methods besides GET that a collection offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writes {
    /// None.
    Nothing,
    /// PUT.
    Put,
    /// PUT and DELETE.
    PutAndDelete,
}

impl Writes {
    /// Value of `Allow`.
    pub const fn allow(self) -> &'static str {
        match self {
            Self::Nothing => "GET, HEAD",
            Self::Put => "GET, HEAD, PUT",
            Self::PutAndDelete => "GET, HEAD, PUT, DELETE",
        }
    }
}

impl Collection {
    const fn named(name: &'static str, identity: Identity, writes: Writes) -> Self {
        Self {
            name,
            reference_segment: last_segment(name),
            since: Version::V1,
            identity,
            writes,
            properties: &[],
            extras: &[],
            in_use: Code::ResourceInUse,
            rules: &super::NoRules,
        }
    }

    /// A top-level collection whose ids clients choose.
    pub const fn new(name: &'static str) -> Self {
        Self::named(name, Identity::Client, Writes::PutAndDelete)
    }

    /// A child collection; `name` is the full one, `virtualNetworks/subnets`.
    pub const fn child(name: &'static str) -> Self {
        Self::named(name, Identity::Client, Writes::PutAndDelete)
    }

    /// A singleton at `/<name>/<id>` that can be read and PUT.
    pub const fn singleton(name: &'static str, id: &'static str, untouched: Untouched) -> Self {
        Self::named(name, Identity::Singleton { id, bare: false, untouched }, Writes::Put)
    }

    /// A singleton at `/<name>` that can only be read.
    pub const fn bare(name: &'static str, id: &'static str) -> Self {
        Self::named(name, Identity::Singleton { id, bare: true, untouched: Untouched::Standing }, Writes::Nothing)
    }

    /// Sets [`Self::reference_segment`].
    pub const fn referred_to_as(mut self, segment: &'static str) -> Self {
        self.reference_segment = segment;
        self
    }

    /// Sets [`Self::since`].
    pub const fn since(mut self, version: Version) -> Self {
        self.since = version;
        self
    }

    /// Sets [`Self::properties`].
    pub const fn properties(mut self, properties: &'static [Property]) -> Self {
        self.properties = properties;
        self
    }

    /// Sets [`Self::extras`].
    pub const fn extras(mut self, extras: &'static [Property]) -> Self {
        self.extras = extras;
        self
    }

    /// Sets [`Self::in_use`].
    pub const fn in_use(mut self, code: Code) -> Self {
        self.in_use = code;
        self
    }

    /// Sets [`Self::rules`].
    pub const fn rules(mut self, rules: &'static dyn Rules) -> Self {
        self.rules = rules;
        self
    }

    /// The last part of the name: what stands in URIs, and the property of the parent.
    pub const fn segment(&self) -> &'static str {
        last_segment(self.name)
    }

    /// Child collections, in output order.
    pub fn children(&self) -> impl Iterator<Item = &'static Collection> + use<> {
        self.properties.iter().filter_map(|property| match property.kind {
            Kind::Children(collection) => Some(collection),
            _ => None,
        })
    }
}

impl std::fmt::Debug for Collection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// What follows the last slash.
const fn last_segment(name: &'static str) -> &'static str {
    let bytes = name.as_bytes();
    let mut start = bytes.len();
    while start > 0 && bytes[start - 1] != b'/' {
        start -= 1;
    }
    name.split_at(start).1
}
