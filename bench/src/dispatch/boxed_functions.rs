//! The reference: a list of boxed functions for each type, and no looking for it.

use super::types::{Listen, Raise, Ticked, look_at, with_types};

/// A handler that is known at run time only.
pub type BoxedFunction<E> = Box<dyn Fn(&E) + Send + Sync>;

/// Where the functions of a type are.
pub trait Boxed: Sized {
    /// The list itself: which one is known when the code is compiled.
    fn functions(all: &mut BoxedFunctions) -> &mut Vec<BoxedFunction<Self>>;
}

macro_rules! define_lists {
    ([$($one:ident)*] [$($few:ident)*] [$($many:ident)*]) => {
        define_lists! { $($one)* $($few)* $($many)* }
    };
    ($($event:ident)*) => {
        /// A list for each type.
        #[derive(Default)]
        #[expect(non_snake_case, reason = "a list goes by the name of its type")]
        pub struct BoxedFunctions {
            $($event: Vec<BoxedFunction<super::types::$event>>,)*
        }

        $(impl Boxed for super::types::$event {
            fn functions(all: &mut BoxedFunctions) -> &mut Vec<BoxedFunction<Self>> {
                &mut all.$event
            }
        })*
    };
}

with_types!(define_lists);

impl Listen for BoxedFunctions {
    fn listen<E: Ticked>(&mut self, handlers: u32) {
        let boxed = |_| -> BoxedFunction<E> { Box::new(look_at) };
        E::functions(self).extend((0..handlers).map(boxed));
    }
}

impl Raise for BoxedFunctions {
    fn raise<E: Ticked>(&mut self, event: E) {
        for function in E::functions(self) {
            function(&event);
        }
    }
}
