//! Generated code names nothing that a prelude brings.

#![no_implicit_prelude]

#[derive(::jobs::Job)]
#[job(queue = "images", retry = exponential("1s"), timeout = "1m", limit(by(file, list), running = 3))]
#[::jobs::job_params]
struct Resize {
    file: ::std::string::String,
    #[param(default = 32)]
    width: u32,
    #[param(default)]
    height: u32,
    list: ::std::option::Option<::std::vec::Vec<u8>>,
}

impl ::jobs::Execute for Resize {
    type Output = ();

    async fn execute(&self, _job: &::jobs::JobContext) -> ::jobs::JobResult {
        ::std::result::Result::Ok(())
    }
}

#[::jobs::job_fn(queue = "mail")]
async fn send_mail(to: ::std::string::String) -> ::jobs::JobResult {
    ::std::mem::drop(to);
    ::std::result::Result::Ok(())
}

#[::jobs::job_fn]
fn wait(_job: &::jobs::JobContext, #[param(default = 1)] seconds: u64) {
    ::std::assert_eq!(seconds, 1);
}

#[test]
fn the_macros_need_no_prelude() {
    ::std::assert_eq!(Resize::new("a").with_width(3).width(), 3);
    ::std::assert_eq!(SendMail::new("a").to(), "a");
    ::std::assert_eq!(Wait::new().seconds(), 1);
}
