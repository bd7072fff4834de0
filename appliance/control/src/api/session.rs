//! Signing in and out.

use super::auth::cookie;
use super::call::Call;
use super::problem::json_answer;
use super::route::{Gives, schema};
use crate::doc::{Claim, Health, SessionDoc, SignIn, SignedIn};
use crate::refusal::Refusal;
use crate::sign_in::SessionKey;
use crate::store::people::Person;
use warp::http::StatusCode;
use warp::http::header::SET_COOKIE;
use warp::reply::Response;

pub(super) async fn health(_call: Call) -> Result<Health, Refusal> {
    Ok(Health { status: "ok".into(), version: crate::VERSION.into() })
}

pub(super) async fn show(call: Call) -> Result<SessionDoc, Refusal> {
    let claimed = call.desk.door.claimed().await?;
    Ok(SessionDoc { claimed, user: call.person.map(|person| person.name) })
}

pub(super) async fn claim(mut call: Call) -> Result<Response, Refusal> {
    let claim: Claim = call.json(true).await?;
    let from = call.peer.address.ip();
    let signed_in = call.desk.door.claim(from, &claim.code, &claim.name, &claim.password).await?;
    Ok(welcome(StatusCode::CREATED, signed_in, call.peer.tls))
}

pub(super) async fn sign_in(mut call: Call) -> Result<Response, Refusal> {
    let sign_in: SignIn = call.json(true).await?;
    let signed_in = call.desk.door.sign_in(call.peer.address.ip(), &sign_in.name, &sign_in.password).await?;
    Ok(welcome(StatusCode::OK, signed_in, call.peer.tls))
}

pub(super) async fn sign_out(call: Call) -> Result<Response, Refusal> {
    if let Some(key) = &call.key {
        call.desk.door.sign_out(key).await?;
    }
    let mut response = json_answer(StatusCode::NO_CONTENT, Gives::Empty, &());
    response.headers_mut().insert(SET_COOKIE, cookie(None, call.peer.tls));
    Ok(response)
}

fn welcome(status: StatusCode, (person, key): (Person, SessionKey), tls: bool) -> Response {
    let mut response = json_answer(status, Gives::Json(schema::<SignedIn>()), &SignedIn { user: person.name });
    response.headers_mut().insert(SET_COOKIE, cookie(Some(&key), tls));
    response
}
