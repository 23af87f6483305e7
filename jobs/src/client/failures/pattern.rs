//! What errors of one kind have in common.

/// Stands for a number or an identifier.
const VALUE: char = '#';
/// Stands for what is in quotes.
const QUOTED: char = '…';

/// How many characters of a line are compared.
const LENGTH: usize = 200;

/// The shortest text to search for.
const LEAST: usize = 4;

/// The first line of an error, in which what differs from job to job is replaced.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Pattern {
    pub(super) text: String,
}

impl Pattern {
    /// The pattern of an error. `None` if it is empty.
    pub(super) fn of(error: &str) -> Option<Self> {
        let line = error.lines().map(str::trim).find(|line| !line.is_empty())?;
        let line = line.char_indices().nth(LENGTH).map_or(line, |(end, _)| &line[..end]);
        Some(Self { text: joined(&replaced(line)) })
    }

    /// The longest part that is in each error of this kind. `None` if all are short.
    pub(super) fn longest_literal(&self) -> Option<&str> {
        let literals = self.text.split([VALUE, QUOTED]).map(str::trim);
        // The first of several.
        let longest = literals.rev().max_by_key(|literal| literal.chars().count())?;
        Some(longest).filter(|longest| longest.chars().count() >= LEAST)
    }
}

/// Replaces what is in quotes, and words that are values.
fn replaced(line: &str) -> String {
    let (mut text, mut rest) = (String::new(), line);
    while let Some(first) = rest.chars().next() {
        let after_word = text.chars().next_back().is_some_and(char::is_alphanumeric);
        if let Some((inner, closing)) = quoted(rest).filter(|_| !after_word) {
            text.extend([first, QUOTED, closing]);
            rest = &rest[first.len_utf8() + inner.len() + closing.len_utf8()..];
        } else {
            let end = rest.find(|character| !is_of_word(character)).unwrap_or(rest.len()).max(first.len_utf8());
            let (word, after) = rest.split_at(end);
            if is_of_word(first) {
                push_word(&mut text, word);
            } else {
                text.push_str(word);
            }
            rest = after;
        }
    }
    text
}

/// The text in quotes with which this one begins, and the closing quote.
fn quoted(text: &str) -> Option<(&str, char)> {
    let mut characters = text.chars();
    let closing = match characters.next()? {
        quote @ ('"' | '\'' | '`') => quote,
        '“' => '”',
        '‘' => '’',
        '«' => '»',
        _ => return None,
    };
    let inner = characters.as_str();
    let is_end = |(at, _): &(usize, &str)| {
        // An apostrophe in a word ends nothing.
        !inner[at + closing.len_utf8()..].starts_with(char::is_alphanumeric)
    };
    let (end, _) = inner.match_indices(closing).find(is_end)?;
    Some((&inner[..end], closing))
}

fn is_of_word(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '-' | '_')
}

/// Appends a word without its values.
fn push_word(text: &mut String, word: &str) {
    if is_identifier(word) {
        text.push(VALUE);
        return;
    }
    for part in word.split_inclusive(['-', '_']) {
        let name = part.trim_end_matches(['-', '_']);
        push_part(text, name);
        text.push_str(&part[name.len()..]);
    }
}

/// Appends a part of a word: the letters before its first digit.
fn push_part(text: &mut String, part: &str) {
    if is_identifier(part) {
        text.push(VALUE);
        return;
    }
    match part.find(|character: char| character.is_ascii_digit()) {
        Some(first_digit) => {
            text.push_str(&part[..first_digit]);
            text.push(VALUE);
        }
        None => text.push_str(part),
    }
}

/// Whether it is a hexadecimal number, a UUID, or a long mixture of letters and digits.
fn is_identifier(word: &str) -> bool {
    let digits = word.chars().filter(char::is_ascii_digit).count();
    let is_hexadecimal = word.chars().all(|character| character.is_ascii_hexdigit() || character == '-');
    (is_hexadecimal && word.len() >= 8 && digits > 0) || (word.len() >= 16 && digits >= 3)
}

/// Joins values that only signs separate: dates, times, addresses, versions.
fn joined(text: &str) -> String {
    let mut joined = String::new();
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let separates = matches!(character, '.' | ',' | ':' | '-' | '/' | '_' | '+') && joined.ends_with(VALUE);
        if (character == VALUE && joined.ends_with(VALUE)) || (separates && characters.peek() == Some(&VALUE)) {
            continue;
        }
        joined.push(character);
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(error: &str) -> String {
        Pattern::of(error).unwrap().text
    }

    #[test]
    fn what_differs_from_job_to_job_is_replaced() {
        for (error, expected) in [
            ("order 17 not found", "order # not found"),
            ("order17 and order_18 not found", "order# and order_# not found"),
            ("user \"ada lovelace\" is unknown", "user \"…\" is unknown"),
            ("user 'ada' is unknown", "user '…' is unknown"),
            ("file `/tmp/a b.png`: can't be read", "file `…`: can't be read"),
            ("timed out after 30s", "timed out after #"),
            ("took 1.5s, more than 250ms", "took #, more than #"),
            ("connect to 10.0.0.17:8080 failed", "connect to # failed"),
            ("at 2026-11-28T20:45:00.123Z", "at #"),
            ("on 28/11/2026", "on #"),
            ("0xdeadbeef at 0x7f", "# at #"),
            ("object 5f3a9c1e77 is gone", "object # is gone"),
            ("job 123e4567-e89b-12d3-a456-426614174000 is gone", "job # is gone"),
            ("token sk3f9Gh2Kw0aB7cD", "token #"),
            ("-5 is negative", "-# is negative"),
            ("naïve: 7 × Straße", "naïve: # × Straße"),
            ("no values at all", "no values at all"),
            ("the dead beef is well-defined", "the dead beef is well-defined"),
            ("\n\n  second line 2\nthird", "second line #"),
            ("it's Ada's fault, isn't it", "it's Ada's fault, isn't it"),
            ("unclosed \"quote", "unclosed \"quote"),
        ] {
            assert_eq!(pattern(error), expected, "{error}");
        }
        assert_eq!(Pattern::of(" \n "), None);
    }

    #[test]
    fn only_the_beginning_of_a_long_line_counts() {
        assert_eq!(pattern(&"ä".repeat(10_000)).chars().count(), LENGTH);
    }

    #[test]
    fn the_longest_literal_is_in_the_error() {
        for (error, literal) in [
            ("order 17 was not found", Some("was not found")),
            ("user \"ada\" at 10.0.0.1: refused", Some(": refused")),
            ("one same 1 same two", Some("one same")),
            ("17", None),
            ("a 1", None),
        ] {
            let pattern = Pattern::of(error).unwrap();
            assert_eq!(pattern.longest_literal(), literal, "{error}");
            assert!(literal.is_none_or(|literal| error.contains(literal)));
        }
    }
}
