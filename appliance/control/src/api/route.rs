//! A typed route: one entry of the table gives routing, who may call it, its limits, the types of its body and
//! answer, and its part of the OpenAPI document. So none of them can differ from the others.

use super::call::Call;
use super::problem::json_answer;
use crate::refusal::Refusal;
use automation::fault::Code;
use futures_util::future::BoxFuture;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::marker::PhantomData;
use std::sync::Arc;
use utoipa::openapi::schema::{ArrayBuilder, Schema};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};
use warp::http::{Method, StatusCode};
use warp::reply::Response;

/// Who may call a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Anybody who reaches the page.
    Open,
    /// Who is signed in.
    SignedIn,
}

/// Collected schemas by name.
pub type Schemas = Vec<(String, RefOr<Schema>)>;
/// Answers the schema of a type, and adds to the collection what it refers to.
pub type SchemaOf = fn(&mut Schemas) -> RefOr<Schema>;

/// What a route's body is.
#[derive(Clone, Copy, Debug)]
pub enum Takes {
    /// None; what comes is not read.
    Nothing,
    /// A JSON document; where not `required`, an empty body stands for `{}`.
    Json {
        /// Its schema.
        schema: SchemaOf,
        /// Whether it must be there.
        required: bool,
    },
    /// A file, streamed, up to so many bytes.
    File {
        /// Limit in bytes.
        bytes_max: u64,
    },
}

/// What a route answers when it does not refuse.
#[derive(Clone, Copy, Debug)]
pub enum Gives {
    /// Nothing but its status.
    Empty,
    /// A JSON document.
    Json(SchemaOf),
    /// A file of one of these content types.
    File(&'static [&'static str]),
    /// Server-sent events, each with such a document.
    Events(SchemaOf),
    /// A WebSocket.
    Socket,
}

/// A parameter after the `?`.
#[derive(Clone, Copy, Debug)]
pub struct QueryParameter {
    /// Its name.
    pub name: &'static str,
    /// What it says.
    pub text: &'static str,
    /// Highest number where it is a count from 1 on; a text where not.
    pub count_max: Option<usize>,
}

/// What does the work of a route.
pub type Handler = Arc<dyn Fn(Call) -> BoxFuture<'static, Result<Response, Refusal>> + Send + Sync>;

/// One route of the table.
#[derive(Clone)]
pub struct Route {
    /// Method.
    pub method: Method,
    /// Path below `/api/v1`; `{name}` is a parameter.
    pub path: &'static str,
    /// Its id in the OpenAPI document.
    pub operation: &'static str,
    /// Group in the document.
    pub tag: &'static str,
    /// One line on what it does.
    pub summary: &'static str,
    /// Who may call it.
    pub scope: Scope,
    /// Parameters after the `?`.
    pub query: &'static [QueryParameter],
    /// Its body.
    pub takes: Takes,
    /// Its answer.
    pub gives: Gives,
    /// Status of its answer.
    pub status: StatusCode,
    /// Refusals of its own, beside those of every route.
    pub refuses: Vec<Code>,
    /// What does the work.
    pub handler: Handler,
}

impl Route {
    /// Whether it changes something, so that it needs the mark against forged requests.
    pub fn changes(&self) -> bool {
        !matches!(self.method, Method::GET | Method::HEAD)
    }

    /// The names of its path's parameters.
    pub fn parameters(&self) -> impl Iterator<Item = &'static str> {
        self.path.split('/').filter_map(|part| part.strip_prefix('{')?.split_once('}').map(|(name, _)| name))
    }
}

/// A route under construction, with the types of its body `B` and its answer `A`.
pub struct Entry<B, A> {
    route: Route,
    types: PhantomData<fn(B) -> A>,
}

/// The body of a route that takes none.
pub struct NoBody;

/// Begins a route for those who are signed in.
pub fn route(
    method: Method,
    path: &'static str,
    operation: &'static str,
    tag: &'static str,
    summary: &'static str,
) -> Entry<NoBody, ()> {
    // In its place until the entry is ended, which is the only way to a route.
    let handler: Handler = Arc::new(|_| Box::pin(async { Err(Refusal::new(Code::Internal)) }));
    Entry {
        route: Route {
            method,
            path,
            operation,
            tag,
            summary,
            scope: Scope::SignedIn,
            query: &[],
            takes: Takes::Nothing,
            gives: Gives::Empty,
            status: StatusCode::NO_CONTENT,
            refuses: Vec::new(),
            handler,
        },
        types: PhantomData,
    }
}

impl<B, A> Entry<B, A> {
    fn retype<C, D>(self) -> Entry<C, D> {
        Entry { route: self.route, types: PhantomData }
    }

    /// Anybody may call it.
    pub fn open(mut self) -> Self {
        self.route.scope = Scope::Open;
        self
    }

    /// It takes a JSON document.
    pub fn takes<T: ToSchema + DeserializeOwned>(mut self) -> Entry<T, A> {
        self.route.takes = Takes::Json { schema: schema_of::<T>, required: true };
        self.retype()
    }

    /// It takes a JSON document, or an empty body for one where everything is left as usual.
    pub fn may_take<T: ToSchema + DeserializeOwned>(mut self) -> Entry<T, A> {
        self.route.takes = Takes::Json { schema: schema_of::<T>, required: false };
        self.retype()
    }

    /// It takes a file.
    pub fn takes_file(mut self, bytes_max: u64) -> Self {
        self.route.takes = Takes::File { bytes_max };
        self
    }

    /// It answers a JSON document.
    pub fn gives<T: ToSchema + Serialize>(mut self, status: u16) -> Entry<B, T> {
        self.route.gives = Gives::Json(schema_of::<T>);
        self.status(status).retype()
    }

    /// It answers a list.
    pub fn lists<T: ToSchema + Serialize>(mut self) -> Entry<B, Vec<T>> {
        self.route.gives = Gives::Json(list_of::<T>);
        self.status(200).retype()
    }

    /// It answers something that is no JSON document.
    pub fn gives_other(mut self, status: u16, gives: Gives) -> Self {
        self.route.gives = gives;
        self.status(status)
    }

    /// It answers nothing but this status.
    pub fn status(mut self, status: u16) -> Self {
        self.route.status = StatusCode::from_u16(status).expect("the table holds statuses of HTTP");
        self
    }

    /// It refuses in these ways too.
    pub fn refuses(mut self, codes: &[Code]) -> Self {
        self.route.refuses.extend_from_slice(codes);
        self
    }

    /// It has these parameters after the `?`.
    pub fn query(mut self, query: &'static [QueryParameter]) -> Self {
        self.route.query = query;
        self
    }

    /// Ends it with a handler that builds the whole answer: cookies, streams, files.
    pub fn answered<F, W>(mut self, work: F) -> Route
    where
        F: Fn(Call) -> W + Send + Sync + 'static,
        W: Future<Output = Result<Response, Refusal>> + Send + 'static,
    {
        self.route.handler = Arc::new(move |call| Box::pin(work(call)));
        self.route
    }
}

impl<A: Serialize + 'static> Entry<NoBody, A> {
    /// Ends it with what does the work.
    pub fn by<F, W>(self, work: F) -> Route
    where
        F: Fn(Call) -> W + Send + Sync + 'static,
        W: Future<Output = Result<A, Refusal>> + Send + 'static,
    {
        let (status, gives) = (self.route.status, self.route.gives);
        let work = Arc::new(work);
        self.answered(move |call| {
            let work = work.clone();
            async move { Ok(json_answer(status, gives, &work(call).await?)) }
        })
    }
}

impl<B: DeserializeOwned + Send + 'static, A: Serialize + 'static> Entry<B, A> {
    /// Ends it with what does the work, given the parsed body.
    pub fn with<F, W>(self, work: F) -> Route
    where
        F: Fn(Call, B) -> W + Send + Sync + 'static,
        W: Future<Output = Result<A, Refusal>> + Send + 'static,
    {
        let (status, gives) = (self.route.status, self.route.gives);
        let required = matches!(self.route.takes, Takes::Json { required: true, .. });
        let work = Arc::new(work);
        self.answered(move |mut call| {
            let work = work.clone();
            async move {
                let body = call.json::<B>(required).await?;
                Ok(json_answer(status, gives, &work(call, body).await?))
            }
        })
    }
}

fn schema_of<T: ToSchema>(schemas: &mut Schemas) -> RefOr<Schema> {
    let name = T::name().into_owned();
    T::schemas(schemas);
    schemas.push((name.clone(), <T as PartialSchema>::schema()));
    Ref::from_schema_name(name).into()
}

fn list_of<T: ToSchema>(schemas: &mut Schemas) -> RefOr<Schema> {
    Schema::Array(ArrayBuilder::new().items(schema_of::<T>(schemas)).build()).into()
}

/// The schema of a type, for routes that say it by hand.
pub fn schema<T: ToSchema>() -> SchemaOf {
    schema_of::<T>
}
