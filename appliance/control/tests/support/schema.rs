//! Holds answers against the OpenAPI document: as much of JSON Schema 2020-12 as the document uses. What it would not
//! understand makes it fail, so that nothing goes unchecked.

use serde_json::{Map, Value};

/// The document.
pub struct Document {
    pub whole: Value,
}

impl Document {
    pub fn parse(text: &str) -> Document {
        Document { whole: serde_json::from_str(text).unwrap() }
    }

    /// Checks an answer: its status, its content type and its content are in the document.
    pub fn check(&self, method: &str, path: &str, status: u16, kind: &str, bytes: &[u8]) {
        let path = path.split('?').next().unwrap();
        let Some((template, item)) = self.path(path) else {
            assert_eq!(status, 404, "{method} {path} is not in the document");
            return;
        };
        let method = if method == "HEAD" { "get".to_owned() } else { method.to_lowercase() };
        let Some(operation) = item.get(&method) else {
            assert_eq!(status, 405, "{method} {template} is not in the document");
            return;
        };
        let at = format!("{method} {template} {status}");
        let responses = operation["responses"].as_object().unwrap();
        let response = responses.get(&status.to_string());
        // A document of the wrong kind, and part of a file, are HTTP's own and not of one operation.
        let response = match (response, status) {
            (None, 206) => responses.get("200"),
            (response, _) => response,
        };
        let response = response.unwrap_or_else(|| {
            panic!("{at}: the document does not have this status: {}", String::from_utf8_lossy(bytes))
        });
        let Some(contents) = response.get("content") else {
            assert!(bytes.is_empty(), "{at}: the document has no content for it");
            return;
        };
        let kind = kind.split(';').next().unwrap();
        let content = contents.get(kind).unwrap_or_else(|| panic!("{at}: {kind} is not in the document"));
        if kind.ends_with("json") && template != "/openapi.json" {
            let value = serde_json::from_slice(bytes).unwrap_or_else(|error| panic!("{at}: {error}"));
            let wrong = self.wrong(&content["schema"], &value, "");
            assert!(wrong.is_none(), "{at}: {}\n{value:#}", wrong.unwrap());
        }
    }

    /// Checks a value against a schema by name.
    pub fn check_as(&self, name: &str, value: &Value) {
        let wrong = self.wrong(&self.whole["components"]["schemas"][name], value, "");
        assert!(wrong.is_none(), "{name}: {}\n{value:#}", wrong.unwrap());
    }

    fn path(&self, path: &str) -> Option<(&str, &Map<String, Value>)> {
        let fits = |template: &str| {
            let (mut wanted, mut given) = (template.split('/'), path.split('/'));
            loop {
                match (wanted.next(), given.next()) {
                    (None, None) => return true,
                    (Some(wanted), Some(given)) if wanted == given || wanted.starts_with('{') && !given.is_empty() => {}
                    _ => return false,
                }
            }
        };
        let paths = self.whole["paths"].as_object()?;
        let mut found: Vec<_> = paths.iter().filter(|(template, _)| fits(template)).collect();
        found.sort_by_key(|(template, _)| template.matches('{').count());
        found.first().map(|(template, item)| (template.as_str(), item.as_object().unwrap()))
    }

    /// What is wrong with a value, and where.
    pub fn wrong(&self, schema: &Value, value: &Value, at: &str) -> Option<String> {
        if let Some(flag) = schema.as_bool() {
            return (!flag).then(|| format!("{at}: nothing may be here"));
        }
        let schema = schema.as_object().unwrap_or_else(|| panic!("{at}: {schema} is no schema"));
        for (word, rule) in schema {
            let wrong = match word.as_str() {
                "$ref" => {
                    let name = rule.as_str().unwrap().strip_prefix("#/components/schemas/").unwrap();
                    let target = self.whole["components"]["schemas"].get(name);
                    self.wrong(target.unwrap_or_else(|| panic!("{name} is missing in the document")), value, at)
                }
                "type" => self.kind(rule, value, at),
                "enum" => {
                    (!rule.as_array().unwrap().contains(value)).then(|| format!("{at}: {value} is none of {rule}"))
                }
                "required" => rule
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|name| name.as_str().unwrap())
                    .find_map(|name| value.get(name).is_none().then(|| format!("{at}.{name} is missing"))),
                "properties" => rule
                    .as_object()
                    .unwrap()
                    .iter()
                    .find_map(|(name, rule)| self.wrong(rule, value.get(name)?, &format!("{at}.{name}"))),
                "additionalProperties" => self.more(schema, rule, value, at),
                "items" => value.as_array().into_iter().flatten().enumerate().find_map(|(i, item)| {
                    let known = schema.get("prefixItems").map_or(0, |known| known.as_array().unwrap().len());
                    if i < known { None } else { self.wrong(rule, item, &format!("{at}[{i}]")) }
                }),
                "prefixItems" => rule
                    .as_array()
                    .unwrap()
                    .iter()
                    .enumerate()
                    .find_map(|(i, rule)| self.wrong(rule, value.get(i)?, &format!("{at}[{i}]"))),
                "minItems" | "maxItems" => {
                    let count = value.as_array().map(|items| items.len() as u64);
                    let limit = rule.as_u64().unwrap();
                    let bad = count.is_some_and(|count| if word == "minItems" { count < limit } else { count > limit });
                    bad.then(|| format!("{at}: {count:?} items, {word} {limit}"))
                }
                "minimum" => {
                    value.as_f64().filter(|v| *v < rule.as_f64().unwrap()).map(|v| format!("{at}: {v} is below"))
                }
                "maximum" => {
                    value.as_f64().filter(|v| *v > rule.as_f64().unwrap()).map(|v| format!("{at}: {v} is above"))
                }
                "oneOf" | "anyOf" => {
                    let wrongs: Vec<_> =
                        rule.as_array().unwrap().iter().map(|rule| self.wrong(rule, value, at)).collect();
                    let fits = wrongs.iter().filter(|wrong| wrong.is_none()).count();
                    let good = if word == "oneOf" { fits == 1 } else { fits > 0 };
                    (!good).then(|| format!("{at}: fits {fits} of {}: {wrongs:?}", wrongs.len()))
                }
                "allOf" => rule.as_array().unwrap().iter().find_map(|rule| self.wrong(rule, value, at)),
                "description" | "format" | "default" | "writeOnly" | "title" | "examples" | "propertyNames" => None,
                other => panic!("{at}: \"{other}\" is not understood"),
            };
            if wrong.is_some() {
                return wrong;
            }
        }
        None
    }

    fn kind(&self, rule: &Value, value: &Value, at: &str) -> Option<String> {
        let kinds: Vec<&str> = match rule {
            Value::Array(kinds) => kinds.iter().map(|kind| kind.as_str().unwrap()).collect(),
            kind => vec![kind.as_str().unwrap()],
        };
        let is = |kind: &&str| match *kind {
            "null" => value.is_null(),
            "boolean" => value.is_boolean(),
            "string" => value.is_string(),
            "integer" => value.is_i64() || value.is_u64(),
            "number" => value.is_number(),
            "array" => value.is_array(),
            "object" => value.is_object(),
            other => panic!("{at}: type {other} is not understood"),
        };
        (!kinds.iter().any(is)).then(|| format!("{at}: {value} is no {rule}"))
    }

    fn more(&self, schema: &Map<String, Value>, rule: &Value, value: &Value, at: &str) -> Option<String> {
        let known = schema.get("properties").and_then(Value::as_object);
        value.as_object().into_iter().flatten().find_map(|(name, value)| {
            if known.is_some_and(|known| known.contains_key(name)) {
                return None;
            }
            self.wrong(rule, value, &format!("{at}.{name}"))
        })
    }
}
