//! Stored text, made safe to print: someone who can schedule a job must not control the terminal of someone who lists it.

use std::fmt::Write as _;

/// Makes text safe, on one line. Characters that would control a terminal, or change the direction of text, become escapes.
pub(super) fn line(text: &str) -> String {
    visible(text, |_| false)
}

/// Makes text safe, but keeps line breaks.
pub(super) fn lines(text: &str) -> String {
    visible(&text.replace("\r\n", "\n"), |character| character == '\n')
}

/// The first characters on one line, with a mark if there are more.
pub(super) fn beginning(text: &str, characters: usize) -> String {
    match text.char_indices().nth(characters) {
        Some((end, _)) => line(&text[..end]) + "…",
        None => line(text),
    }
}

/// Makes JSON safe without changing its meaning: control characters occur only in strings, where escapes can replace them.
pub(super) fn json(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        if is_hostile(character) && character != '\n' {
            for unit in character.encode_utf16(&mut [0; 2]) {
                // Writing to a String can't fail.
                let _ = write!(safe, "\\u{unit:04x}");
            }
        } else {
            safe.push(character);
        }
    }
    safe
}

fn visible(text: &str, stays: impl Fn(char) -> bool) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        if is_hostile(character) && !stays(character) {
            safe.extend(character.escape_default());
        } else {
            safe.push(character);
        }
    }
    safe
}

/// Control characters, including C1, and characters that are invisible or change the direction of text. Not joiners: emoji need them.
fn is_hostile(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTILE: &str = "a\u{1b}[2J\u{9b}31m\u{7}\r\t\u{202e}\u{e0041}z";

    #[test]
    fn what_controls_a_terminal_is_shown_as_its_code() {
        assert_eq!(line(HOSTILE), r"a\u{1b}[2J\u{9b}31m\u{7}\r\t\u{202e}\u{e0041}z");
    }

    #[test]
    fn line_breaks_stay_only_where_they_may() {
        assert_eq!(line("one\ntwo"), r"one\ntwo");
        assert_eq!(lines("one\r\ntwo\rthree"), "one\ntwo\\rthree");
    }

    #[test]
    fn letters_of_all_kinds_stay() {
        for text in ["Grüße", "שלום", "e\u{301}", "👩\u{200d}🔧", "`quoted` \\ \"twice\""] {
            assert_eq!(line(text), text);
        }
    }

    #[test]
    fn json_says_the_same_without_what_controls_a_terminal() {
        let value = serde_json::json!({ HOSTILE: [HOSTILE, "Grüße"] });
        let safe = json(&format!("{value:#}"));
        assert!(!safe.chars().any(|character| is_hostile(character) && character != '\n'), "{safe:?}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&safe).unwrap(), value);
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        assert_eq!(beginning("äöü", 3), "äöü");
        assert_eq!(beginning("äöü", 2), "äö…");
    }
}
