//! What `#[event(…)]` says.

use syn::meta::ParseNestedMeta;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Attribute, Expr, ExprPath, LitInt, LitStr, Result, Token, parenthesized};

#[derive(Default)]
pub(crate) struct Attributes {
    pub(crate) event_type: Option<LitStr>,
    pub(crate) version: Option<LitInt>,
    pub(crate) aliases: Vec<LitStr>,
    /// From which version to the next, by which function.
    pub(crate) upcasters: Vec<(u32, ExprPath)>,
    pub(crate) key: Option<Expr>,
    pub(crate) local: bool,
}

impl Attributes {
    pub(crate) fn parse(attributes: &[Attribute]) -> Result<Self> {
        let mut parsed = Self::default();
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("event")) {
            attribute.parse_nested_meta(|meta| parsed.read(&meta))?;
        }
        parsed.check()?;
        Ok(parsed)
    }

    fn read(&mut self, meta: &ParseNestedMeta<'_>) -> Result<()> {
        if meta.path.is_ident("type") {
            let name = meta.value()?.parse()?;
            set(&mut self.event_type, name, meta)
        } else if meta.path.is_ident("version") {
            let version: LitInt = meta.value()?.parse()?;
            if version.base10_parse::<u32>()? == 0 {
                return Err(syn::Error::new(version.span(), "versions are counted from 1"));
            }
            set(&mut self.version, version, meta)
        } else if meta.path.is_ident("key") {
            let key = meta.value()?.parse()?;
            set(&mut self.key, key, meta)
        } else if meta.path.is_ident("alias") {
            self.aliases.push(meta.value()?.parse()?);
            Ok(())
        } else if meta.path.is_ident("upcast") {
            self.read_upcasters(meta)
        } else if meta.path.is_ident("local") {
            self.local = true;
            Ok(())
        } else {
            let known = "`type`, `version`, `key`, `alias`, `upcast` or `local`";
            Err(meta.error(format!("not known here; write {known}")))
        }
    }

    /// `upcast(1 = split_name, 2 = add_currency)`
    fn read_upcasters(&mut self, meta: &ParseNestedMeta<'_>) -> Result<()> {
        let content;
        parenthesized!(content in meta.input);
        let pairs = content.call(Punctuated::<Upcaster, Token![,]>::parse_terminated)?;
        for Upcaster { from, function } in pairs {
            let number = from.base10_parse()?;
            if self.upcasters.iter().any(|(known, _)| *known == number) {
                return Err(syn::Error::new(from.span(), "there is one for this version already"));
            }
            self.upcasters.push((number, function));
        }
        self.upcasters.sort_by_key(|(from, _)| *from);
        Ok(())
    }

    /// An upcaster that is never reached is a mistake in a number.
    fn check(&self) -> Result<()> {
        let version = self.version.as_ref().map_or(Ok(1), LitInt::base10_parse)?;
        match self.upcasters.iter().find(|(from, _)| *from == 0 || *from >= version) {
            Some((from, function)) => Err(syn::Error::new(
                function.span(),
                format!("there is no version {from} before version {version}"),
            )),
            None => Ok(()),
        }
    }
}

struct Upcaster {
    from: LitInt,
    function: ExprPath,
}

impl Parse for Upcaster {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let from = input.parse()?;
        input.parse::<Token![=]>()?;
        Ok(Self { from, function: input.parse()? })
    }
}

fn set<T>(slot: &mut Option<T>, value: T, meta: &ParseNestedMeta<'_>) -> Result<()> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(syn::Error::new(meta.path.span(), "given twice")),
    }
}
