/// Logs a user in.
#[derive(Job)]
#[job_params]
#[serde(rename_all = "camelCase")]
pub struct LogIn {
    user: String,
    #[param(secret)]
    #[serde(alias = "passphrase")]
    pass_word: String,
    #[param(secret, default = 1234)]
    r#pin: u32,
}
