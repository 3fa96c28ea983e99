//! Numbers that come round again.

/// 1, 2, 3 … up to a last one, and from the start again: which order is next.
#[derive(Debug)]
pub(crate) struct Cycle {
    last: u32,
    next: u32,
}

impl Cycle {
    pub(crate) fn to(last: u32) -> Self {
        Self { last, next: 1 }
    }

    pub(crate) fn next(&mut self) -> u32 {
        let number = self.next;
        self.next = if number == self.last { 1 } else { number + 1 };
        number
    }
}
