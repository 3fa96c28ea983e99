//! What the derive writes.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Error, Expr, LitStr, Result};

use crate::attributes::Attributes;

pub(crate) fn event(input: &DeriveInput, root: &TokenStream) -> Result<TokenStream> {
    refuse_what_cannot_be_an_event(input)?;
    let attributes = Attributes::parse(&input.attrs)?;
    let name = &input.ident;
    let event_type = attributes.event_type.clone();
    let event_type = event_type.unwrap_or_else(|| LitStr::new(&name.to_string(), name.span()));
    let version = attributes.version.as_ref().map(|version| quote!(const VERSION: u32 = #version;));
    let local = attributes.local;
    let key = attributes.key.as_ref().map(key);
    let aliases = &attributes.aliases;
    let names = std::iter::once(&event_type).chain(aliases);
    // The span is the name's, so that the compiler shows the error there.
    let checks = names.map(|name| quote_spanned!(name.span()=> check(#name)));
    let codec = match local {
        true => local_codec(root),
        false => json_codec(input, root, &attributes),
    };
    Ok(quote! {
        const _: () = {
            use #root::assert_event_type as check;
            #(#checks;)*
        };
        #[automatically_derived]
        impl #root::EventTrait for #name {
            const TYPE: &'static str = #event_type;
            #version
            const LOCAL: bool = #local;
            const ALIASES: &'static [&'static str] = &[#(#aliases),*];
            #key
            #codec
        }
    })
}

fn refuse_what_cannot_be_an_event(input: &DeriveInput) -> Result<()> {
    if !input.generics.params.is_empty() {
        let message = "an event cannot be generic: one name stands for one payload";
        return Err(Error::new_spanned(&input.generics, message));
    }
    if matches!(input.data, Data::Union(_)) {
        return Err(Error::new_spanned(&input.ident, "a union cannot be an event"));
    }
    Ok(())
}

/// A bare name is a field; anything else is an expression of `self`.
fn key(key: &Expr) -> TokenStream {
    let value = match key {
        Expr::Path(path) if path.path.get_ident().is_some() => quote!(self.#path),
        _ => quote!(#key),
    };
    quote_spanned! {key.span()=>
        fn key(&self) -> ::core::option::Option<::std::string::String> {
            ::core::option::Option::Some(::std::string::ToString::to_string(&#value))
        }
    }
}

/// Spanned at the type, so that a missing `Serialize` is shown there.
fn json_codec(input: &DeriveInput, root: &TokenStream, attributes: &Attributes) -> TokenStream {
    let upcasters = attributes.upcasters.iter().map(|(from, function)| {
        quote!((#from, |value: #root::Value| #root::Upcast::into_result(#function(value))))
    });
    quote_spanned! {input.ident.span()=>
        fn encode(&self) -> ::core::result::Result<::std::vec::Vec<u8>, #root::PayloadError> {
            #root::encode_json(self)
        }
        fn decode(
            payload: &[u8],
            version: u32,
        ) -> ::core::result::Result<Self, #root::PayloadError> {
            const UPCASTERS: &[(u32, #root::Upcaster)] = &[#(#upcasters),*];
            #root::decode_json(payload, version, UPCASTERS)
        }
    }
}

fn local_codec(root: &TokenStream) -> TokenStream {
    let refuse = quote! {
        ::core::result::Result::Err(#root::PayloadError::local(<Self as #root::EventTrait>::TYPE))
    };
    quote! {
        fn encode(&self) -> ::core::result::Result<::std::vec::Vec<u8>, #root::PayloadError> {
            #refuse
        }
        fn decode(_: &[u8], _: u32) -> ::core::result::Result<Self, #root::PayloadError> {
            #refuse
        }
    }
}
