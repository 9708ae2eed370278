//! What comes out of what goes in.

use super::*;
use serde_json::json;

static NESTED: [Property; 3] = [
    Property::new("weight", Kind::Integer(0, 100)).default(Default::Integer(100)),
    Property::new("mode", Kind::Enum(&["Off", "On"])).default(Default::Text("Off")),
    Property::new("limits", Kind::Boolean).since(Version::V4),
];

static SCHEMA: [Property; 16] = [
    Property::new("text", Kind::Text),
    Property::new("even", Kind::Checked { what: "even text", valid: |text| text.len() % 2 == 0 }),
    Property::new("flag", Kind::Boolean),
    Property::new("flagText", Kind::BooleanText("True", "False")),
    Property::new("number", Kind::Integer(-5, 10)).invalid(Code::InvalidVsidRangeFormat),
    Property::new("numberText", Kind::IntegerText(100, 65000)).aliases(&["digits"]),
    Property::new("word", Kind::Enum(&["Allow", "Deny"])).invalid(Code::InvalidAclRuleAction).target("Action"),
    Property::new("wordAsWritten", Kind::EnumAsWritten(&["usernamePassword"])),
    Property::new("guid", Kind::Guid),
    Property::new("mac", Kind::Mac(MacForm::Plain)),
    Property::new("address", Kind::Address),
    Property::new("prefix", Kind::Prefix),
    Property::new("target", Kind::Reference(&["things"])),
    Property::new("prefixes", Kind::List(&Kind::Prefix)),
    Property::new("nested", Kind::Object(&NESTED)),
    Property::new("json", Kind::Json),
];

fn object(value: Value) -> Members {
    match value {
        Value::Object(members) => members,
        other => panic!("{other} is no object"),
    }
}

fn read(input: Value) -> Result<Value, ApiError> {
    members(&SCHEMA, object(input), None, Version::V7_1, &At::Root).map(Value::Object)
}

#[test]
fn every_spelling_comes_out_canonical() {
    for (given, expected) in [
        (json!({}), json!({})),
        (json!({"unknown": 1, "text": null}), json!({})),
        (json!({"TEXT": "a"}), json!({"text": "a"})),
        (json!({"text": 7}), json!({"text": "7"})),
        (json!({"text": true}), json!({"text": "true"})),
        (json!({"even": "ab"}), json!({"even": "ab"})),
        (json!({"flag": "TRUE"}), json!({"flag": true})),
        (json!({"flag": 0}), json!({"flag": false})),
        (json!({"flagText": true}), json!({"flagText": "True"})),
        (json!({"flagText": "false"}), json!({"flagText": "False"})),
        (json!({"number": " -5 "}), json!({"number": -5})),
        (json!({"numberText": 200}), json!({"numberText": "200"})),
        (json!({"Digits": "0200"}), json!({"numberText": "200"})),
        (json!({"numberText": null, "digits": 300}), json!({"numberText": "300"})),
        (json!({"word": "DENY"}), json!({"word": "Deny"})),
        (json!({"wordAsWritten": "UsernamePassword"}), json!({"wordAsWritten": "UsernamePassword"})),
        (
            json!({"guid": "0A1B2C3D-4E5F-4601-8723-456789ABCDEF"}),
            json!({"guid": "0A1B2C3D-4E5F-4601-8723-456789ABCDEF"}),
        ),
        (json!({"mac": "00-1d-d8-10-00-07"}), json!({"mac": "001DD8100007"})),
        (json!({"address": "fd00:0::1"}), json!({"address": "fd00::1"})),
        (json!({"prefix": "10.0.0.7/8"}), json!({"prefix": "10.0.0.7/8"})),
        (json!({"prefixes": "10.0.0.0/8"}), json!({"prefixes": ["10.0.0.0/8"]})),
        (json!({"prefixes": [null, "10.0.0.0/8", null]}), json!({"prefixes": ["10.0.0.0/8"]})),
        (json!({"prefixes": []}), json!({})),
        (json!({"target": {"resourceRef": "/things/a", "etag": "x"}}), json!({"target": "/things/a"})),
        (json!({"target": "/things/a"}), json!({"target": "/things/a"})),
        (json!({"target": {}}), json!({})),
        (json!({"target": {"resourceRef": ""}}), json!({})),
        (json!({"nested": {}}), json!({"nested": {"weight": 100, "mode": "Off"}})),
        (
            json!({"nested": {"WEIGHT": "3", "limits": "true", "x": 1}}),
            json!({"nested": {"weight": 3, "mode": "Off", "limits": true}}),
        ),
        (json!({"json": {"Any": [1, null]}}), json!({"json": {"Any": [1, null]}})),
    ] {
        let canonical = read(given.clone()).unwrap();
        assert_eq!(canonical, expected, "{given}");
        assert_eq!(read(canonical).unwrap(), expected, "canonical form of {given} is read back as itself");
    }
}

#[test]
fn malformed_values_are_refused_by_the_code_of_their_property() {
    for (given, code, detail, target) in [
        (json!({"text": []}), Code::InvalidParameterValue, None, "text"),
        (json!({"even": "abc"}), Code::InvalidParameterValue, None, "even"),
        (json!({"flag": "yes"}), Code::InvalidParameterValue, None, "flag"),
        (json!({"number": 11}), Code::InvalidVsidRangeFormat, Some(Code::InvalidParameterValue), "number"),
        (json!({"number": 1.5}), Code::InvalidVsidRangeFormat, Some(Code::InvalidParameterValue), "number"),
        (json!({"number": "+-1"}), Code::InvalidVsidRangeFormat, Some(Code::InvalidParameterValue), "number"),
        (json!({"numberText": 99}), Code::InvalidParameterValue, None, "numberText"),
        (json!({"word": "maybe"}), Code::InvalidAclRuleAction, Some(Code::InvalidParameterValue), "Action"),
        (json!({"guid": "7"}), Code::InvalidParameterValue, None, "guid"),
        (json!({"mac": "00-1D"}), Code::InvalidPrivateMacAddress, None, "mac"),
        (json!({"address": "10.0.0"}), Code::InvalidIPAddress, None, "address"),
        (json!({"address": 10}), Code::InvalidIPAddress, None, "address"),
        (json!({"prefix": "10.20.300.0/24"}), Code::InvalidIPPrefix, None, "prefix"),
        (json!({"prefixes": ["10.0.0.0/8", "x"]}), Code::InvalidIPPrefix, None, "prefixes"),
        (json!({"nested": {"weight": 101}}), Code::InvalidParameterValue, None, "nested.weight"),
        (json!({"nested": []}), Code::InvalidParameterValue, None, "nested"),
        (json!({"target": 7}), Code::InvalidRequestFormat, Some(Code::InvalidJsonReferenceFormat), "target"),
    ] {
        let refusal = read(given.clone()).unwrap_err();
        assert_eq!(refusal.code, code, "{given}");
        assert_eq!(refusal.details.first().map(|detail| detail.code), detail, "{given}");
        assert_eq!(refusal.target.as_deref(), Some(target), "{given}");
    }
}

static WRITTEN_ONCE: [Property; 5] = [
    Property::new("kind", Kind::Text).required_or(Code::UnsupportedCredentialType),
    Property::new("fixed", Kind::Boolean)
        .access(Access::Fixed(Code::PrimaryNicPropertyCannotBeUpdated))
        .default(Default::Boolean(true)),
    Property::new("secret", Kind::Text).access(Access::Secret).required(),
    Property::new("chosen", Kind::Text).access(Access::Assigned),
    Property::new("newer", Kind::Text).since(Version::V5).default(Default::Text("none")),
];

fn write(input: Value, stored: Option<Value>, version: Version) -> Result<Value, ApiError> {
    let stored = stored.map(object);
    members(&WRITTEN_ONCE, object(input), stored.as_ref(), version, &At::Root).map(Value::Object)
}

#[test]
fn access_decides_what_input_can_change() {
    let first = write(json!({"kind": "k", "secret": "s", "chosen": "c", "newer": "n"}), None, Version::V4).unwrap();
    assert_eq!(first, json!({"kind": "k", "fixed": true, "secret": "s", "newer": "none"}));

    let stored = json!({"kind": "k", "fixed": false, "secret": "s", "chosen": "c", "newer": "old"});
    for (input, version, expected) in [
        (
            json!({"kind": "l"}),
            Version::V4,
            json!({"kind": "l", "fixed": false, "secret": "s", "chosen": "c", "newer": "old"}),
        ),
        (json!({"kind": "k", "secret": Property::SECRET_PLACEHOLDER, "newer": "new"}), Version::V4, stored.clone()),
        (
            json!({"kind": "k", "secret": "t", "chosen": "x", "newer": "new"}),
            Version::V5,
            json!({"kind": "k", "fixed": false, "secret": "t", "chosen": "c", "newer": "new"}),
        ),
        (
            json!({"kind": "k"}),
            Version::V5,
            json!({"kind": "k", "fixed": false, "secret": "s", "chosen": "c", "newer": "none"}),
        ),
    ] {
        assert_eq!(write(input.clone(), Some(stored.clone()), version), Ok(expected), "{input} through {version}");
    }
    for (input, stored, code) in [
        (json!({"secret": "s"}), None, Code::UnsupportedCredentialType),
        (json!({"kind": "k"}), None, Code::RequiredParamMissing),
        (json!({"kind": "k", "secret": Property::SECRET_PLACEHOLDER}), None, Code::RequiredParamMissing),
        (json!({"kind": "k", "fixed": true}), Some(stored), Code::PrimaryNicPropertyCannotBeUpdated),
    ] {
        assert_eq!(write(input.clone(), stored, Version::V7).unwrap_err().code, code, "{input}");
    }
}
