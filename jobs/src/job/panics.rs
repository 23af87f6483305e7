//! Where code panics: a caught panic does not say; only the panic hook is told.

use std::any::Any;
use std::cell::Cell;
use std::panic::{self, PanicHookInfo, resume_unwind};
use std::sync::Once;
use std::thread;

/// A panic, as the hook was told of it.
struct Seen {
    text: Option<String>,
    /// File, line and column.
    place: String,
}

thread_local! {
    /// The latest panic of this thread.
    static LATEST: Cell<Option<Seen>> = const { Cell::new(None) };
}

/// Remembers the place of each panic from now on, and calls the hook that the program had set. If the program sets another one later,
/// places are unknown.
pub(crate) fn remember_places() {
    static ONCE: Once = Once::new();
    // A thread that panics may not set the hook.
    if !thread::panicking() {
        ONCE.call_once(|| {
            let next = panic::take_hook();
            panic::set_hook(Box::new(move |info| {
                remember(info);
                next(info);
            }));
        });
    }
}

fn remember(info: &PanicHookInfo<'_>) {
    if let Some(place) = info.location() {
        let seen = Seen { text: info.payload_as_str().map(str::to_owned), place: place.to_string() };
        // A thread that ends may have none any more.
        let _ = LATEST.try_with(|latest| latest.set(Some(seen)));
    }
}

/// Describes a panic that this thread has just caught, with its place if that is known.
pub(crate) fn reason(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    // The latest may be another one that the code has caught itself.
    let place = LATEST.take().filter(|seen| seen.text.as_deref() == text).map(|seen| seen.place);
    let text = text.unwrap_or("with a value that is no text");
    place.map_or_else(|| format!("panicked: {text}"), |place| format!("panicked at {place}: {text}"))
}

/// A panic on its way from the thread that has caught it to the one that waits.
pub(crate) struct Caught {
    value: Box<dyn Any + Send>,
    seen: Option<Seen>,
}

impl Caught {
    /// A panic that this thread has just caught.
    pub(crate) fn new(value: Box<dyn Any + Send>) -> Self {
        Self { value, seen: LATEST.take() }
    }

    /// Continues the panic on this thread.
    pub(crate) fn resume(self) -> ! {
        LATEST.set(self.seen);
        resume_unwind(self.value)
    }
}
