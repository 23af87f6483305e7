//! Who acts.

use super::{Action, Role};

/// Somebody who acts, and what they may do: for [`acting_as`](crate::acting_as).
///
/// ```
/// # use jobs::{Action, Principal, Role};
/// let ada = Principal::new("ada", Role::Operator).with_origin("203.0.113.7").allow(Action::Delete).deny(Action::PauseQueue);
/// assert!(ada.may(Action::Retry) && ada.may(Action::Delete));
/// assert!(!ada.may(Action::PauseQueue));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Principal {
    name: String,
    role: Role,
    origin: Option<String>,
    /// What differs from the role: no action is in both.
    allowed: Vec<Action>,
    denied: Vec<Action>,
}

impl Principal {
    /// Creates a principal with the actions of this role. The name is what the audit shows: 1 to 200 characters, without control
    /// characters, and without white space around it. It is validated when something is changed.
    pub fn new(name: impl Into<String>, role: Role) -> Self {
        Self { name: name.into(), role, origin: None, allowed: Vec::new(), denied: Vec::new() }
    }

    /// Sets where the principal acts from, such as an address. The audit shows it. Limits are those of the name.
    pub fn with_origin(mut self, origin: impl Into<String>) -> Self {
        self.origin = Some(origin.into());
        self
    }

    /// Allows this action, whatever the role says.
    pub fn allow(mut self, action: Action) -> Self {
        self.denied.retain(|denied| *denied != action);
        self.allowed.push(action);
        self
    }

    /// Denies this action, whatever the role says.
    pub fn deny(mut self, action: Action) -> Self {
        self.allowed.retain(|allowed| *allowed != action);
        self.denied.push(action);
        self
    }

    /// Whether this action is allowed.
    #[must_use]
    pub fn may(&self, action: Action) -> bool {
        self.allowed.contains(&action) || (self.role.includes(action) && !self.denied.contains(&action))
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The role.
    #[must_use]
    pub const fn role(&self) -> Role {
        self.role
    }

    /// Where the principal acts from.
    #[must_use]
    pub fn origin(&self) -> Option<&str> {
        self.origin.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_word_on_an_action_counts() {
        for role in Role::ALL {
            for action in Action::ALL {
                let principal = Principal::new("ada", *role);
                assert_eq!(principal.may(*action), role.includes(*action));
                assert!(principal.clone().deny(*action).allow(*action).may(*action));
                assert!(!principal.allow(*action).deny(*action).may(*action));
            }
        }
    }
}
