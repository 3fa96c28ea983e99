//! Where the entries of a world go.

/// What the subscription does with its entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// They are handled in the process.
    Handlers,
    /// They are sent to a broker.
    Sink,
}
