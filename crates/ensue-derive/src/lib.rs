//! `#[derive(Event)]` for [ensue](https://docs.rs/ensue).
//!
//! The macro is documented where it is used: on the trait `Event`. It exists twice, once for each
//! crate that re-exports it, because what it writes has to name that crate.

mod attributes;
mod expand;

use proc_macro::TokenStream;
use quote::quote;
use syn::{DeriveInput, parse_macro_input};

/// Derives `ensue_core::Event`; re-exported by `ensue-core`.
#[proc_macro_derive(Event, attributes(event))]
pub fn event(input: TokenStream) -> TokenStream {
    derive(&parse_macro_input!(input as DeriveInput), &quote!(::ensue_core::__private))
}

/// Derives `ensue::Event`; re-exported by `ensue` as `Event`.
#[proc_macro_derive(EventOfEnsue, attributes(event))]
pub fn event_of_ensue(input: TokenStream) -> TokenStream {
    derive(&parse_macro_input!(input as DeriveInput), &quote!(::ensue::__private))
}

fn derive(input: &DeriveInput, root: &proc_macro2::TokenStream) -> TokenStream {
    expand::event(input, root).unwrap_or_else(|error| error.to_compile_error()).into()
}
