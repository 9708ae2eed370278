//! `configurationState`: what hosts made of a document's policy. Contract 9.2.

use super::schema::{Kind, Property};
use crate::enforcement::{Detail, RollUp, State, Status};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use uuid::Uuid;

const STATUS: Property =
    Property::derived("status", Kind::Enum(&["Uninitialized", "InProgress", "Success", "Warning", "Failure"]));
const DETAILED_INFO: Property = Property::derived(
    "detailedInfo",
    Kind::List(&Kind::Object(&[
        Property::derived("source", Kind::Text),
        Property::derived("message", Kind::Text),
        Property::derived("code", Kind::Text),
    ])),
);
const LAST_UPDATED_TIME: Property = Property::derived("lastUpdatedTime", Kind::Text);
const ID: Property = Property::derived("id", Kind::Guid);
const ERRORS: Kind = Kind::List(&Kind::Object(&[STATUS, DETAILED_INFO, LAST_UPDATED_TIME, ID]));
const NIC_ERRORS: Property = Property::derived("virtualNetworkInterfaceErrors", ERRORS);
const HOST_ERRORS: Property = Property::derived("hostErrors", ERRORS);

const NAME: &str = "configurationState";

/// Property of a document whose state names no owner.
pub(super) const PLAIN: Property = Property::derived(NAME, Kind::Object(&[STATUS, DETAILED_INFO, LAST_UPDATED_TIME]));
/// Property of a document whose state names it.
pub(super) const WITH_ID: Property =
    Property::derived(NAME, Kind::Object(&[STATUS, DETAILED_INFO, LAST_UPDATED_TIME, ID]));
/// Property of what NICs use.
pub(super) const WITH_NIC_ERRORS: Property =
    Property::derived(NAME, Kind::Object(&[STATUS, DETAILED_INFO, LAST_UPDATED_TIME, ID, NIC_ERRORS]));
/// Property of what NICs and their hosts use.
pub(super) const WITH_HOST_ERRORS: Property =
    Property::derived(NAME, Kind::Object(&[STATUS, DETAILED_INFO, LAST_UPDATED_TIME, ID, NIC_ERRORS, HOST_ERRORS]));

/// The value of [`PLAIN`], or of [`WITH_ID`] when `id` is given.
pub(super) fn of(state: &State, id: Option<Uuid>) -> Value {
    let mut value = json!({ "status": state.status.as_str() });
    if !state.details.is_empty() {
        let detail = |detail: &Detail| json!({ "source": detail.source.as_str(), "message": detail.message, "code": detail.code.as_str() });
        value["detailedInfo"] = state.details.iter().map(detail).collect();
    }
    if let Some(time) = text(state.changed_at) {
        value["lastUpdatedTime"] = time.into();
    }
    if let Some(id) = id {
        value["id"] = id.to_string().into();
    }
    value
}

/// The value of [`WITH_NIC_ERRORS`] or [`WITH_HOST_ERRORS`]: worst case of all NICs that use the document `id`.
pub(super) fn rolled_up(rolled: &RollUp, id: Uuid, with_hosts: bool) -> Value {
    let mut value = json!({ "status": rolled.status().as_str() });
    if rolled.status() == Status::Failure {
        let message = format!("{} network interfaces do not enforce it.", rolled.nics.len());
        value["detailedInfo"] =
            json!([{ "source": "Firewall", "message": message, "code": "PolicyConfigurationFailure" }]);
    }
    if let Some(time) = text(rolled.changed_at) {
        value["lastUpdatedTime"] = time.into();
    }
    value["id"] = id.to_string().into();
    if !rolled.nics.is_empty() {
        let errors = rolled.nics.iter().map(|(nic, state)| of(state, Some(nic.0)));
        value["virtualNetworkInterfaceErrors"] = errors.collect();
    }
    if with_hosts && !rolled.hosts.is_empty() {
        value["hostErrors"] = rolled.hosts.iter().map(|(host, state)| of(state, Some(host.0))).collect();
    }
    value
}

/// ISO 8601 with seven fractional digits, as the original writes it (contract 10.9).
fn text(time: OffsetDateTime) -> Option<String> {
    const FORM: &[BorrowedFormatItem<'_>] = format_description!(
        "[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:7][offset_hour sign:mandatory]:[offset_minute]"
    );
    time.format(FORM).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::enforcement::{Code, Source};
    use policy::ids::NicId;
    use std::sync::Arc;

    fn failure() -> State {
        let detail =
            Detail { source: Source::Firewall, message: "no".to_owned(), code: Code::PolicyConfigurationFailureOnVfp };
        let changed_at = time::macros::datetime!(2026-02-03 10:05:00.1234567 UTC);
        State { status: Status::Failure, details: vec![detail], changed_at }
    }

    #[test]
    fn a_state_has_the_form_of_the_contract() {
        let id = Uuid::from_u128(1);
        let expected = json!({
            "status": "Failure",
            "detailedInfo": [{ "source": "Firewall", "message": "no", "code": "PolicyConfigurationFailureOnVfp" }],
            "lastUpdatedTime": "2026-02-03T10:05:00.1234567+00:00",
            "id": id.to_string(),
        });
        assert_eq!(of(&failure(), Some(id)), expected);
    }

    #[test]
    fn a_roll_up_lists_only_failing_nics() {
        let (list, nic) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let changed_at = failure().changed_at;
        let healthy = RollUp { nics: [].into(), hosts: [].into(), changed_at };
        let time = "2026-02-03T10:05:00.1234567+00:00";
        let expected = json!({ "status": "Success", "lastUpdatedTime": time, "id": list.to_string() });
        assert_eq!(rolled_up(&healthy, list, true), expected);
        let failing = RollUp { nics: [(NicId(nic), Arc::new(failure()))].into(), ..healthy };
        let value = rolled_up(&failing, list, true);
        assert_eq!(value["status"], "Failure");
        assert_eq!(value["virtualNetworkInterfaceErrors"], json!([of(&failure(), Some(nic))]));
        assert_eq!(value.get("hostErrors"), None);
    }
}
