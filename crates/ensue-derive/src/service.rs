//! What `#[service]` writes: a method that joins an open unit of work, and one that opens it.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote};
use syn::{Error, Expr, FnArg, Ident, ImplItemFn, Pat, PatIdent, Result, Type};

pub(crate) fn service(events: &Expr, method: ImplItemFn) -> Result<TokenStream> {
    check(&method)?;
    let place = transaction(&method)?;
    let opening = opening(events, &method, place);
    let joining = joining(method, place);
    Ok(quote! { #opening #joining })
}

fn check(method: &ImplItemFn) -> Result<()> {
    match method.sig.asyncness {
        Some(_) => Ok(()),
        None => Err(Error::new_spanned(&method.sig, "a service is an `async fn`")),
    }
}

/// Where among the parameters the transaction is.
fn transaction(method: &ImplItemFn) -> Result<usize> {
    let mut places =
        method.sig.inputs.iter().enumerate().filter(|(_, input)| is_transaction(input));
    match (places.next(), places.next()) {
        (Some((place, _)), None) => Ok(place),
        _ => {
            let message =
                "a service takes one `tx: &mut Tx`, in which the unit of work is handed on";
            Err(Error::new_spanned(&method.sig.inputs, message))
        }
    }
}

fn is_transaction(input: &FnArg) -> bool {
    let FnArg::Typed(input) = input else { return false };
    let Type::Reference(reference) = &*input.ty else { return false };
    let Type::Path(path) = &*reference.elem else { return false };
    let name = path.path.segments.last().map(|segment| segment.ident.to_string());
    reference.mutability.is_some() && name.is_some_and(|name| name == "Tx")
}

/// The method under its own name, without the transaction: one unit of work.
fn opening(events: &Expr, method: &ImplItemFn, place: usize) -> ImplItemFn {
    let mut opening = method.clone();
    let name = joined(&method.sig.ident);
    let mut arguments = Vec::new();
    for (number, input) in opening.sig.inputs.iter_mut().enumerate() {
        if let FnArg::Typed(input) = input {
            let argument = argument(&input.pat, number);
            *input.pat = Pat::Ident(plain(argument.clone()));
            arguments.push(argument);
        }
    }
    let receiver = method.sig.receiver().map(|_| quote!(self.));
    let inputs = std::mem::take(&mut opening.sig.inputs).into_iter().enumerate();
    opening.sig.inputs = inputs.filter(|(at, _)| *at != place).map(|(_, input)| input).collect();
    let tx = argument_at(method, place);
    opening.attrs.retain(|attribute| attribute.path().is_ident("doc"));
    opening.block = syn::parse_quote!({
        (#events).run(async move |#tx| #receiver #name(#(#arguments),*).await).await
    });
    opening
}

/// The method as it was written, under the name that says that it joins. Dropped before its end, it
/// takes the unit of work with it.
fn joining(mut method: ImplItemFn, place: usize) -> ImplItemFn {
    let opening = method.sig.ident.to_string();
    method.sig.ident = joined(&method.sig.ident);
    let doc = format!("As `{opening}`, in the unit of work that is open.");
    method.attrs.retain(|attribute| !attribute.path().is_ident("doc"));
    method.attrs.insert(0, syn::parse_quote!(#[doc = #doc]));
    let (tx, body) = (argument_at(&method, place), method.block);
    if let FnArg::Typed(input) = &mut method.sig.inputs[place] {
        *input.pat = Pat::Ident(plain(tx.clone()));
    }
    method.block = syn::parse_quote!({ #tx.join(async move |#tx| #body).await });
    method
}

fn joined(name: &Ident) -> Ident {
    format_ident!("{name}_in", span = name.span())
}

/// The name under which a parameter is handed on: its own, unless it is a pattern.
fn argument(pattern: &Pat, number: usize) -> Ident {
    match pattern {
        Pat::Ident(pattern) => pattern.ident.clone(),
        _ => Ident::new(&format!("argument_{number}"), Span::call_site()),
    }
}

fn argument_at(method: &ImplItemFn, place: usize) -> Ident {
    match &method.sig.inputs[place] {
        FnArg::Typed(input) => argument(&input.pat, place),
        FnArg::Receiver(_) => Ident::new("tx", Span::call_site()),
    }
}

fn plain(ident: Ident) -> PatIdent {
    PatIdent { attrs: Vec::new(), by_ref: None, mutability: None, ident, subpat: None }
}
