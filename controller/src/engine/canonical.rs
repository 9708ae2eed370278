//! From what clients send to canonical documents: the tolerance of contract 4.2 and the version filter of 4.4.

use crate::error::{ApiError, Code};
use crate::resources::Members;
use crate::resources::schema::{Access, Default, Kind, MacForm, Property};
use crate::resources::version::Version;
use policy::net::{MacAddr, Prefix};
use serde_json::{Number, Value};
use std::fmt::{self, Display};
use std::net::IpAddr;
use uuid::Uuid;

/// Member of a reference object that names the target.
pub(crate) const RESOURCE_REF: &str = "resourceRef";

/// Where in a document something stands, for refusals: `connections[1].managementAddresses`.
pub(crate) enum At<'a> {
    /// The `properties`.
    Root,
    /// A member.
    Member(&'a At<'a>, &'static str),
    /// An item of a list.
    Item(&'a At<'a>, usize),
}

impl Display for At<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Member(Self::Root, name) => f.write_str(name),
            Self::Member(of, name) => write!(f, "{of}.{name}"),
            Self::Item(of, index) => write!(f, "{of}[{index}]"),
        }
    }
}

/// Takes the member called `name` (in any case) out of `members`; `null` counts as absent.
pub(crate) fn take(members: &mut Members, name: &str) -> Option<Value> {
    let value = match members.remove(name) {
        Some(value) => Some(value),
        None => {
            let written = members.keys().find(|written| written.eq_ignore_ascii_case(name)).cloned();
            written.and_then(|written| members.remove(&written))
        }
    };
    value.filter(|value| !value.is_null())
}

/// Reads the members that `schema` describes out of `input`. `stored` is the canonical form of what the write replaces.
///
/// # Errors
/// A value is malformed, a required one is missing, or one that is fixed would change.
pub(crate) fn members(
    schema: &'static [Property],
    mut input: Members,
    stored: Option<&Members>,
    version: Version,
    at: &At<'_>,
) -> Result<Members, ApiError> {
    let mut canonical = Members::new();
    for property in schema {
        if matches!(property.kind, Kind::Children(_)) || property.access == Access::Derived {
            continue;
        }
        let mut names = std::iter::once(&property.name).chain(property.aliases);
        let given = names.find_map(|name| take(&mut input, name));
        let before = stored.and_then(|stored| stored.get(property.name));
        if let Some(value) = member(property, given, before, version, at)? {
            canonical.insert(property.name.to_owned(), value);
        }
    }
    Ok(canonical)
}

/// Value of one property after the write.
fn member(
    property: &'static Property,
    given: Option<Value>,
    before: Option<&Value>,
    version: Version,
    at: &At<'_>,
) -> Result<Option<Value>, ApiError> {
    let keep = || before.cloned();
    let given = match property.access {
        Access::Derived | Access::Assigned | Access::Internal => return Ok(keep()),
        _ if !property.visible(version) => {
            return match (property.too_new, given) {
                (Some(code), Some(_)) if version < property.since => {
                    let message = format!("'{}' needs version {} or later in the URI.", property.name, property.since);
                    Err(ApiError::new(code, message).target(property.name))
                }
                _ => Ok(keep().or_else(|| default(property))),
            };
        }
        Access::Secret => given.filter(|value| value.as_str() != Some(Property::SECRET_PLACEHOLDER)),
        Access::ReadWrite | Access::Fixed(_) => given,
    };
    let at = &At::Member(at, property.name);
    let target = || property.target.map_or_else(|| at.to_string(), str::to_owned);
    // An object that always exists is read as `{}` when absent, so that the defaults inside apply.
    let given = given.or_else(|| property.always.then(|| empty(&property.kind)).flatten());
    let refuse = |message: String| {
        let kind_code = property.kind.code();
        match property.invalid {
            Some(code) if code != kind_code => ApiError::new(code, message.clone()).detail(kind_code, message),
            _ => ApiError::new(kind_code, message),
        }
        .target(target())
    };
    let value = match given {
        Some(given) => match value(&property.kind, given, before, version, at) {
            Ok(value) => value.filter(|value| property.always || !is_empty(value)),
            Err(Malformed::Fact(message)) => return Err(refuse(message)),
            Err(Malformed::Refusal(refusal)) => return Err(*refusal),
        },
        None => None,
    };
    let value = match (property.access, value) {
        (Access::Secret, None) => keep(),
        (Access::Fixed(_), None) => keep().or_else(|| default(property)),
        (Access::Fixed(code), Some(value)) if before.is_some_and(|before| *before != value) => {
            let message = format!("'{at}' cannot change after creation; delete the resource and create it anew.");
            return Err(ApiError::new(code, message).target(target()));
        }
        (_, None) => default(property),
        (_, value) => value,
    };
    match (value, property.required) {
        (None, Some(code)) => Err(ApiError::new(code, format!("'{at}' is required.")).target(target())),
        (value, _) => Ok(value),
    }
}

/// Why a value is not what its kind asks for.
enum Malformed {
    /// What is wrong; the property chooses the code.
    Fact(String),
    /// The refusal of a property further inside.
    Refusal(Box<ApiError>),
}

impl From<ApiError> for Malformed {
    fn from(refusal: ApiError) -> Self {
        Self::Refusal(Box::new(refusal))
    }
}

/// The canonical form of a given value; `None` when it amounts to absence.
fn value(
    kind: &'static Kind,
    given: Value,
    before: Option<&Value>,
    version: Version,
    at: &At<'_>,
) -> Result<Option<Value>, Malformed> {
    let wrong = |what: &str, given: &Value| {
        let shown = given.as_str().map_or_else(|| brief(given), str::to_owned);
        Malformed::Fact(format!("'{shown}' is no valid {what} for '{at}'."))
    };
    let read_text = |given: Value| text(given).map_err(|given| wrong("text", &given));
    Ok(Some(match *kind {
        Kind::Text => Value::String(read_text(given)?),
        Kind::Checked { what, valid } => match read_text(given)? {
            text if valid(&text) => Value::String(text),
            text => return Err(wrong(what, &Value::String(text))),
        },
        Kind::Boolean => Value::Bool(boolean(&given).ok_or_else(|| wrong("boolean", &given))?),
        Kind::BooleanText(yes, no) => {
            let flag = boolean(&given).ok_or_else(|| wrong("boolean", &given))?;
            Value::from(if flag { yes } else { no })
        }
        Kind::Integer(min, max) => Value::Number(Number::from(bounded(&given, min, max).map_err(|fact| fact.at(at))?)),
        Kind::IntegerText(min, max) => {
            Value::String(bounded(&given, min, max).map_err(|fact| fact.at(at))?.to_string())
        }
        Kind::Enum(words) => {
            let text = read_text(given)?;
            let word = words.iter().find(|word| word.eq_ignore_ascii_case(&text));
            Value::from(*word.ok_or_else(|| Malformed::Fact(one_of(&text, words, at)))?)
        }
        Kind::EnumAsWritten(words) => {
            let text = read_text(given)?;
            if !words.iter().any(|word| word.eq_ignore_ascii_case(&text)) {
                return Err(Malformed::Fact(one_of(&text, words, at)));
            }
            Value::String(text)
        }
        Kind::Guid => match given.as_str().map(str::trim).filter(|text| Uuid::parse_str(text).is_ok()) {
            Some(text) => Value::from(text),
            None => return Err(wrong("GUID", &given)),
        },
        Kind::Mac(form) => match given.as_str().and_then(|text| text.trim().parse::<MacAddr>().ok()) {
            Some(mac) => Value::String(mac_text(mac, form)),
            None => return Err(wrong("MAC address", &given)),
        },
        Kind::Address => match given.as_str().and_then(|text| text.trim().parse::<IpAddr>().ok()) {
            Some(address) => Value::String(address.to_string()),
            None => return Err(wrong("IP address", &given)),
        },
        Kind::Prefix => match given {
            Value::String(text) if text.contains('/') && text.parse::<Prefix>().is_ok() => Value::String(text),
            given => return Err(wrong("address prefix", &given)),
        },
        Kind::Reference(_) => return reference(given, at),
        Kind::List(of) => {
            let given = match given {
                Value::Array(items) => items,
                single => vec![single],
            };
            let mut list = Vec::with_capacity(given.len());
            for (index, item) in given.into_iter().enumerate().filter(|(_, item)| !item.is_null()) {
                list.extend(value(of, item, None, version, &At::Item(at, index))?);
            }
            Value::Array(list)
        }
        Kind::Object(schema) => match given {
            Value::Object(given) => {
                Value::Object(members(schema, given, before.and_then(Value::as_object), version, at)?)
            }
            given => return Err(wrong("object", &given)),
        },
        Kind::Json => given,
        // Never read: members() leaves them out.
        Kind::Children(_) | Kind::Back { .. } => return Ok(None),
    }))
}

/// A reference object or the bare path, reduced to the path. Objects without a path and empty paths amount to absence:
/// clients send the empty shell of a reference to say "none". An object that names something, but not with a
/// path, is no shell: to take it for "none" could detach an access control list.
fn reference(given: Value, at: &At<'_>) -> Result<Option<Value>, Malformed> {
    let target = match given {
        Value::Object(mut members) => match (take(&mut members, RESOURCE_REF), take(&mut members, "resourceId")) {
            (None, Some(Value::String(id))) if !id.is_empty() => return Err(bad_reference(&id, at).into()),
            (target, _) => target,
        },
        other => Some(other),
    };
    match target {
        None => Ok(None),
        Some(Value::String(target)) if target.is_empty() => Ok(None),
        Some(path @ Value::String(_)) => Ok(Some(path)),
        Some(other) => Err(bad_reference(&brief(&other), at).into()),
    }
}

/// Refusal of a text that is no path of a document. Contract 7.4.
pub(crate) fn bad_reference(text: &str, at: &dyn Display) -> ApiError {
    let message = format!("'{text}' in '{at}' is no resource reference; '/collection/id' is expected.");
    ApiError::new(Code::InvalidRequestFormat, message.clone())
        .target(at.to_string())
        .detail(Code::InvalidJsonReferenceFormat, message)
}

/// How a MAC address is written.
pub(crate) fn mac_text(mac: MacAddr, form: MacForm) -> String {
    let [a, b, c, d, e, f] = mac.octets();
    match form {
        MacForm::Plain => format!("{a:02X}{b:02X}{c:02X}{d:02X}{e:02X}{f:02X}"),
        MacForm::Dashed => format!("{a:02X}-{b:02X}-{c:02X}-{d:02X}-{e:02X}-{f:02X}"),
    }
}

/// The default of a property, also where it is not given because the version does not know it.
fn default(property: &Property) -> Option<Value> {
    Some(match property.default? {
        Default::Text(text) => Value::from(text),
        Default::Integer(number) => Value::from(number),
        Default::Boolean(flag) => Value::from(flag),
    })
}

fn empty(kind: &Kind) -> Option<Value> {
    match kind {
        Kind::Object(_) => Some(Value::Object(Members::new())),
        Kind::List(_) => Some(Value::Array(Vec::new())),
        _ => None,
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => false,
    }
}

fn text(given: Value) -> Result<String, Value> {
    match given {
        Value::String(text) => Ok(text),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(flag) => Ok(flag.to_string()),
        other => Err(other),
    }
}

fn boolean(given: &Value) -> Option<bool> {
    match given {
        Value::Bool(flag) => Some(*flag),
        Value::String(text) if text.trim().eq_ignore_ascii_case("true") => Some(true),
        Value::String(text) if text.trim().eq_ignore_ascii_case("false") => Some(false),
        Value::Number(number) => match number.as_u64() {
            Some(1) => Some(true),
            Some(0) => Some(false),
            _ => None,
        },
        _ => None,
    }
}

/// What is wrong with a number, before it is known where it stands.
struct NoNumber(String);

impl NoNumber {
    fn at(self, at: &At<'_>) -> Malformed {
        Malformed::Fact(format!("{} for '{at}'.", self.0))
    }
}

fn bounded(given: &Value, min: i64, max: i64) -> Result<i64, NoNumber> {
    let number = match given {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    match number {
        Some(number) if (min..=max).contains(&number) => Ok(number),
        Some(number) => Err(NoNumber(format!("{number} is not between {min} and {max}"))),
        None => Err(NoNumber(format!("{} is no whole number", brief(given)))),
    }
}

fn one_of(text: &str, words: &[&str], at: &At<'_>) -> String {
    format!("'{text}' is no valid value for '{at}'; one of {} is expected.", words.join(", "))
}

/// A value as it may stand in a message: long ones are cut.
fn brief(value: &Value) -> String {
    const LONGEST: usize = 80;
    let text = value.to_string();
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests;
