//! What went wrong, in words.

use std::any::Any;
use std::error::Error;

/// An error and what is behind it, in one line.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut words = error.to_string();
    let mut behind = error.source();
    while let Some(source) = behind {
        let source_words = source.to_string();
        // Many errors already speak for their source.
        if !words.contains(&source_words) {
            words = format!("{words}: {source_words}");
        }
        behind = source.source();
    }
    words
}

/// What a panic said.
pub(crate) fn words_of(panic: &(dyn Any + Send)) -> String {
    let literal = panic.downcast_ref::<&str>().map(|words| (*words).to_owned());
    let formatted = || panic.downcast_ref::<String>().cloned();
    literal.or_else(formatted).unwrap_or_else(|| "a panic without words".to_owned())
}
