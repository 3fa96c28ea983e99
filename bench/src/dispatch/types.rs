//! Events that are alike but for their types, and code that goes straight from one to the next.

use std::hint::black_box;

use ensue::{BoxError, Event};

use super::boxed_functions::Boxed;

/// One of many types of event: 16 bytes, of which handlers read a field.
pub trait Ticked: Event + Boxed + Clone {
    /// The event with this number.
    fn of(number: u64) -> Self;

    /// The field that handlers read.
    fn number(&self) -> u64;
}

/// What every handler does.
pub fn look_at(event: &impl Ticked) {
    #[cfg(debug_assertions)]
    super::looks::count();
    black_box(event.number());
}

/// So many types of event.
pub trait Types: Send + 'static {
    /// How many.
    const COUNT: u32;

    /// Registers so many handlers for each type.
    fn listen(listener: &mut impl Listen, handlers: u32);

    /// Raises an event of each type.
    fn raise(raiser: &mut impl Raise, number: u64);

    /// Raises an event of each type and waits for each.
    fn publish(
        publisher: &mut impl Publish,
        number: u64,
    ) -> impl Future<Output = Result<(), BoxError>> + Send;
}

/// Where handlers are registered.
pub trait Listen {
    /// Registers so many handlers that [look at](look_at) an `E`.
    fn listen<E: Ticked>(&mut self, handlers: u32);
}

/// What calls the handlers of an event, or sees to it that they are called.
pub trait Raise: Send {
    /// Brings `event` to its handlers.
    fn raise<E: Ticked>(&mut self, event: E);
}

/// As [`Raise`], by a future.
pub trait Publish: Send {
    /// Brings `event` to its handlers.
    fn publish<E: Ticked>(&mut self, event: E)
    -> impl Future<Output = Result<(), BoxError>> + Send;
}

/// Hands the names of all types to a macro: the first, the others of the first sixteen, the rest.
macro_rules! with_types {
    ($macro:ident) => {
        $macro! {
            [Type000]
            [
                Type001 Type002 Type003 Type004 Type005 Type006 Type007 Type008 Type009 Type010
                Type011 Type012 Type013 Type014 Type015
            ]
            [
                Type016 Type017 Type018 Type019 Type020 Type021 Type022 Type023 Type024 Type025
                Type026 Type027 Type028 Type029 Type030 Type031 Type032 Type033 Type034 Type035
                Type036 Type037 Type038 Type039 Type040 Type041 Type042 Type043 Type044 Type045
                Type046 Type047 Type048 Type049 Type050 Type051 Type052 Type053 Type054 Type055
                Type056 Type057 Type058 Type059 Type060 Type061 Type062 Type063 Type064 Type065
                Type066 Type067 Type068 Type069 Type070 Type071 Type072 Type073 Type074 Type075
                Type076 Type077 Type078 Type079 Type080 Type081 Type082 Type083 Type084 Type085
                Type086 Type087 Type088 Type089 Type090 Type091 Type092 Type093 Type094 Type095
                Type096 Type097 Type098 Type099 Type100 Type101 Type102 Type103 Type104 Type105
                Type106 Type107 Type108 Type109 Type110 Type111 Type112 Type113 Type114 Type115
                Type116 Type117 Type118 Type119 Type120 Type121 Type122 Type123 Type124 Type125
                Type126 Type127 Type128 Type129 Type130 Type131 Type132 Type133 Type134 Type135
                Type136 Type137 Type138 Type139 Type140 Type141 Type142 Type143 Type144 Type145
                Type146 Type147 Type148 Type149 Type150 Type151 Type152 Type153 Type154 Type155
                Type156 Type157 Type158 Type159 Type160 Type161 Type162 Type163 Type164 Type165
                Type166 Type167 Type168 Type169 Type170 Type171 Type172 Type173 Type174 Type175
                Type176 Type177 Type178 Type179 Type180 Type181 Type182 Type183 Type184 Type185
                Type186 Type187 Type188 Type189 Type190 Type191 Type192 Type193 Type194 Type195
                Type196 Type197 Type198 Type199 Type200 Type201 Type202 Type203 Type204 Type205
                Type206 Type207 Type208 Type209 Type210 Type211 Type212 Type213 Type214 Type215
                Type216 Type217 Type218 Type219 Type220 Type221 Type222 Type223 Type224 Type225
                Type226 Type227 Type228 Type229 Type230 Type231 Type232 Type233 Type234 Type235
                Type236 Type237 Type238 Type239 Type240 Type241 Type242 Type243 Type244 Type245
                Type246 Type247 Type248 Type249 Type250 Type251 Type252 Type253 Type254 Type255
            ]
        }
    };
}
pub(super) use with_types;

macro_rules! define_types {
    ([$($one:ident)*] [$($few:ident)*] [$($many:ident)*]) => {
        define_events! { $($one)* $($few)* $($many)* }
        count_types! { One: 1; $($one)* }
        count_types! { Sixteen: 16; $($one)* $($few)* }
        count_types! { TwoHundredFiftySix: 256; $($one)* $($few)* $($many)* }
    };
}

macro_rules! define_events {
    ($($event:ident)*) => {$(
        #[derive(Debug, Clone, Event)]
        #[event(local)]
        pub(super) struct $event {
            number: u64,
            _amount: u64,
        }

        impl Ticked for $event {
            fn of(number: u64) -> Self {
                Self { number, _amount: number }
            }

            fn number(&self) -> u64 {
                self.number
            }
        }
    )*};
}

macro_rules! count_types {
    ($name:ident: $count:literal; $($event:ident)*) => {
        #[doc = concat!($count, " of them.")]
        #[derive(Debug)]
        pub struct $name;

        impl Types for $name {
            const COUNT: u32 = $count;

            fn listen(listener: &mut impl Listen, handlers: u32) {
                $(listener.listen::<$event>(handlers);)*
            }

            fn raise(raiser: &mut impl Raise, number: u64) {
                $(raiser.raise($event::of(black_box(number)));)*
            }

            async fn publish(
                publisher: &mut impl Publish,
                number: u64,
            ) -> Result<(), BoxError> {
                $(publisher.publish($event::of(black_box(number))).await?;)*
                Ok(())
            }
        }
    };
}

with_types!(define_types);
