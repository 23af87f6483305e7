//! Texts of messages and errors, as every database takes them.

use crate::job::parameters::without_nul;

/// The longest message, and the longest reason, in bytes. The rest is cut off.
pub(crate) const MAX_TEXT_BYTES: usize = 16 * 1024;

/// A message, or the reason of an end, as every database takes it. An error can be as long as the parameters that it quotes.
pub(crate) fn storable(text: String) -> String {
    shortened(without_nul(text))
}

fn shortened(text: String) -> String {
    if text.len() <= MAX_TEXT_BYTES {
        return text;
    }
    let kept = &text[..text.floor_char_boundary(MAX_TEXT_BYTES)];
    format!("{kept}… (cut off: it had {} bytes)", text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_message_is_cut_at_a_character() {
        let text = shortened("é".repeat(MAX_TEXT_BYTES));
        assert!(text.len() < MAX_TEXT_BYTES + 60 && text.contains("cut off"));
    }
}
