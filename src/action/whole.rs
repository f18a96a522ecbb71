//! Whole numbers of a playbook, so that one that is none is told of in words.

use std::fmt;

use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};

const DAYS: &str = "a number of days, 0 or more";

/// A number of days.
pub(super) fn days<'de, D: Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
    from.deserialize_u32(Whole(DAYS))
}

/// A number of days that may be left out.
pub(super) fn days_if_any<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u32>, D::Error> {
    Ok(Option::<Days>::deserialize(from)?.map(|days| days.0))
}

/// A number of actions.
pub(super) fn actions<'de, D: Deserializer<'de>>(from: D) -> Result<usize, D::Error> {
    Ok(from.deserialize_u32(Whole("a number of actions, 1 to 3"))? as usize)
}

struct Days(u32);

impl<'de> Deserialize<'de> for Days {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        days(from).map(Days)
    }
}

/// Reads a whole number that is not negative; in words, what is expected.
struct Whole(&'static str);

impl Visitor<'_> for Whole {
    type Value = u32;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<u32, E> {
        u32::try_from(value).map_err(|_| E::invalid_value(Unexpected::Signed(value), &self))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<u32, E> {
        u32::try_from(value).map_err(|_| E::invalid_value(Unexpected::Unsigned(value), &self))
    }
}

#[cfg(test)]
mod tests {
    use crate::action::Playbook;

    fn refused(action: &str, playbook: &str) -> String {
        let text = format!(
            "name = \"test\"\n{playbook}\n[[action]]\nname = \"call\"\ntitle = \"Call\"\ngoal = \"retain\"\nchannel = \"call\"\n\
             touch = \"human\"\n{action}\n[action.effect]\nchurn_reduction = 0.1\nsource = \"a guess\"\n"
        );
        Playbook::from_toml(&text).unwrap_err().to_string()
    }

    #[test]
    fn whole_numbers_that_are_none_are_told_of_in_words() {
        for field in ["lead_days", "cool_down_days", "expiry_days"] {
            for (value, found) in [
                ("-3", "invalid value: integer `-3`"),
                ("99999999999", "invalid value: integer `99999999999`"),
                ("2.5", "invalid type: floating point `2.5`"),
                ("\"a week\"", "invalid type: string \"a week\""),
            ] {
                let told = refused(&format!("{field} = {value}"), "");
                assert!(told.contains(&format!("{found}, expected a number of days, 0 or more")), "{told}");
                assert!(told.contains(&format!("{field} = {value}")), "{told}");
            }
        }
        let told = refused("", "max_actions = -1");
        assert!(told.contains("integer `-1`, expected a number of actions, 1 to 3"), "{told}");
        let json = r#"{"name": "calls", "action": [{"name": "call", "title": "Call", "goal": "retain",
            "channel": "call", "touch": "human", "expiry_days": null, "lead_days": -1,
            "effect": {"churn_reduction": 0.1, "source": "a guess"}}]}"#;
        let told = Playbook::from_json(json).unwrap_err().to_string();
        assert!(told.contains("integer `-1`, expected a number of days, 0 or more"), "{told}");
        assert!(Playbook::from_json(&json.replace("-1", "1")).is_ok(), "null is as good as nothing");
    }
}
