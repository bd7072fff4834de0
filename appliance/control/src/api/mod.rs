//! The API.
pub mod openapi;
pub mod problem;
pub mod route;
pub mod table;
pub mod auth {
    //! t
    /// Cookie.
    pub const COOKIE: &str = "bandstand_session";
    /// Mark.
    pub const MARK: &str = "X-Bandstand";
}
/// t
pub mod call {
    /// t
    pub struct Call;
    impl Call {
        /// t
        pub async fn json<T>(&mut self, _: bool) -> Result<T, crate::refusal::Refusal> {
            Err(crate::refusal::Refusal::new(automation::fault::Code::Internal))
        }
    }
}
