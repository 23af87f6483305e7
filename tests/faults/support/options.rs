//! `--seed N`: what happens is drawn from it. `--minutes N`: about how long all cases of one database take together; without it,
//! they have their short form.

use std::sync::OnceLock;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Options {
    pub(crate) seed: u64,
    minutes: Option<u64>,
}

/// How many cases run at once: each has some forty connections, and a server a hundred.
const THREADS: &str = "2";

static OPTIONS: OnceLock<Options> = OnceLock::new();

impl Options {
    /// Takes its own options from the arguments of the program, and returns the others.
    pub(crate) fn take(arguments: impl Iterator<Item = String>) -> Result<Vec<String>, String> {
        let mut options = Self { seed: 1, minutes: None };
        let (mut others, mut arguments) = (Vec::new(), arguments);
        while let Some(argument) = arguments.next() {
            let mut number = || {
                let number = arguments.next().and_then(|number| number.parse().ok());
                number.ok_or_else(|| format!("{argument} needs a number"))
            };
            match argument.as_str() {
                "--seed" => options.seed = number()?,
                "--minutes" => options.minutes = Some(number()?),
                _ => others.push(argument),
            }
        }
        if !others.iter().any(|argument| argument.starts_with("--test-threads")) {
            others.extend(["--test-threads".into(), THREADS.into()]);
        }
        OPTIONS.get_or_init(|| options);
        Ok(others)
    }

    pub(crate) fn get() -> Self {
        *OPTIONS.get().expect("they were taken when the program started")
    }

    /// The number of faults, given the numbers for the short form and for an hour.
    pub(crate) fn rounds(self, short: u64, in_an_hour: u64) -> u64 {
        self.minutes.map_or(short, |minutes| (minutes * in_an_hour).div_ceil(60))
    }
}
