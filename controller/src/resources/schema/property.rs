//! Members of documents: type, access, versions, defaults.

use super::{Collection, last_segment};
use crate::error::Code;
#[cfg(doc)]
use crate::resources::Rules;
use crate::resources::version::Version;

/// One member of `properties`, of a nested object, or of the document itself.
pub struct Property {
    /// Name with the casing of output.
    pub name: &'static str,
    /// Other names that input may use (any case; differences in case alone need no alias).
    pub aliases: &'static [&'static str],
    /// Type.
    pub kind: Kind,
    /// Who writes it.
    pub access: Access,
    /// Oldest URI version that shows it.
    pub since: Version,
    /// Oldest URI version that no longer shows it.
    pub until: Option<Version>,
    /// Code of the refusal when a URI older than `since` gives it; else what is given there is ignored.
    pub too_new: Option<Code>,
    /// Code of the refusal when it is absent and has neither default nor stored value.
    pub required: Option<Code>,
    /// Code of the refusal when its value is malformed; else the kind's own, see [`Kind::code`].
    pub invalid: Option<Code>,
    /// `error.target` of these refusals; else the path of the property, for example `portSettings.vmqWeight`.
    pub target: Option<&'static str>,
    /// Value when absent.
    pub default: Option<Default>,
    /// Emit it also when it is an empty list or an object without members; absence of an object counts as `{}`, so that
    /// defaults inside come out.
    pub always: bool,
}

/// Who writes a property.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// The client.
    ReadWrite,
    /// The client, once: a PUT with another value is refused with this code. Absence keeps the stored value.
    Fixed(Code),
    /// The client; stored encrypted. Absence, or [`Property::SECRET_PLACEHOLDER`], keeps the stored value. Output is the
    /// placeholder unless [`Rules::reveals`] says otherwise.
    Secret,
    /// Computed on output, by [`Rules::derive`] or from back references ([`Kind::Back`]). Never stored.
    Derived,
    /// Chosen by the server at the time of a write ([`Rules::complete`], [`Rules::claim`]), stored, shown. Input is
    /// ignored; a PUT keeps the stored value.
    Assigned,
    /// As `Assigned`, but never shown.
    Internal,
}

/// Type of a property.
#[derive(Clone, Copy)]
pub enum Kind {
    /// A string. Numbers and booleans are taken as their text.
    Text,
    /// A string that `valid` accepts.
    Checked {
        /// For messages: "is no valid ...".
        what: &'static str,
        /// Judges the text; returned as written.
        valid: fn(&str) -> bool,
    },
    /// JSON boolean; reads "true", "False" and so on too.
    Boolean,
    /// Boolean as one of two texts: what stands for true, what stands for false.
    BooleanText(&'static str, &'static str),
    /// JSON integer between the bounds, both included; reads decimal text too.
    Integer(i64, i64),
    /// Integer between the bounds, shown as decimal text.
    IntegerText(i64, i64),
    /// One of these words, in any case; stored and shown as listed.
    Enum(&'static [&'static str]),
    /// One of these words, stored and shown as the client wrote it.
    EnumAsWritten(&'static [&'static str]),
    /// A GUID; returned as written.
    Guid,
    /// MAC address in any spelling, shown in this one.
    Mac(MacForm),
    /// IP address in canonical text form.
    Address,
    /// CIDR, returned as written.
    Prefix,
    /// `{"resourceRef": path}` to one of these collections; the canonical form is the path alone. Collections that are not
    /// served yet may be named: no document of theirs exists, so every such reference is refused, and `null`, `{}` and
    /// `""` are taken as absence.
    Reference(&'static [&'static str]),
    /// A list. A single value counts as a list of one, `null` elements are dropped.
    List(&'static Kind),
    /// A nested object.
    Object(&'static [Property]),
    /// Documents with an address of their own, embedded in the parent. The name of the property is the last part of the
    /// collection's name. Always [`Access::ReadWrite`]; absent counts as empty.
    Children(&'static Collection),
    /// References to the documents that refer here: collection and name of the referring property (the last part of its
    /// path), `many` as a list, else as a single object. Always [`Access::Derived`].
    Back {
        /// Who may refer.
        from: &'static [(&'static str, &'static str)],
        /// List or object.
        many: bool,
    },
    /// Any JSON value, kept as it is.
    Json,
}

/// Spelling of a MAC address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MacForm {
    /// `001DD8100007`.
    Plain,
    /// `00-1D-D8-10-00-07`.
    Dashed,
}

/// Value of an absent property.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Default {
    /// A string.
    Text(&'static str),
    /// A number.
    Integer(i64),
    /// A boolean.
    Boolean(bool),
}

impl Kind {
    /// Code of the refusal of a malformed value. Where a property names another one, this goes to `details`.
    pub const fn code(&self) -> Code {
        match self {
            Self::Prefix => Code::InvalidIPPrefix,
            Self::Address => Code::InvalidIPAddress,
            Self::Mac(_) => Code::InvalidPrivateMacAddress,
            Self::List(of) => of.code(),
            _ => Code::InvalidParameterValue,
        }
    }
}

impl Property {
    /// What is shown instead of a secret.
    pub const SECRET_PLACEHOLDER: &'static str = "c2VjcmV0LW5vdC1zaG93bg==";

    /// An optional property that the client writes.
    pub const fn new(name: &'static str, kind: Kind) -> Self {
        Self {
            name,
            aliases: &[],
            kind,
            access: Access::ReadWrite,
            since: Version::V1,
            until: None,
            too_new: None,
            required: None,
            invalid: None,
            target: None,
            default: None,
            always: false,
        }
    }

    /// A child collection, embedded.
    pub const fn children(collection: &'static Collection) -> Self {
        Self::new(last_segment(collection.name), Kind::Children(collection)).since(collection.since)
    }

    /// A list of references to the documents that refer here; `[]` when there is none.
    pub const fn back_references(name: &'static str, from: &'static [(&'static str, &'static str)]) -> Self {
        Self::new(name, Kind::Back { from, many: true }).access(Access::Derived).always()
    }

    /// A reference to the one document that refers here.
    pub const fn back_reference(name: &'static str, from: &'static [(&'static str, &'static str)]) -> Self {
        Self::new(name, Kind::Back { from, many: false }).access(Access::Derived)
    }

    /// A property that [`Rules::derive`] computes.
    pub const fn derived(name: &'static str, kind: Kind) -> Self {
        Self::new(name, kind).access(Access::Derived)
    }

    /// Sets [`Self::aliases`].
    pub const fn aliases(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }

    /// Sets [`Self::access`].
    pub const fn access(mut self, access: Access) -> Self {
        self.access = access;
        self
    }

    /// Sets [`Self::since`].
    pub const fn since(mut self, version: Version) -> Self {
        self.since = version;
        self
    }

    /// Sets [`Self::until`].
    pub const fn until(mut self, version: Version) -> Self {
        self.until = Some(version);
        self
    }

    /// Sets [`Self::too_new`].
    pub const fn too_new_is(mut self, code: Code) -> Self {
        self.too_new = Some(code);
        self
    }

    /// Required: absence is `RequiredParamMissing`.
    pub const fn required(self) -> Self {
        self.required_or(Code::RequiredParamMissing)
    }

    /// Required: absence is this code.
    pub const fn required_or(mut self, code: Code) -> Self {
        self.required = Some(code);
        self
    }

    /// Sets [`Self::invalid`].
    pub const fn invalid(mut self, code: Code) -> Self {
        self.invalid = Some(code);
        self
    }

    /// Sets [`Self::target`].
    pub const fn target(mut self, target: &'static str) -> Self {
        self.target = Some(target);
        self
    }

    /// Sets [`Self::default`].
    pub const fn default(mut self, value: Default) -> Self {
        self.default = Some(value);
        self
    }

    /// Sets [`Self::always`].
    pub const fn always(mut self) -> Self {
        self.always = true;
        self
    }

    /// Whether a URI of `version` shows it.
    pub fn visible(&self, version: Version) -> bool {
        self.since <= version && self.until.is_none_or(|until| version < until)
    }
}
