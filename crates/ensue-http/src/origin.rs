//! What a request brings along, handed to every event that ensues from it.

mod correlation;
mod trace_context;

use std::collections::BTreeMap;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::http::{HeaderMap, HeaderName, Request, Response};
use ensue::{NameRule, Origin};
use tower::{Layer, Service};

/// Lets every event that is raised in a request carry the request's correlation id and trace
/// context, with no service handing them on: a [`tower`] layer, for axum and whatever else is made
/// of services.
///
/// - The correlation id is what the header `x-correlation-id` says, or made up; the answer says it,
///   so that who asks about an answer can name its events.
/// - The trace context is the header `traceparent` as it came
///   ([W3C Trace Context](https://www.w3.org/TR/trace-context/)); one that is not well-formed is
///   left out, as the standard has it.
///
/// It opens no transaction: that is for the service to do, around what belongs together. A request
/// is believed what it says; in front of strangers, take these headers off before.
///
/// ```
/// use axum::routing::post;
/// use ensue_http::OriginLayer;
///
/// # async fn cancel() {}
/// let app: axum::Router = axum::Router::new()
///     .route("/orders/{no}/cancel", post(cancel))
///     .layer(OriginLayer::new().carry(["x-tenant"]));
/// ```
#[derive(Debug, Clone)]
pub struct OriginLayer {
    correlation: HeaderName,
    carried: Vec<HeaderName>,
}

impl OriginLayer {
    /// The layer, with `x-correlation-id`.
    pub fn new() -> Self {
        Self { correlation: correlation::HEADER, carried: Vec::new() }
    }

    /// Takes the correlation id from the header `name`, such as `x-request-id`, and says it there.
    #[must_use]
    pub fn correlation_header(mut self, name: HeaderName) -> Self {
        self.correlation = name;
        self
    }

    /// Copies these request headers to every event, under the same names. Omits values that are not text or
    /// break the [rule](NameRule::HEADER_VALUE) for header values.
    ///
    /// # Panics
    /// If a name is none that a header can have, such as one in capital letters.
    #[must_use]
    pub fn carry(mut self, names: impl IntoIterator<Item = &'static str>) -> Self {
        self.carried.extend(names.into_iter().map(HeaderName::from_static));
        self
    }

    fn origin(&self, headers: &HeaderMap) -> Origin {
        let mut origin = Origin::default();
        origin.correlation_id = Some(correlation::of(headers, &self.correlation));
        origin.trace_context = trace_context::of(headers);
        origin.headers = self.carried_of(headers);
        origin
    }

    fn carried_of(&self, headers: &HeaderMap) -> BTreeMap<String, String> {
        let carried = self.carried.iter().filter_map(|name| {
            let value = headers.get(name)?.to_str().ok()?;
            NameRule::HEADER_VALUE.allows(value).then(|| (name.to_string(), value.to_owned()))
        });
        carried.collect()
    }
}

impl Default for OriginLayer {
    fn default() -> Self {
        Self::new()
    }
}

impl<S> Layer<S> for OriginLayer {
    type Service = OriginService<S>;

    fn layer(&self, inner: S) -> OriginService<S> {
        OriginService { layer: self.clone(), inner }
    }
}

/// A service inside an [`OriginLayer`].
#[derive(Debug, Clone)]
pub struct OriginService<S> {
    layer: OriginLayer,
    inner: S,
}

impl<S, B, A> Service<Request<B>> for OriginService<S>
where
    S: Service<Request<B>, Response = Response<A>, Future: Send> + Clone + Send + 'static,
    B: Send + 'static,
{
    type Response = Response<A>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<A>, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        // The one that is ready is called, and its clone becomes ready for the next.
        let clone = self.inner.clone();
        let mut ready = mem::replace(&mut self.inner, clone);
        let name = self.layer.correlation.clone();
        let origin = self.layer.origin(request.headers());
        let said = correlation::said(&origin);
        let answering = origin.scope(async move { ready.call(request).await });
        Box::pin(async move {
            let mut answer = answering.await?;
            if let Some(said) = said {
                answer.headers_mut().entry(name).or_insert(said);
            }
            Ok(answer)
        })
    }
}
