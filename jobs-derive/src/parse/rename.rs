//! The names that serde's `rename_all` gives to fields.

/// A rule of `rename_all`, for names in snake case.
#[derive(Clone, Copy, Default)]
pub(crate) enum Rename {
    #[default]
    None,
    Upper,
    Camel,
    Pascal,
    Kebab,
    ScreamingKebab,
}

impl Rename {
    /// The rule of this name. An unknown one renames nothing: serde reports it.
    pub(crate) fn of(rule: &str) -> Self {
        match rule {
            "UPPERCASE" | "SCREAMING_SNAKE_CASE" => Self::Upper,
            "camelCase" => Self::Camel,
            "PascalCase" => Self::Pascal,
            "kebab-case" => Self::Kebab,
            "SCREAMING-KEBAB-CASE" => Self::ScreamingKebab,
            _ => Self::None,
        }
    }

    pub(crate) fn apply(self, field: &str) -> String {
        match self {
            Self::None => field.to_owned(),
            Self::Upper => field.to_ascii_uppercase(),
            Self::Camel => uncapitalized(&pascal_case(field)),
            Self::Pascal => pascal_case(field),
            Self::Kebab => field.replace('_', "-"),
            Self::ScreamingKebab => field.to_ascii_uppercase().replace('_', "-"),
        }
    }
}

/// `send_mail` → `SendMail`
pub(crate) fn pascal_case(snake_case: &str) -> String {
    snake_case.split('_').map(capitalized).collect()
}

fn capitalized(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

fn uncapitalized(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_serde_gives() {
        for (rule, name) in [
            ("lowercase", "max_width"),
            ("snake_case", "max_width"),
            ("UPPERCASE", "MAX_WIDTH"),
            ("SCREAMING_SNAKE_CASE", "MAX_WIDTH"),
            ("camelCase", "maxWidth"),
            ("PascalCase", "MaxWidth"),
            ("kebab-case", "max-width"),
            ("SCREAMING-KEBAB-CASE", "MAX-WIDTH"),
        ] {
            assert_eq!(Rename::of(rule).apply("max_width"), name, "{rule}");
        }
    }
}
