//! The form of a value: a hash of what serde sees. Two values of one type that look alike to serde have the
//! same form.
//!
//! The form ignores the order of elements where it may vary, as in a hash map or a hash set. JSON keeps that
//! order anyway.

use std::hash::{Hash, Hasher};

use serde::ser::{
    SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant,
};
use serde::{Serialize, Serializer};
use serde_json::Error;

/// Returns the form of a value.
pub(super) fn of(value: &impl Serialize) -> Result<u64, Error> {
    value.serialize(Former { members: None })
}

/// Returns the name of a member of the outermost struct or map whose form differs in `one` and `other`.
pub(super) fn differing_member<T: Serialize>(one: &T, other: &T) -> Option<&'static str> {
    let [mut of_one, mut of_other] = [Vec::new(), Vec::new()];
    one.serialize(Former { members: Some(&mut of_one) }).ok()?;
    other.serialize(Former { members: Some(&mut of_other) }).ok()?;
    of_one.into_iter().find(|member| !of_other.contains(member)).map(|(name, _)| name)
}

/// The members of the outermost struct and their forms.
type Members = Vec<(&'static str, u64)>;

struct Former<'m> {
    members: Option<&'m mut Members>,
}

/// The kinds of values that could otherwise have the same form.
#[derive(Hash)]
enum Kind {
    Bool,
    Integer,
    Float,
    Text,
    Bytes,
    None,
    Some,
    Unit,
    Variant,
    List,
    Tuple,
    Members,
}

fn form(kind: Kind, content: impl Hash) -> u64 {
    let mut mixer = Mixer(0);
    (kind, content).hash(&mut mixer);
    mixer.finish()
}

/// A hasher that takes a few nanoseconds per number, since raising an event hashes each of its parts twice.
/// It need not resist attackers, who would only deceive themselves.
struct Mixer(u64);

impl Hasher for Mixer {
    fn write(&mut self, bytes: &[u8]) {
        for bytes in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..bytes.len()].copy_from_slice(bytes);
            self.write_u64(u64::from_le_bytes(word));
        }
    }

    fn write_u64(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    /// Mixes the bits, so that sums of forms collide no more often than forms.
    fn finish(&self) -> u64 {
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

/// Treats all NaNs as equal.
fn float(value: f64) -> u64 {
    form(Kind::Float, if value.is_nan() { f64::NAN.to_bits() } else { value.to_bits() })
}

/// The running sum over the members of a value.
struct Parts<'m> {
    kind: Kind,
    variant: Option<&'static str>,
    total: u64,
    count: u64,
    key: u64,
    members: Option<&'m mut Members>,
}

impl<'m> Former<'m> {
    fn parts(self, kind: Kind, variant: Option<&'static str>) -> Result<Parts<'m>, Error> {
        Ok(Parts { kind, variant, total: 0, count: 0, key: 0, members: self.members })
    }
}

impl Parts<'_> {
    fn add(&mut self, part: u64) {
        self.count += 1;
        self.total = self.total.wrapping_add(part);
    }

    fn add_at_its_place(&mut self, value: &(impl Serialize + ?Sized)) -> Result<(), Error> {
        let part = (self.count, value.serialize(Former { members: None })?);
        self.add(form(Kind::Tuple, part));
        Ok(())
    }

    fn add_member(
        &mut self,
        name: &'static str,
        value: &(impl Serialize + ?Sized),
    ) -> Result<(), Error> {
        let part = value.serialize(Former { members: None })?;
        self.add(form(Kind::Members, (name, part)));
        if let Some(members) = &mut self.members {
            members.push((name, part));
        }
        Ok(())
    }

    fn finish(self) -> Result<u64, Error> {
        let Self { kind, variant, total, count, .. } = self;
        Ok(form(kind, (variant, count, total)))
    }
}

macro_rules! integers {
    ($($name:ident: $integer:ty,)*) => {
        $(fn $name(self, value: $integer) -> Result<u64, Error> {
            Ok(form(Kind::Integer, i128::from(value)))
        })*
    };
}

impl<'m> Serializer for Former<'m> {
    type Ok = u64;
    type Error = Error;
    type SerializeSeq = Parts<'m>;
    type SerializeTuple = Parts<'m>;
    type SerializeTupleStruct = Parts<'m>;
    type SerializeTupleVariant = Parts<'m>;
    type SerializeMap = Parts<'m>;
    type SerializeStruct = Parts<'m>;
    type SerializeStructVariant = Parts<'m>;

    integers! {
        serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64,
        serialize_i128: i128, serialize_u8: u8, serialize_u16: u16, serialize_u32: u32,
        serialize_u64: u64,
    }

    fn serialize_u128(self, value: u128) -> Result<u64, Error> {
        Ok(match i128::try_from(value) {
            Ok(value) => form(Kind::Integer, value),
            Err(_) => form(Kind::Integer, value),
        })
    }

    fn serialize_bool(self, value: bool) -> Result<u64, Error> {
        Ok(form(Kind::Bool, value))
    }

    fn serialize_f32(self, value: f32) -> Result<u64, Error> {
        Ok(float(value.into()))
    }

    fn serialize_f64(self, value: f64) -> Result<u64, Error> {
        Ok(float(value))
    }

    fn serialize_char(self, value: char) -> Result<u64, Error> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Result<u64, Error> {
        Ok(form(Kind::Text, value))
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<u64, Error> {
        Ok(form(Kind::Bytes, value))
    }

    fn serialize_none(self) -> Result<u64, Error> {
        Ok(form(Kind::None, ()))
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<u64, Error> {
        Ok(form(Kind::Some, value.serialize(Former { members: None })?))
    }

    fn serialize_unit(self) -> Result<u64, Error> {
        Ok(form(Kind::Unit, ()))
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<u64, Error> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<u64, Error> {
        Ok(form(Kind::Variant, variant))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<u64, Error> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<u64, Error> {
        Ok(form(Kind::Variant, (variant, value.serialize(Former { members: None })?)))
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Parts<'m>, Error> {
        self.parts(Kind::List, None)
    }

    fn serialize_tuple(self, _: usize) -> Result<Parts<'m>, Error> {
        self.parts(Kind::Tuple, None)
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Parts<'m>, Error> {
        self.parts(Kind::Tuple, None)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Parts<'m>, Error> {
        self.parts(Kind::Tuple, Some(variant))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Parts<'m>, Error> {
        self.parts(Kind::Members, None)
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Parts<'m>, Error> {
        self.parts(Kind::Members, None)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Parts<'m>, Error> {
        self.parts(Kind::Members, Some(variant))
    }
}

impl SerializeSeq for Parts<'_> {
    type Ok = u64;
    type Error = Error;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        let part = value.serialize(Former { members: None })?;
        self.add(part);
        Ok(())
    }

    fn end(self) -> Result<u64, Error> {
        self.finish()
    }
}

impl SerializeMap for Parts<'_> {
    type Ok = u64;
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Error> {
        self.key = key.serialize(Former { members: None })?;
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        let part = value.serialize(Former { members: None })?;
        self.add(form(Kind::Members, (self.key, part)));
        Ok(())
    }

    fn end(self) -> Result<u64, Error> {
        self.finish()
    }
}

/// Implements the traits for values with parts at fixed places.
macro_rules! places {
    ($($kind:ident: $part:ident,)*) => {
        $(impl $kind for Parts<'_> {
            type Ok = u64;
            type Error = Error;

            fn $part<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
                self.add_at_its_place(value)
            }

            fn end(self) -> Result<u64, Error> {
                self.finish()
            }
        })*
    };
}

places! {
    SerializeTuple: serialize_element,
    SerializeTupleStruct: serialize_field,
    SerializeTupleVariant: serialize_field,
}

/// Implements the traits for values with parts under fixed names.
macro_rules! names {
    ($($kind:ident,)*) => {
        $(impl $kind for Parts<'_> {
            type Ok = u64;
            type Error = Error;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> Result<(), Error> {
                self.add_member(name, value)
            }

            fn end(self) -> Result<u64, Error> {
                self.finish()
            }
        })*
    };
}

names! { SerializeStruct, SerializeStructVariant, }
