//! Asks for the credential that each dialect's real server asks for, and complains as that does. OpenAI's own paths are open, as they
//! are on servers of one's own; any key is good, but an AWS signature is verified in full, for one test key.

use http::HeaderMap;
use http::request::Parts;

use super::call::{Call, Dialect};
use super::errors::Complaint;
use super::sigv4;

pub(crate) fn check(call: &Call, head: &Parts, body: &[u8]) -> Result<(), Complaint> {
    match call.dialect {
        Dialect::OpenAi => Ok(()),
        Dialect::Azure => azure(call, head),
        Dialect::Anthropic => anthropic(&head.headers),
        Dialect::Gemini => gemini(&head.headers),
        Dialect::Bedrock => bedrock(head, body),
    }
}

fn azure(call: &Call, head: &Parts) -> Result<(), Complaint> {
    let message = "Access denied due to invalid subscription key or wrong API endpoint.";
    if header(&head.headers, "api-key").is_none() && bearer(&head.headers).is_none() {
        return Err(Complaint::status(401, message));
    }
    let versioned = !head.uri.path().contains("/openai/v1/");
    if versioned && call.api_version.is_none() { Err(Complaint::status(404, "Resource not found").coded("404")) } else { Ok(()) }
}

fn anthropic(headers: &HeaderMap) -> Result<(), Complaint> {
    if header(headers, "x-api-key").is_none() && bearer(headers).is_none() {
        return Err(Complaint::status(401, "x-api-key header is required"));
    }
    match header(headers, "anthropic-version") {
        Some("2026-10-21" | "2023-06-01" | "2023-01-01") => Ok(()),
        Some(other) => Err(Complaint::bad(format!("anthropic-version: \"{other}\" is not a valid version"))),
        None => Err(Complaint::bad("anthropic-version: header is required")),
    }
}

fn gemini(headers: &HeaderMap) -> Result<(), Complaint> {
    if header(headers, "x-goog-api-key").is_some() || bearer(headers).is_some() {
        return Ok(());
    }
    Err(Complaint::status(403, "Method doesn't allow unregistered callers (callers without established identity)."))
}

fn bedrock(head: &Parts, body: &[u8]) -> Result<(), Complaint> {
    if bearer(&head.headers).is_some() {
        return Ok(());
    }
    sigv4::verify(head, body).map_err(|why| Complaint::status(403, why))
}

pub(crate) fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().filter(|value| !value.is_empty())
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    header(headers, "authorization")?.strip_prefix("Bearer ")
}
