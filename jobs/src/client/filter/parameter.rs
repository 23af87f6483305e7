//! Conditions on parameters, checked on what a job has stored.

use std::cmp::Ordering;

use serde_json::{Number, Value};

use super::condition::{Comparison, Parameter};
use crate::job::parameters::secrets;

/// What a job's parameters say to a condition.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer<'p> {
    Holds,
    DoesNotHold,
    /// The condition is on this parameter, which is secret.
    Secret(&'p str),
}

impl Parameter {
    /// Checks the condition on a job's parameters, of which those of these names are secret.
    pub(super) fn check<'p>(&self, parameters: &'p Value, secret: &[&str]) -> Answer<'p> {
        let is_meant =
            |name: &str| self.path.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        let mut meant = parameters.as_object().into_iter().flatten().filter(|(name, _)| is_meant(name));
        let mut answer = Answer::DoesNotHold;
        // There is more than one only if names contain dots.
        while let (Some((name, value)), Answer::DoesNotHold) = (meant.next(), &answer) {
            if secrets::is_marked(value) || secret.contains(&name.as_str()) {
                answer = Answer::Secret(name);
            } else if self.matches_at(value, self.path[name.len()..].strip_prefix('.')) {
                answer = Answer::Holds;
            }
        }
        answer
    }

    /// Whether what is at this path in a value matches.
    fn matches_at(&self, value: &Value, path: Option<&str>) -> bool {
        match (value, path) {
            (Value::Array(elements), path) => elements.iter().any(|element| self.matches_at(element, path)),
            (value, None) => self.matches(value),
            (Value::Object(members), Some(path)) => members.iter().any(|(name, value)| {
                let rest = path.strip_prefix(name.as_str());
                rest.is_some_and(|rest| match rest.strip_prefix('.') {
                    None => rest.is_empty() && self.matches_at(value, None),
                    rest => self.matches_at(value, rest),
                })
            }),
            _ => false,
        }
    }

    fn matches(&self, value: &Value) -> bool {
        let number = serde_json::from_str::<Number>(&self.value).ok().filter(|_| !self.is_text);
        let is_equality = self.comparison == Comparison::Equal;
        let is_word = is_equality && !self.is_text;
        match (value, number) {
            (Value::Number(value), Some(number)) => self.comparison.holds(compare(value, &number)),
            (Value::String(value), number) => {
                // Only equality takes a number for a text.
                (is_equality || number.is_none()) && self.comparison.holds(Some(value.as_str().cmp(&self.value)))
            }
            (Value::Bool(true), _) => is_word && self.value == "true",
            (Value::Bool(false), _) => is_word && self.value == "false",
            (Value::Null, _) => is_word && self.value == "null",
            _ => false,
        }
    }
}

impl Comparison {
    fn holds(self, order: Option<Ordering>) -> bool {
        order.is_some_and(|order| match self {
            Self::Equal => order.is_eq(),
            Self::Greater => order.is_gt(),
            Self::GreaterOrEqual => order.is_ge(),
            Self::Less => order.is_lt(),
            Self::LessOrEqual => order.is_le(),
        })
    }
}

/// Compares whole numbers exactly: an `f64` has too few digits for an identifier.
fn compare(one: &Number, other: &Number) -> Option<Ordering> {
    let whole = |number: &Number| number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from));
    match (whole(one), whole(other)) {
        (Some(one), Some(other)) => Some(one.cmp(&other)),
        _ => one.as_f64()?.partial_cmp(&other.as_f64()?),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::JobFilter;
    use super::super::condition::Condition;
    use super::*;

    fn parameter(text: &str) -> Parameter {
        let filter: JobFilter = text.parse().unwrap();
        match &filter.terms[0].condition {
            Condition::Parameter(parameter) => parameter.clone(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn values_are_compared_by_their_type() {
        let parameters = json!({
            "width": 64, "ratio": 0.5, "big": 9_007_199_254_740_993_i64, "zip": "64", "title": "a b", "empty": "", "paid": true,
            "none": null, "day": "2026-11-28", "tags": ["red", 7, [true]], "user": {"name": "ada", "tags": [{"id": 1}, {"id": 2}]},
            "a.b": 1, "a": {"b": 2}, "no": "null", "yes": "true",
        });
        for holds in [
            "width:64",
            "width:64.0",
            "width:>63",
            "width:>=64",
            "width:<=64",
            "width:<64.5",
            "ratio:0.5",
            "ratio:5e-1",
            "big:9007199254740993",
            "big:>9007199254740992",
            "zip:64",
            r#"zip:"64""#,
            r#"zip:>"5""#,
            r#"title:"a b""#,
            "title:>a",
            r#"empty:"""#,
            "paid:true",
            "none:null",
            "day:>=2026-11-01",
            "day:<2026-12",
            "tags:red",
            "tags:7",
            "tags:>6",
            "tags:true",
            "user.name:ada",
            "user.tags.id:2",
            "a.b:1",
            "a.b:2",
            "no:null",
            "yes:true",
        ] {
            assert_eq!(parameter(holds).check(&parameters, &[]), Answer::Holds, "{holds}");
        }
        for does_not_hold in [
            "width:65",
            r#"width:"64""#,
            "width:>64",
            "width:<64",
            "width:>a",
            "big:9007199254740992",
            "zip:>5",
            "zip:64.0",
            "title:a",
            r#"title:"A b""#,
            "paid:false",
            "paid:>false",
            r#"paid:"true""#,
            "none:0",
            r#"none:"null""#,
            "none:>a",
            "tags:blue",
            "tags:>7",
            "user.tags.id:3",
            "user.tags:1",
            "wid:64",
            "widths:64",
            "width.x:64",
            "a.b:3",
            "a:1",
            "missing:null",
            "ratio:x",
        ] {
            assert_eq!(parameter(does_not_hold).check(&parameters, &[]), Answer::DoesNotHold, "{does_not_hold}");
        }
        assert_eq!(parameter("param.user:ada").check(&parameters, &[]), Answer::DoesNotHold);
        assert_eq!(parameter("x:1").check(&json!("x:1"), &[]), Answer::DoesNotHold);
    }

    #[test]
    fn a_secret_says_nothing() {
        let parameters = json!({"pin": {"$secret": 1234}, "token": {"inner": 1}, "open": 1});
        for text in ["pin:1234", "pin:>0", "pin.$secret:1234"] {
            assert_eq!(parameter(text).check(&parameters, &["token"]), Answer::Secret("pin"), "{text}");
        }
        assert_eq!(parameter("token.inner:1").check(&parameters, &["token"]), Answer::Secret("token"));
        assert_eq!(parameter("open:1").check(&parameters, &["token"]), Answer::Holds);
    }
}
