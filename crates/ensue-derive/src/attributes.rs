//! What `#[event(…)]` says.

use syn::meta::ParseNestedMeta;
use syn::spanned::Spanned;
use syn::{Attribute, Expr, LitInt, LitStr, Result};

#[derive(Default)]
pub(crate) struct Attributes {
    pub(crate) event_type: Option<LitStr>,
    pub(crate) version: Option<LitInt>,
    pub(crate) key: Option<Expr>,
    pub(crate) local: bool,
}

impl Attributes {
    pub(crate) fn parse(attributes: &[Attribute]) -> Result<Self> {
        let mut parsed = Self::default();
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("event")) {
            attribute.parse_nested_meta(|meta| parsed.read(&meta))?;
        }
        Ok(parsed)
    }

    fn read(&mut self, meta: &ParseNestedMeta<'_>) -> Result<()> {
        if meta.path.is_ident("type") {
            let name: LitStr = meta.value()?.parse()?;
            if name.value().trim().is_empty() {
                return Err(syn::Error::new(name.span(), "an event's type cannot be empty"));
            }
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
        } else if meta.path.is_ident("local") {
            self.local = true;
            Ok(())
        } else {
            Err(meta.error("not known here; write `type`, `version`, `key` or `local`"))
        }
    }
}

fn set<T>(slot: &mut Option<T>, value: T, meta: &ParseNestedMeta<'_>) -> Result<()> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(syn::Error::new(meta.path.span(), "given twice")),
    }
}
