//! A source of whatever type.

use std::pin::Pin;

use super::{Arrival, Session, Source, Tag};
use crate::BoxError;

type Boxed<'a, T> = Pin<Box<dyn Future<Output = Result<T, BoxError>> + Send + 'a>>;

pub(super) trait AnySource: Send + Sync {
    fn open_boxed(&self, prefetch: u16) -> Boxed<'_, Box<dyn AnySession>>;
    #[cfg(feature = "testing")]
    fn drained_boxed(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}

pub(super) trait AnySession: Send {
    fn receive_boxed(&mut self) -> Boxed<'_, Vec<Arrival>>;
    fn acknowledge_boxed<'a>(&'a mut self, tags: &'a [Tag]) -> Boxed<'a, ()>;
    fn stop_boxed(&mut self) -> Boxed<'_, ()>;
    fn flush_boxed(&mut self) -> Boxed<'_, ()>;
}

impl<T: Source> AnySource for T {
    fn open_boxed(&self, prefetch: u16) -> Boxed<'_, Box<dyn AnySession>> {
        Box::pin(async move {
            let session: Box<dyn AnySession> = Box::new(self.open(prefetch).await?);
            Ok(session)
        })
    }

    #[cfg(feature = "testing")]
    fn drained_boxed(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(self.drained())
    }
}

impl<T: Session> AnySession for T {
    fn receive_boxed(&mut self) -> Boxed<'_, Vec<Arrival>> {
        Box::pin(self.receive())
    }

    fn acknowledge_boxed<'a>(&'a mut self, tags: &'a [Tag]) -> Boxed<'a, ()> {
        Box::pin(self.acknowledge(tags))
    }

    fn stop_boxed(&mut self) -> Boxed<'_, ()> {
        Box::pin(self.stop())
    }

    fn flush_boxed(&mut self) -> Boxed<'_, ()> {
        Box::pin(self.flush())
    }
}
