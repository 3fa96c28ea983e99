//! What the suite needs of a place that entries are sent to, to put a sink to the test.

use ensue::{Envelope, Sink};

/// The type of events that nobody listens to.
pub const UNHEARD: &str = "nobody.listens";

/// A place to send entries to that was made for one test. Somebody listens there for events of every
/// type but [`UNHEARD`].
pub trait Destination: Sized + Send + Sync + 'static {
    /// The sink under test.
    type Sink: Sink;

    /// A fresh one, where nothing has arrived.
    fn fresh() -> impl Future<Output = Self> + Send;

    /// A sink to it, as another process would have it: nothing is shared but the place.
    fn sink(&self) -> Self::Sink;

    /// From now on nobody is there, and whoever was connected is not; or somebody is there again.
    fn is_away(&self, is_away: bool) -> impl Future<Output = ()> + Send;

    /// The events that have arrived, in the order of their arrival, as who listens there reads them;
    /// `count` of them at least, or as many as there are after a while.
    fn received(&self, count: usize) -> impl Future<Output = Vec<Envelope>> + Send;
}
