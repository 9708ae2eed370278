//! `AdditionalArgs`: access lists of an endpoint, as the CNI plugins for Windows have them (`containers.md` section 7).

use super::failure::Failure;
use crate::firewall::{AclError, Era, Isolation, Place, Refusal, Rule, RuleSet, defaults, from_acl, usual_place};
use crate::hns::json;
use crate::hns::policy::{AclSettings, Policy};
use crate::network::Kind;
use serde::Deserialize;
use serde_json::Value;

/// One of the arguments.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Additional {
    #[serde(rename = "Name", alias = "name")]
    name: String,
    #[serde(rename = "Value", alias = "value")]
    value: Value,
}

/// The firewall of an endpoint: the defaults, and what `additional` adds to them.
///
/// # Errors
/// [`Failure::Unsupported`]: not an access list, or one that nothing would enforce. [`Failure::Decode`],
/// [`Failure::Config`]: not a list that can be read.
pub(super) fn firewall(kind: Kind, additional: &[Additional]) -> Result<RuleSet, Failure> {
    let rules = additional.iter().map(|argument| argument.rule(kind)).collect::<Result<Vec<_>, _>>()?;
    let set = defaults(kind, Isolation::Process, Era::Current);
    set.with_user_rules(kind, Isolation::Process, rules).map_err(|refusal: Refusal| {
        let value = kind.to_string();
        Failure::Unsupported { key: "AdditionalArgs.Value.Settings.RuleType", value, hint: refusal.to_string() }
    })
}

impl Additional {
    fn rule(&self, kind: Kind) -> Result<(Place, Rule), Failure> {
        let unsupported =
            |key, value: &str, hint: &str| Failure::Unsupported { key, value: value.to_owned(), hint: hint.to_owned() };
        if !self.name.eq_ignore_ascii_case("EndpointPolicy") {
            return Err(unsupported("AdditionalArgs.Name", &self.name, "only EndpointPolicy is known"));
        }
        let decode = |source| Failure::Decode { what: "AdditionalArgs.Value".to_owned(), source };
        let policy: Policy = json::from_value(self.value.clone()).map_err(decode)?;
        if !policy.kind.eq_ignore_ascii_case("ACL") {
            let hint = "of endpoint policies only ACL is known here";
            return Err(unsupported("AdditionalArgs.Value.Type", &policy.kind, hint));
        }
        let settings: AclSettings = json::from_value(policy.settings).map_err(decode)?;
        let (place, rule) = from_acl(&settings).map_err(|error: AclError| Failure::Config {
            key: "AdditionalArgs.Value.Settings",
            problem: error.to_string(),
        })?;
        Ok((place.unwrap_or(usual_place(kind)), rule))
    }
}
