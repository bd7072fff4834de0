//! Signing in.

use automation::secret::Secret;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// That Bandstand answers.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Health {
    /// `ok`.
    pub status: String,
    /// Version of Bandstand.
    pub version: String,
}

/// Who is signed in.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SessionDoc {
    /// Whether anybody has an account yet; where not, the page asks for the first sign-in code.
    pub claimed: bool,
    /// The name of the person who is signed in.
    #[schema(required)]
    pub user: Option<String>,
}

/// The first sign-in: makes the first account.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// The code that `bandstand` printed when it started.
    #[schema(value_type = String)]
    pub code: Secret,
    /// The account's name, 1 to 100 characters.
    pub name: String,
    /// Its password, 8 to 256 characters.
    #[schema(value_type = String)]
    pub password: Secret,
}

/// A sign-in.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    /// The account's name.
    pub name: String,
    /// Its password.
    #[schema(value_type = String)]
    pub password: Secret,
}

/// Who has signed in.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SignedIn {
    /// The account's name.
    pub user: String,
}
