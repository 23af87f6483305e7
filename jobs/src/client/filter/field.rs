//! The fields of the language, and what is likely to be meant by what is none.

use super::condition::Label;

/// A field with a meaning of its own; every other one is a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Id,
    Status,
    Label(Label),
    Key,
    Error,
    Since,
    Until,
    Is,
}

/// What comes before a parameter that has the name of a field.
pub(super) const PARAMETER: &str = "param.";

/// What others call our fields.
const SYNONYMS: [(&str, Field); 4] =
    [("state", Field::Status), ("owner", Field::Label(Label::User)), ("after", Field::Since), ("before", Field::Until)];

impl Field {
    const ALL: [Self; 12] = [
        Self::Id,
        Self::Status,
        Self::Label(Label::Name),
        Self::Label(Label::Queue),
        Self::Label(Label::User),
        Self::Label(Label::Session),
        Self::Label(Label::Event),
        Self::Key,
        Self::Error,
        Self::Since,
        Self::Until,
        Self::Is,
    ];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Status => "status",
            Self::Label(Label::Name) => "name",
            Self::Label(Label::Queue) => "queue",
            Self::Label(Label::User) => "user",
            Self::Label(Label::Session) => "session",
            Self::Label(Label::Event) => "event",
            Self::Key => "key",
            Self::Error => "error",
            Self::Since => "since",
            Self::Until => "until",
            Self::Is => "is",
        }
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|field| field.as_str() == name)
    }

    /// The field that is likely to be meant by a name that is none.
    pub(super) fn like(name: &str) -> Option<Self> {
        let synonym = SYNONYMS.into_iter().find(|(synonym, _)| synonym.eq_ignore_ascii_case(name));
        let names = Self::ALL.into_iter().map(Self::as_str);
        synonym.map(|(_, field)| field).or_else(|| nearest(name, names).and_then(Self::named))
    }

    /// Whether a parameter of this name has to be marked as one.
    pub(super) fn mistakes_for(name: &str) -> bool {
        name.starts_with(PARAMETER) || Self::named(name).is_some() || Self::like(name).is_some()
    }
}

/// The name from which a misspelled one differs least, if that is little for its length.
pub(super) fn nearest<'n>(misspelled: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let misspelled = misspelled.to_lowercase();
    let near = |name: &&str| distance(&misspelled, name);
    // Of short words too many are alike.
    names.min_by_key(near).filter(|name| near(name) <= name.len() / 4)
}

/// How many letters have to be added, left out, replaced, or exchanged with their neighbor.
fn distance(one: &str, other: &str) -> usize {
    let (one, other): (Vec<_>, Vec<_>) = (one.chars().collect(), other.chars().collect());
    let mut rows = vec![(0..=other.len()).collect::<Vec<_>>()];
    for (i, letter) in one.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, expected) in other.iter().enumerate() {
            let replaced = rows[i][j] + usize::from(letter != expected);
            let mut least = replaced.min(rows[i][j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *letter == other[j - 1] && one[i - 1] == *expected {
                least = least.min(rows[i - 1][j - 1] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[one.len()][other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelled_field_is_recognized() {
        for (name, field) in [
            ("staus", "status"),
            ("sttaus", "status"),
            ("Status", "status"),
            ("queues", "queue"),
            ("eror", "error"),
            ("form", ""),
            ("size", ""),
            ("width", ""),
            ("to", ""),
            ("IS", "is"),
            ("keys", ""),
            ("state", "status"),
            ("owner", "user"),
            ("before", "until"),
            ("user.name", ""),
            ("", ""),
        ] {
            assert_eq!(Field::like(name).map_or("", Field::as_str), field, "{name}");
        }
    }

    #[test]
    fn distance_counts_letters_and_exchanges() {
        for (one, other, expected) in
            [("", "", 0), ("", "abc", 3), ("abc", "abc", 0), ("abc", "acb", 1), ("abc", "xbcd", 2), ("äb", "ab", 1)]
        {
            assert_eq!(distance(one, other), expected, "{one} {other}");
        }
    }
}
