//! Code as it is usually written: the tokens of a type or a short expression, without most of the spaces.

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// The text of these tokens.
pub(crate) fn written(tokens: TokenStream) -> String {
    let mut text = String::new();
    write(tokens, &mut text);
    text
}

fn write(tokens: TokenStream, text: &mut String) {
    for token in tokens {
        match token {
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::Bracket => ("[", "]"),
                    // Of a macro that has passed it on.
                    Delimiter::None => ("", ""),
                };
                text.push_str(open);
                write(group.stream(), text);
                text.push_str(close);
            }
            TokenTree::Punct(punct) if matches!(punct.as_char(), ',' | ';') => {
                text.push(punct.as_char());
                text.push(' ');
            }
            TokenTree::Punct(punct) => text.push(punct.as_char()),
            word => {
                let word = word.to_string();
                let is_of_word = |character: char| character.is_alphanumeric() || character == '_';
                if text.ends_with(is_of_word) && word.starts_with(is_of_word) {
                    text.push(' ');
                }
                text.push_str(&word);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_is_written_with_few_spaces() {
        for code in [
            "Vec<Option<std::path::PathBuf>>",
            "HashMap<String, [u8; 4]>",
            "Box<dyn Fn(u8)->u8>",
            "&'static str",
            "-5",
            "\"a , b\"",
            "Duration::from_secs(5)",
            "vec![1, 2]",
        ] {
            assert_eq!(written(code.parse().unwrap()), code);
        }
    }
}
