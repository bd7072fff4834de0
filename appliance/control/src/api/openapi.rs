//! The OpenAPI 3.1 document, made from the route table.

use super::problem::{PROBLEM_TYPE, Problem, status_of};
use super::route::{Gives, Route, Schemas, Scope, Takes, schema};
use automation::fault::Code;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use utoipa::openapi::path::{HttpMethod, OperationBuilder, ParameterBuilder, ParameterIn, PathsBuilder};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::{ComponentsBuilder, KnownFormat, ObjectBuilder, Schema, SchemaFormat, Type};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    ContentBuilder, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, PathItem, Ref, RefOr, Required, Response,
    ResponseBuilder, ServerBuilder,
};
use warp::http::{Method, StatusCode};

/// Path under which every route lies.
pub const BASE: &str = "/api/v1";

const SESSION_SCHEME: &str = "session";
const MARK_SCHEME: &str = "mark";

/// The document of a table.
pub fn document(table: &[Route]) -> Value {
    let mut document = serde_json::to_value(described(table)).expect("the document has text keys only");
    open_parts(&mut document);
    document
}

/// A schema that forbids further fields cannot be part of a larger one (`allOf`), though `serde` reads such a
/// document: those that are part of another lose the ban.
fn open_parts(document: &mut Value) {
    let mut parts = BTreeSet::new();
    find_parts(document, &mut parts);
    let schemas = document.pointer_mut("/components/schemas").and_then(Value::as_object_mut);
    for (_, schema) in schemas.into_iter().flatten().filter(|(name, _)| parts.contains(*name)) {
        if let Some(schema) = schema.as_object_mut() {
            schema.remove("additionalProperties");
        }
    }
}

fn find_parts(value: &Value, parts: &mut BTreeSet<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| find_parts(item, parts)),
        Value::Object(fields) => {
            let all_of = fields.get("allOf").and_then(Value::as_array);
            let named = all_of.into_iter().flatten().filter_map(|part| part.get("$ref")?.as_str()?.rsplit('/').next());
            parts.extend(named.map(str::to_owned));
            fields.values().for_each(|field| find_parts(field, parts));
        }
        _ => {}
    }
}

fn described(table: &[Route]) -> OpenApi {
    let mut schemas: Schemas = Vec::new();
    let mut paths = PathsBuilder::new();
    for route in table {
        paths = paths.path(route.path, PathItem::new(method(&route.method), operation(route, &mut schemas)));
    }
    let cookie = ApiKeyValue::with_description(
        super::auth::COOKIE,
        "Set by signing in. Under HTTPS its name begins with `__Host-`.",
    );
    let mark = ApiKeyValue::with_description(super::auth::MARK, "`1`; marks a request as one of the page's own.");
    let components = ComponentsBuilder::new()
        .schemas_from_iter(schemas)
        .security_scheme(SESSION_SCHEME, SecurityScheme::ApiKey(ApiKey::Cookie(cookie)))
        .security_scheme(MARK_SCHEME, SecurityScheme::ApiKey(ApiKey::Header(mark)))
        .build();
    let info = InfoBuilder::new()
        .title("Bandstand")
        .version(crate::VERSION)
        .description(Some(
            "Everything that the page does. Requests that change something need the header `X-Bandstand: 1` and, \
             where `Origin` is sent, an equal origin.",
        ))
        .license(Some(LicenseBuilder::new().name("Apache-2.0").identifier(Some("Apache-2.0")).build()))
        .build();
    OpenApiBuilder::new()
        .info(info)
        .servers(Some([ServerBuilder::new().url(BASE).build()]))
        .paths(paths)
        .components(Some(components))
        .build()
}

/// The document as text, ended by a line feed.
pub fn text(table: &[Route]) -> String {
    let mut text = serde_json::to_string_pretty(&document(table)).expect("the document has text keys only");
    text.push('\n');
    text
}

fn method(method: &Method) -> HttpMethod {
    match *method {
        Method::GET => HttpMethod::Get,
        Method::POST => HttpMethod::Post,
        Method::PUT => HttpMethod::Put,
        Method::PATCH => HttpMethod::Patch,
        Method::DELETE => HttpMethod::Delete,
        _ => unreachable!("the table uses no other method"),
    }
}

fn operation(route: &Route, schemas: &mut Schemas) -> OperationBuilder {
    let mut operation =
        OperationBuilder::new().operation_id(Some(route.operation)).tag(route.tag).summary(Some(route.summary));
    for name in route.parameters() {
        operation = operation.parameter(parameter(name, ParameterIn::Path, None, Required::True, text_schema()));
    }
    for query in route.query {
        let schema = query.count_max.map_or_else(text_schema, count_schema);
        let parameter = parameter(query.name, ParameterIn::Query, Some(query.text), Required::False, schema);
        operation = operation.parameter(parameter);
    }
    operation = operation.request_body(match route.takes {
        Takes::Nothing => None,
        Takes::Json { schema, required } => {
            let content = ContentBuilder::new().schema(Some(schema(schemas))).build();
            let required = if required { Required::True } else { Required::False };
            Some(RequestBodyBuilder::new().content("application/json", content).required(Some(required)).build())
        }
        Takes::File { .. } => {
            let content = ContentBuilder::new().schema(Some(binary())).build();
            let body = RequestBodyBuilder::new().content("application/octet-stream", content);
            Some(body.required(Some(Required::True)).build())
        }
    });
    operation = operation.response(route.status.as_str(), answer(route, schemas));
    for (status, codes) in refusals(route) {
        operation = operation.response(status.as_str(), refusal(&codes, schemas));
    }
    let mut security = SecurityRequirement::default();
    if route.scope == Scope::SignedIn {
        security = security.add::<_, [&str; 0], &str>(SESSION_SCHEME, []);
    }
    if route.changes() {
        security = security.add::<_, [&str; 0], &str>(MARK_SCHEME, []);
    }
    if security != SecurityRequirement::default() {
        operation = operation.security(security);
    }
    operation
}

fn parameter(
    name: &str,
    place: ParameterIn,
    text: Option<&str>,
    required: Required,
    schema: Schema,
) -> utoipa::openapi::path::Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(place)
        .required(required)
        .description(text)
        .schema(Some(schema))
        .build()
}

fn text_schema() -> Schema {
    Schema::Object(ObjectBuilder::new().schema_type(Type::String).build())
}

fn count_schema(max: usize) -> Schema {
    Schema::Object(ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1)).maximum(Some(max)).build())
}

fn binary() -> Schema {
    let format = SchemaFormat::KnownFormat(KnownFormat::Binary);
    Schema::Object(ObjectBuilder::new().schema_type(Type::String).format(Some(format)).build())
}

fn answer(route: &Route, schemas: &mut Schemas) -> Response {
    let response = ResponseBuilder::new().description(route.status.canonical_reason().unwrap_or("Done"));
    match route.gives {
        Gives::Empty => response.build(),
        Gives::Socket => response.description("Binary messages: one byte length of a name, the name, a JPEG.").build(),
        Gives::Json(schema) => {
            let content = ContentBuilder::new().schema(Some(schema(schemas))).build();
            response.content("application/json", content).build()
        }
        Gives::Events(schema) => {
            // OpenAPI 3.1 cannot say what an event's data is; the schema names the document that each one carries.
            let content = ContentBuilder::new().schema(Some(schema(schemas))).build();
            response.description("Events; `data` is such a document.").content("text/event-stream", content).build()
        }
        Gives::File(types) => types
            .iter()
            .fold(response, |response, kind| {
                response.content(*kind, ContentBuilder::new().schema(Some(binary())).build())
            })
            .build(),
    }
}

/// Every refusal that a route can answer, by status.
pub fn refusals(route: &Route) -> BTreeMap<StatusCode, Vec<Code>> {
    let mut codes = vec![Code::Internal];
    if route.scope == Scope::SignedIn {
        codes.push(Code::SignInNeeded);
    }
    if route.parameters().next().is_some() {
        codes.push(Code::NotFound);
    }
    if route.changes() {
        codes.extend([Code::StorageFailed, Code::TooMany]);
    }
    match route.takes {
        Takes::Nothing => {}
        Takes::Json { .. } => codes.extend([Code::RequestInvalid, Code::TooLarge]),
        Takes::File { .. } => codes.push(Code::TooLarge),
    }
    codes.extend_from_slice(&route.refuses);
    let mut by_status: BTreeMap<StatusCode, Vec<Code>> = BTreeMap::new();
    if route.changes() {
        // A forged request is forbidden, whatever it asks for.
        by_status.insert(StatusCode::FORBIDDEN, vec![Code::RequestInvalid]);
    }
    for code in codes {
        let at = by_status.entry(status_of(code)).or_default();
        if !at.contains(&code) {
            at.push(code);
        }
    }
    by_status
}

fn refusal(codes: &[Code], schemas: &mut Schemas) -> Response {
    let names: Vec<&str> = codes.iter().map(|code| code.as_str()).collect();
    let reference: RefOr<Schema> = schema::<Problem>()(schemas);
    debug_assert!(matches!(&reference, RefOr::Ref(Ref { .. })));
    let content = ContentBuilder::new().schema(Some(reference)).build();
    ResponseBuilder::new().description(format!("Refused: {}", names.join(", "))).content(PROBLEM_TYPE, content).build()
}
