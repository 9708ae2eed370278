//! Reading JSON the way HNS and its callers need it: names of members and enumerated words in any case, unknown members
//! ignored. Documentation and implementations disagree on the case of many names. (`hcn.md` section 4, spelling traps)

use serde::Deserializer;
use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{DeserializeOwned, DeserializeSeed, EnumAccess, IntoDeserializer, VariantAccess, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::{Error, Map, Value};

/// Reads `text` as a `T`.
///
/// # Errors
/// The text is no JSON, or a member is missing or of another kind.
pub fn read<T: DeserializeOwned>(text: &str) -> Result<T, Error> {
    from_value(serde_json::from_str(text)?)
}

/// Reads `value` as a `T`.
///
/// # Errors
/// A member is missing or of another kind.
pub fn from_value<T: DeserializeOwned>(value: Value) -> Result<T, Error> {
    T::deserialize(AnyCase(value))
}

/// A value whose members go by their names in any case.
struct AnyCase(Value);

/// The word of `known` that `word` means.
fn canonical(word: String, known: &'static [&'static str]) -> String {
    match known.iter().find(|candidate| candidate.eq_ignore_ascii_case(&word)) {
        Some(candidate) => (*candidate).to_owned(),
        None => word,
    }
}

/// Members with the names they are known by. A missing list or text may be written as `null`.
fn members(members: Map<String, Value>, fields: &'static [&'static str]) -> impl Iterator<Item = (String, AnyCase)> {
    let present = members.into_iter().filter(|(_, value)| !value.is_null());
    present.map(move |(name, value)| (canonical(name, fields), AnyCase(value)))
}

impl<'de> Deserializer<'de> for AnyCase {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Array(items) => visitor.visit_seq(SeqDeserializer::new(items.into_iter().map(AnyCase))),
            Value::Object(object) => visitor.visit_map(MapDeserializer::new(members(object, &[]))),
            scalar => scalar.deserialize_any(visitor),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self.0 {
            Value::Object(object) => visitor.visit_map(MapDeserializer::new(members(object, fields))),
            other => other.deserialize_struct(name, fields, visitor),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self.0 {
            Value::String(word) => visitor.visit_enum(Word(canonical(word, variants))),
            other => other.deserialize_enum(name, variants, visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.0.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map identifier ignored_any
    }
}

impl<'de> IntoDeserializer<'de, Error> for AnyCase {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

/// An enumerated word.
struct Word(String);

impl<'de> EnumAccess<'de> for Word {
    type Error = Error;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self), Error> {
        let word: serde::de::value::StringDeserializer<Error> = self.0.clone().into_deserializer();
        Ok((seed.deserialize(word)?, self))
    }
}

/// Words carry nothing.
impl<'de> VariantAccess<'de> for Word {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        Ok(())
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, _: S) -> Result<S::Value, Error> {
        Err(self.carries_nothing())
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, Error> {
        Err(self.carries_nothing())
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], _: V) -> Result<V::Value, Error> {
        Err(self.carries_nothing())
    }
}

impl Word {
    fn carries_nothing(&self) -> Error {
        serde::de::Error::custom(format_args!("'{}' is a word where a document is expected", self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Outer {
        ip_address_prefix: String,
        #[serde(default)]
        inner: Vec<Inner>,
        #[serde(default)]
        flags: u32,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Inner {
        #[serde(rename = "ID")]
        id: Option<String>,
        kind: Kind,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    enum Kind {
        Static,
        Dhcp,
    }

    #[test]
    fn names_and_words_are_read_in_any_case_at_any_depth() {
        let read: Outer = read(
            r#"{"IPADDRESSPREFIX": "10.0.0.0/8", "INNER": [{"id": "x", "Kind": "dhcp"}, {"Kind": "static", "more": 1}],
                "unknown": {"a": []}, "Flags": null}"#,
        )
        .unwrap();
        let inner = vec![Inner { id: Some("x".to_owned()), kind: Kind::Dhcp }, Inner { id: None, kind: Kind::Static }];
        assert_eq!(read, Outer { ip_address_prefix: "10.0.0.0/8".to_owned(), inner, flags: 0 });
    }

    #[test]
    fn a_missing_member_and_an_unknown_word_are_errors_that_name_it() {
        let missing = read::<Outer>("{}").unwrap_err().to_string();
        assert!(missing.contains("IpAddressPrefix"), "{missing}");
        let unknown = read::<Inner>(r#"{"kind": "magic"}"#).unwrap_err().to_string();
        assert!(unknown.contains("magic") && unknown.contains("Dhcp"), "{unknown}");
    }
}
