//! Judging answers and documents in few words.

use harness::rest::Reply;
use serde_json::{Map, Value};

/// What tests say of an answer.
pub(crate) trait Judge: Sized {
    /// It has this status.
    #[track_caller]
    fn is(self, status: u16) -> Reply;

    /// It has one of these statuses.
    #[track_caller]
    fn expect_status_in(self, what: &str, statuses: &[u16]) -> Reply;

    /// It is an error with this status and this `error.code`.
    #[track_caller]
    fn refused(self, status: u16, code: &str) -> Reply;
}

impl Judge for Reply {
    fn is(self, status: u16) -> Reply {
        assert_eq!(self.status, status, "answered {}", self.body);
        self
    }

    fn expect_status_in(self, what: &str, statuses: &[u16]) -> Reply {
        assert!(statuses.contains(&self.status), "{what}: answered {} {}", self.status, self.body);
        self
    }

    fn refused(self, status: u16, code: &str) -> Reply {
        assert_eq!((self.status, self.code()), (status, code), "answered {}", self.body);
        assert!(self.body["error"]["message"].is_string(), "people get no message: {}", self.body);
        self
    }
}

/// A text member of a document, by JSON pointer.
#[track_caller]
pub(crate) fn text<'a>(document: &'a Value, pointer: &str) -> &'a str {
    let value = document.pointer(pointer).and_then(Value::as_str);
    value.unwrap_or_else(|| panic!("no text at {pointer} in {document}"))
}

/// `etag` of a document.
#[track_caller]
pub(crate) fn etag(document: &Value) -> &str {
    text(document, "/etag")
}

/// The child with this id in an array of children, by JSON pointer to the array.
#[track_caller]
pub(crate) fn child<'a>(document: &'a Value, pointer: &str, id: &str) -> &'a Value {
    let children = document.pointer(pointer).and_then(Value::as_array).into_iter().flatten();
    let found = { children }.find(|child| child["resourceId"] == id);
    found.unwrap_or_else(|| panic!("no {id} at {pointer} in {document}"))
}

/// The document with another value at a JSON pointer, whose parent is an object that is there.
#[track_caller]
pub(crate) fn with(mut document: Value, pointer: &str, value: impl Into<Value>) -> Value {
    let (parent, member) = pointer.rsplit_once('/').expect("a pointer has a slash");
    let found = document.pointer_mut(parent).and_then(Value::as_object_mut);
    let Some(members) = found else { panic!("no object at {parent} in {document}") };
    members.insert(member.to_owned(), value.into());
    document
}

/// The document without what is at a JSON pointer.
#[track_caller]
pub(crate) fn without(mut document: Value, pointer: &str) -> Value {
    let (parent, member) = pointer.rsplit_once('/').expect("a pointer has a slash");
    let removed = document.pointer_mut(parent).and_then(Value::as_object_mut).and_then(|object| object.remove(member));
    assert!(removed.is_some(), "nothing at {pointer} in {document}");
    document
}

/// Every `resourceRef` in an array of references, sorted.
#[track_caller]
pub(crate) fn references(document: &Value, pointer: &str) -> Vec<String> {
    let array = document.pointer(pointer).and_then(Value::as_array);
    let array = array.unwrap_or_else(|| panic!("no array at {pointer} in {document}"));
    let mut references: Vec<String> = array.iter().map(|element| text(element, "/resourceRef").to_owned()).collect();
    references.sort();
    references
}

/// A document without what hosts report: it changes when a host comes or goes.
pub(crate) fn without_reports(document: Value) -> Value {
    strip(document, &["configurationState"])
}

/// A document without what hosts report, and without the ETags that change with every write.
pub(crate) fn without_etags(document: Value) -> Value {
    strip(document, &["configurationState", "etag"])
}

/// A document without the members of these names, at any depth.
pub(crate) fn strip(document: Value, names: &[&str]) -> Value {
    match document {
        Value::Object(members) => {
            let kept = members.into_iter().filter(|(name, _)| !names.contains(&name.as_str()));
            kept.map(|(name, value)| (name, strip(value, names))).collect::<Map<_, _>>().into()
        }
        Value::Array(elements) => elements.into_iter().map(|element| strip(element, names)).collect(),
        other => other,
    }
}

/// Nothing differs between two documents; else the JSON pointers to what does.
#[track_caller]
pub(crate) fn same(after: &Value, before: &Value, what: &str) {
    let mut found = Vec::new();
    differences(before, after, String::new(), &mut found);
    assert!(found.is_empty(), "{what}:\n{}", found.join("\n"));
}

fn differences(before: &Value, after: &Value, at: String, found: &mut Vec<String>) {
    match (before, after) {
        (Value::Object(old), Value::Object(new)) => {
            for name in old.keys().chain(new.keys().filter(|name| !old.contains_key(*name))) {
                differences(&before[name], &after[name], format!("{at}/{name}"), found);
            }
        }
        (Value::Array(old), Value::Array(new)) if old.len() == new.len() => {
            for (number, (old, new)) in old.iter().zip(new).enumerate() {
                differences(old, new, format!("{at}/{number}"), found);
            }
        }
        _ if before != after => found.push(format!("    {at}: {before} became {after}")),
        _ => {}
    }
}
